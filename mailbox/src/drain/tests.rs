//! Runs against the store on maps, with a handler that adds its payload up.

use super::*;
use crate::append::Put;
use crate::lease::Woken;
use crate::memory::Tables;
use crate::reply::ReplyKey;

const NOW: Timestamp = Timestamp(1_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn address() -> Address {
    Address::new("test.v1.Sum", "a").expect("an address")
}

fn ask(id: &str, add: u8) -> Message {
    Message {
        id: MessageId::new(id).expect("an id"),
        kind: Kind::Ask,
        method: "Add".into(),
        payload: Bytes::from(vec![add]),
        sent_at: NOW,
        deadline: None,
        headers: Vec::new(),
    }
}

fn put(tables: &mut Tables, first: u64, messages: &[Message]) -> Segment {
    let segment = Segment::new(Sequence(first), messages);
    assert_eq!(tables.put_segment(&address(), &segment), Put::Stored);
    segment
}

fn wake(tables: &mut Tables, now: Timestamp) -> Lease {
    match tables.wake(&address(), &Terms::default().wake(now, now.0)) {
        Woken::Granted(lease) => lease,
        Woken::Refused(record) => panic!("refused: {record:?}"),
    }
}

fn drain(lease: &Lease, segments: &[Segment], more: bool) -> Drain {
    Drain::new(lease, segments, more, Terms::default(), DAY).expect("segments that can be read")
}

/// Adds the payload to the state; 0 is refused and 255 fails.
fn handle(drain: &Drain, run: &Run) -> Ran {
    let sum = drain.state().map_or(0, |state| state[0]);
    match run.message.payload[0] {
        0 => Ran::Refused { outcome: Outcome::new(3, Bytes::new()) },
        255 => Ran::Failed { delay: Duration::from_millis(200) },
        add => Ran::Done {
            state: Some(Bytes::from(vec![sum + add])),
            response: Bytes::from(vec![sum + add]),
        },
    }
}

/// Runs to the end; how often each kind of step was taken.
fn run(tables: &mut Tables, drain: &mut Drain) -> (End, Vec<&'static str>) {
    let mut steps = Vec::new();
    for _ in 0..1_000 {
        match drain.step(NOW, false) {
            Step::Query(first) => {
                steps.push("query");
                drain.loaded(&tables.deliverable(&address(), first, 3)).expect("a page");
            }
            Step::Run(run) => {
                steps.push("run");
                drain.ran(handle(drain, &run), NOW);
            }
            Step::Commit(commit) => {
                steps.push("commit");
                drain.committed(tables.commit(&commit));
            }
            Step::End(end) => return (end, steps),
        }
    }
    panic!("the run does not end: {drain:?}");
}

fn outcome(tables: &Tables, id: &str) -> Option<Outcome> {
    let key = ReplyKey::new(&address(), &MessageId::new(id).expect("an id"));
    tables.replies(&[key], NOW)[0].clone().map(|reply| reply.outcome)
}

fn record(tables: &Tables) -> Record {
    tables.record(&address()).expect("a record")
}

#[test]
fn messages_at_hand_take_one_commit_that_releases() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 2), ask("b", 3)]);
    let lease = wake(&mut tables, NOW);
    let (end, steps) = run(&mut tables, &mut drain(&lease, &[segment], false));
    assert_eq!((end, steps), (End::Released, vec!["run", "run", "commit"]));
    let record = record(&tables);
    assert_eq!((record.head, record.partial, record.attempt), (Sequence(2), 0, 0));
    assert_eq!((record.lease_until, record.due.is_some()), (None, true));
    assert_eq!(outcome(&tables, "b"), Some(Outcome::Ok(Bytes::from_static(&[5]))));
}

#[test]
fn a_backlog_is_read_page_by_page() {
    let mut tables = Tables::default();
    for n in 1..=10 {
        put(&mut tables, n, &[ask(&n.to_string(), 1)]);
    }
    let lease = wake(&mut tables, NOW);
    let (end, steps) = run(&mut tables, &mut drain(&lease, &[], true));
    assert_eq!(end, End::Released);
    assert_eq!(steps.iter().filter(|step| **step == "run").count(), 10);
    assert_eq!(record(&tables).state, Some(Bytes::from_static(&[10])));
}

#[test]
fn a_hole_is_queried_again_and_never_skipped() {
    let mut tables = Tables::default();
    put(&mut tables, 1, &[ask("a", 1)]);
    let third = Segment::new(Sequence(3), &[ask("c", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut drain = drain(&lease, &[], true);
    assert_eq!(drain.step(NOW, false), Step::Query(Sequence(1)));
    let mut page = tables.deliverable(&address(), Sequence(1), 10);
    page.segments.push(third.clone());
    drain.loaded(&page).expect("a page");
    let Step::Run(first) = drain.step(NOW, false) else { panic!("the first is there") };
    drain.ran(handle(&drain, &first), NOW);
    let Step::Commit(commit) = drain.step(NOW, false) else { panic!("the first was run") };
    assert!(matches!(commit.lease, LeaseAfter::Renewed { .. }));
    drain.committed(tables.commit(&commit));
    for _ in 0..=HOLES_MAX {
        assert_eq!(drain.step(NOW, false), Step::Query(Sequence(2)));
        drain.loaded(&Page { segments: vec![third.clone()], more: false }).expect("a page");
    }
    assert_eq!(drain.step(NOW, false), Step::End(End::Hole { at: Sequence(2) }));
}

#[test]
fn a_stale_epoch_cannot_commit() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1)]);
    let old = wake(&mut tables, NOW);
    let late = NOW.plus(Duration::from_secs(11));
    let new = wake(&mut tables, late);
    let (end, _) = run(&mut tables, &mut drain(&old, std::slice::from_ref(&segment), false));
    assert_eq!((end, record(&tables).head), (End::Fenced, Sequence(0)));
    let (end, _) = run(&mut tables, &mut drain(&new, &[segment], false));
    assert_eq!((end, record(&tables).head), (End::Released, Sequence(1)));
}

#[test]
fn a_refusal_is_a_reply_and_undoes_its_change() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 7), ask("no", 0), ask("b", 1)]);
    let lease = wake(&mut tables, NOW);
    run(&mut tables, &mut drain(&lease, &[segment], false));
    assert_eq!(outcome(&tables, "no").map(|outcome| outcome.code()), Some(3));
    assert_eq!(outcome(&tables, "b"), Some(Outcome::Ok(Bytes::from_static(&[8]))));
}

#[test]
fn a_failure_commits_what_came_before_and_lets_the_mailbox_wait() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 7), ask("fails", 255), ask("b", 1)]);
    let lease = wake(&mut tables, NOW);
    let not_before = NOW.plus(Duration::from_millis(200));
    let (end, _) = run(&mut tables, &mut drain(&lease, std::slice::from_ref(&segment), false));
    assert_eq!(end, End::Deferred { not_before });
    let after = record(&tables);
    assert_eq!((after.head, after.partial, after.attempt), (Sequence(1), 1, 1));
    assert_eq!((after.not_before, after.due), (Some(not_before), Some(not_before)));

    // The next run begins inside of the segment, at the failed message.
    let lease = wake(&mut tables, not_before);
    let mut second = drain(&lease, &[], true);
    assert_eq!(second.step(not_before, false), Step::Query(Sequence(1)));
    second.loaded(&Page { segments: vec![segment], more: false }).expect("a page");
    let Step::Run(run) = second.step(not_before, false) else { panic!("a message waits") };
    assert_eq!((run.sequence, run.attempt), (Sequence(2), 2));
}

#[test]
fn after_a_crash_messages_are_committed_one_by_one() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1), ask("b", 1), ask("c", 1)]);
    wake(&mut tables, NOW);
    let lease = wake(&mut tables, NOW.plus(Duration::from_secs(11)));
    let (end, steps) = run(&mut tables, &mut drain(&lease, &[segment], false));
    assert_eq!(end, End::Released);
    assert_eq!(steps, ["run", "commit", "run", "commit", "run", "commit"]);
}

#[test]
fn a_commit_whose_answer_was_lost_has_succeeded() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut drain = drain(&lease, &[segment], false);
    let Step::Run(first) = drain.step(NOW, false) else { panic!("a message waits") };
    drain.ran(handle(&drain, &first), NOW);
    let Step::Commit(commit) = drain.step(NOW, false) else { panic!("a message was run") };
    assert_eq!(tables.commit(&commit), Committed::Applied);
    assert_eq!(drain.step(NOW, false), Step::Commit(commit.clone()));
    assert_eq!(drain.committed(tables.commit(&commit)).len(), 1);
    assert_eq!(drain.step(NOW, false), Step::End(End::Released));
}

#[test]
fn a_message_that_was_processed_before_is_dropped_and_the_rest_committed() {
    let mut tables = Tables::default();
    put(&mut tables, 1, &[ask("a", 1)]);
    let lease = wake(&mut tables, NOW);
    run(&mut tables, &mut drain(&lease, &[], true));
    put(&mut tables, 2, &[ask("b", 2), ask("a", 1), ask("c", 4)]);
    let lease = wake(&mut tables, NOW);
    let (end, _) = run(&mut tables, &mut drain(&lease, &[], true));
    assert_eq!(end, End::Released);
    assert_eq!(record(&tables).state, Some(Bytes::from_static(&[7])));
    assert_eq!(outcome(&tables, "a"), Some(Outcome::Ok(Bytes::from_static(&[1]))));
    assert_eq!(outcome(&tables, "c"), Some(Outcome::Ok(Bytes::from_static(&[7]))));
}

#[test]
fn a_run_that_is_stopped_hands_over_and_counts_no_attempt() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1), ask("b", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut drain = drain(&lease, &[segment], false);
    let Step::Commit(commit) = drain.step(NOW, true) else { panic!("it was stopped") };
    drain.committed(tables.commit(&commit));
    assert_eq!(drain.step(NOW, true), Step::End(End::Stopped));
    let record = record(&tables);
    assert_eq!((record.head, record.attempt, record.lease_until), (Sequence(0), 0, None));
    assert!(record.due.is_some());
}

#[test]
fn a_lease_half_over_is_renewed_before_the_next_message() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1)]);
    let lease = wake(&mut tables, NOW);
    let late = NOW.plus(Duration::from_secs(6));
    let mut drain = drain(&lease, &[segment], false);
    let Step::Commit(commit) = drain.step(late, false) else { panic!("the lease is half over") };
    assert_eq!((commit.head, commit.attempt), (Sequence(0), 1));
    drain.committed(tables.commit(&commit));
    assert!(matches!(drain.step(late, false), Step::Run(_)));
    assert_eq!(record(&tables).lease_until, Some(late.plus(Duration::from_secs(10))));
}

#[test]
fn a_commit_is_cut_to_what_a_transaction_holds() {
    let mut tables = Tables::default();
    let messages: Vec<_> = (0..150).map(|n| ask(&n.to_string(), 1)).collect();
    let segment = put(&mut tables, 1, &messages);
    let lease = wake(&mut tables, NOW);
    let (end, steps) = run(&mut tables, &mut drain(&lease, &[segment], false));
    assert_eq!(end, End::Released);
    assert_eq!(steps.iter().filter(|step| **step == "commit").count(), 2);
    assert_eq!(record(&tables).state, Some(Bytes::from_static(&[150])));
}

#[test]
fn a_long_handler_keeps_its_lease_and_a_lost_one_ends_the_run() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1), ask("b", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut drain = drain(&lease, &[segment], false);
    let Step::Run(first) = drain.step(NOW, false) else { panic!("a message waits") };
    drain.ran(handle(&drain, &first), NOW);
    assert!(matches!(drain.step(NOW, false), Step::Run(_)));
    let late = NOW.plus(Duration::from_secs(6));
    assert!(drain.renew_at() < late);
    let renewal = drain.renewal(late);
    assert!(drain.renewed(&renewal, &tables.commit(&renewal)));
    // It keeps the lease and commits nothing of what was run.
    assert_eq!(
        record(&tables),
        Record {
            lease_until: Some(Timestamp(NOW.0 + 16_000)),
            due: record(&tables).due,
            ..lease.record
        }
    );
    assert!(matches!(drain.step(late, false), Step::Run(_)));

    let much_later = NOW.plus(Duration::from_secs(60));
    wake(&mut tables, much_later);
    let renewal = drain.renewal(much_later);
    assert!(!drain.renewed(&renewal, &tables.commit(&renewal)));
    assert_eq!(drain.step(much_later, false), Step::End(End::Fenced));
}
