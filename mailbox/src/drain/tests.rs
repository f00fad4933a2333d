//! Runs against the store on maps, with a handler that adds its payload up.

use super::*;
use crate::append::Put;
use crate::lease::Woken;
use crate::memory::Tables;
use crate::message::Kind;
use crate::parcel::{Parcel, Tick};
use crate::record::Record;
use crate::reply::ReplyKey;

const NOW: Timestamp = Timestamp(1_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn address() -> Address {
    Address::new("test.v1.Sum", "a").expect("an address")
}

fn ask(id: &str, add: u8) -> Message {
    Message::new(MessageId::new(id).expect("an id"), Kind::Ask, "Add", Bytes::from(vec![add]), NOW)
}

/// A message that another actor sends, or this one to itself.
fn tell(id: &str, add: u8) -> Message {
    Message { kind: Kind::Tell, sender: Some(other()), ..ask(id, add) }
}

fn other() -> Address {
    Address::new("test.v1.Sum", "other").expect("an address")
}

fn put(tables: &mut Tables, first: u64, messages: &[Message]) -> Segment {
    let segment = Segment::new(Sequence(first), messages);
    assert_eq!(tables.put_segment(&address(), &segment, NOW.plus(DAY)), Put::Stored);
    segment
}

fn wake(tables: &mut Tables, now: Timestamp) -> Lease {
    match tables.wake(&address(), &Terms::default().wake(&address(), now, now.0)) {
        Woken::Granted(lease) => lease,
        Woken::Refused(record) => panic!("refused: {record:?}"),
    }
}

fn rules() -> Rules {
    Rules { terms: Terms::default(), reply_retention: DAY, attempts: Attempts::default() }
}

fn drain(lease: &Lease, segments: &[Segment], more: bool) -> Drain {
    let run = lease.epoch().0;
    Drain::new(lease, segments, more, rules(), run).expect("segments that can be read")
}

/// Adds the payload to the state; 0 is refused and 255 fails.
fn handle(drain: &Drain, run: &Run) -> Ran {
    let sum = drain.state().map_or(0, |state| state[0]);
    match run.message.payload[0] {
        0 => Ran::Refused { outcome: Outcome::Failed { code: 3, status: Bytes::new() } },
        255 => Ran::Failed { delay: Duration::from_millis(200), error: "no luck".into() },
        add => Ran::Done {
            state: Change::Set(Bytes::from(vec![sum + add])),
            response: Some(Bytes::from(vec![sum + add])),
            effects: Effects::default(),
        },
    }
}

/// Runs to the end with a handler; how often each kind of step was taken.
fn run_with(
    tables: &mut Tables,
    drain: &mut Drain,
    now: Timestamp,
    mut handle: impl FnMut(&Drain, &Run) -> Ran,
) -> (End, Vec<&'static str>) {
    let mut steps = Vec::new();
    for _ in 0..1_000 {
        match drain.step(now, false) {
            Step::LoadState(spilled) => {
                steps.push("load");
                drain.state_loaded(tables.state(&address(), spilled));
            }
            Step::Query(first) => {
                steps.push("query");
                drain.loaded(&tables.deliverable(&address(), first, now, 3)).expect("a page");
            }
            Step::QueryInbox => {
                steps.push("inbox");
                drain.inbox_loaded(&tables.inbox(&address(), now, 3));
            }
            Step::FindReply(id) => {
                steps.push("find");
                let key = ReplyKey::new(&address(), &id);
                drain.reply_found(tables.replies(&[key], now)[0].is_some(), now);
            }
            Step::Run(run) => {
                steps.push("run");
                drain.ran(handle(drain, &run), now);
            }
            Step::Commit(commit) => {
                steps.push("commit");
                assert!(commit.items() <= crate::limits::COMMIT_ITEMS_MAX);
                drain.committed(tables.commit(&commit));
            }
            Step::End(end) => return (end, steps),
        }
    }
    panic!("the run does not end: {drain:?}");
}

fn run(tables: &mut Tables, drain: &mut Drain) -> (End, Vec<&'static str>) {
    run_with(tables, drain, NOW, handle)
}

/// A handler that succeeds and does nothing else but `effects`.
fn does(effects: Effects) -> Ran {
    Ran::Done { state: Change::None, response: Some(Bytes::new()), effects }
}

fn state(tables: &Tables) -> Option<Stored> {
    record(tables).state
}

fn inline(sum: u8) -> Option<Stored> {
    Some(Stored::Inline(Bytes::from(vec![sum])))
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
    assert_eq!(state(&tables), inline(10));
}

#[test]
fn a_hole_is_queried_again_and_never_skipped() {
    let mut tables = Tables::default();
    put(&mut tables, 1, &[ask("a", 1)]);
    let third = Segment::new(Sequence(3), &[ask("c", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut drain = drain(&lease, &[], true);
    assert_eq!(drain.step(NOW, false), Step::Query(Sequence(1)));
    let mut page = tables.deliverable(&address(), Sequence(1), NOW, 10);
    page.segments.push(third.clone());
    drain.loaded(&page).expect("a page");
    let Step::Run(first) = drain.step(NOW, false) else { panic!("the first is there") };
    drain.ran(handle(&drain, &first), NOW);
    let Step::Commit(commit) = drain.step(NOW, false) else { panic!("the first was run") };
    assert!(matches!(commit.lease, LeaseAfter::Renewed { .. }));
    drain.committed(tables.commit(&commit));
    for _ in 0..=16 {
        assert_eq!(drain.step(NOW, false), Step::Query(Sequence(2)));
        drain.loaded(&Page { segments: vec![third.clone()], ..Page::default() }).expect("a page");
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
    assert_eq!(outcome(&tables, "no").map(|outcome| outcome.parts().0), Some(3));
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
    second.loaded(&Page { segments: vec![segment], ..Page::default() }).expect("a page");
    let Step::Run(run) = second.step(not_before, false) else { panic!("a message waits") };
    assert_eq!((run.sequence, run.attempt), (Some(Sequence(2)), 2));
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
fn of_two_runs_under_one_lease_only_one_commits() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1), ask("b", 1)]);
    let lease = wake(&mut tables, NOW);
    let runs = [1, 2].map(|run| {
        let segments = std::slice::from_ref(&segment);
        Drain::new(&lease, segments, false, rules(), run).expect("a run")
    });
    let ends = runs.map(|mut drain| run(&mut tables, &mut drain).0);
    assert_eq!(ends, [End::Released, End::Fenced]);
    assert_eq!(state(&tables), inline(2));
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
    assert_eq!(state(&tables), inline(7));
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
    assert_eq!(state(&tables), inline(150));
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
            revision: Revision(1),
            run: 1,
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

fn put_parcel(tables: &mut Tables, tick: u64, message: Message) {
    let slot = Slot::Inbox { tick: Tick(tick), id: message.id.clone() };
    tables.put_parcel(&address(), &Parcel { slot, message, timer: None });
}

fn ids_of_runs(tables: &mut Tables, drain: &mut Drain, now: Timestamp) -> (End, Vec<String>) {
    let mut ids = Vec::new();
    let (end, _) = run_with(tables, drain, now, |drain, run| {
        ids.push(run.message.id.as_str().to_owned());
        handle(drain, run)
    });
    (end, ids)
}

#[test]
fn what_another_actor_sends_runs_after_a_second_query() {
    let mut tables = Tables::default();
    put_parcel(&mut tables, 1, tell("p", 5));
    let lease = wake(&mut tables, NOW);
    let (end, steps) = run(&mut tables, &mut drain(&lease, &[], true));
    assert_eq!((end, steps), (End::Released, vec!["query", "inbox", "run", "commit"]));
    assert_eq!((state(&tables), record(&tables).head), (inline(5), Sequence(0)));
    assert_eq!(tables.inbox(&address(), NOW, 9), Page::default());
}

#[test]
fn a_query_that_misses_what_was_sent_first_does_not_reorder() {
    let mut tables = Tables::default();
    let lease = wake(&mut tables, NOW);
    let mut drain = drain(&lease, &[], true);
    put_parcel(&mut tables, 2, tell("second", 2));
    assert!(matches!(drain.step(NOW, false), Step::Query(_)));
    drain.loaded(&tables.deliverable(&address(), Sequence(1), NOW, 9)).expect("a page");
    // It was stored before the second one, and the query overtook it.
    put_parcel(&mut tables, 1, tell("first", 1));
    let (_, ids) = ids_of_runs(&mut tables, &mut drain, NOW);
    assert_eq!(ids, ["first", "second"]);
}

#[test]
fn a_long_log_does_not_starve_parcels_nor_they_the_log() {
    let mut tables = Tables::default();
    for n in 1..=9 {
        put(&mut tables, n, &[ask(&format!("log{n}"), 1)]);
        put_parcel(&mut tables, n, tell(&format!("parcel{n}"), 1));
    }
    let lease = wake(&mut tables, NOW);
    let (end, ids) = ids_of_runs(&mut tables, &mut drain(&lease, &[], true), NOW);
    assert_eq!((end, ids.len()), (End::Released, 18));
    let turns: Vec<_> = ids.chunks(3).map(|chunk| chunk[0].starts_with("log")).collect();
    // The first query for parcels only shows them, the next one confirms them.
    assert_eq!(turns, [true, true, false, true, false, false]);
}

#[test]
fn a_failed_parcel_runs_first_although_the_log_has_grown() {
    let mut tables = Tables::default();
    put_parcel(&mut tables, 1, tell("fails", 255));
    let lease = wake(&mut tables, NOW);
    let (end, _) = run(&mut tables, &mut drain(&lease, &[], true));
    let End::Deferred { not_before } = end else { panic!("it fails: {end:?}") };
    assert_eq!(record(&tables).error.as_deref(), Some("no luck"));
    let segment = put(&mut tables, 1, &[ask("later", 1)]);
    let lease = wake(&mut tables, not_before);
    let mut seen = Vec::new();
    run_with(&mut tables, &mut drain(&lease, &[segment], false), not_before, |_, run| {
        seen.push((run.message.id.as_str().to_owned(), run.attempt));
        does(Effects::default())
    });
    assert_eq!(seen, [("fails".to_owned(), 2), ("later".to_owned(), 1)]);
    assert_eq!((record(&tables).attempt, record(&tables).error), (0, None));
}

#[test]
fn a_front_that_is_gone_leaves_the_next_message_its_attempts() {
    let mut tables = Tables::default();
    put_parcel(&mut tables, 1, tell("fails", 255));
    let lease = wake(&mut tables, NOW);
    let (End::Deferred { not_before }, _) = run(&mut tables, &mut drain(&lease, &[], true)) else {
        panic!("it fails")
    };
    let slots = [record(&tables).front.expect("it is known")];
    tables.remove_parcels(&address(), &slots);
    put(&mut tables, 1, &[ask("later", 1)]);
    let lease = wake(&mut tables, not_before);
    let mut attempts = Vec::new();
    run_with(&mut tables, &mut drain(&lease, &[], true), not_before, |drain, run| {
        attempts.push(run.attempt);
        handle(drain, run)
    });
    assert_eq!(attempts, [1]);
}

fn exhausting(tables: &mut Tables, then: Exhausted) -> End {
    let segment = put(tables, 1, &[ask("fails", 255), ask("b", 1)]);
    let attempts = Attempts { most: Some(2), then };
    let mut now = NOW;
    for _ in 0..5 {
        let lease = wake(tables, now);
        let segments = std::slice::from_ref(&segment);
        let drain = Drain::new(&lease, segments, false, Rules { attempts, ..rules() }, 1);
        let (end, _) = run_with(tables, &mut drain.expect("a drain"), now, handle);
        match end {
            End::Deferred { not_before } => now = not_before,
            end => return end,
        }
    }
    panic!("it fails for ever");
}

#[test]
fn after_its_last_attempt_a_message_is_set_aside_and_the_next_one_runs() {
    let mut tables = Tables::default();
    assert_eq!(exhausting(&mut tables, Exhausted::DeadLetter), End::Released);
    let dead = Outcome::DeadLettered { attempts: 2, error: "no luck".into() };
    assert_eq!(outcome(&tables, "fails"), Some(dead));
    assert_eq!(state(&tables), inline(1));
    let letters = tables.dead_letters(&address(), None, 9);
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].attempts, letters[0].message.id.as_str()), (2, "fails"));

    // Redriven, it runs as if it had never been tried.
    assert!(tables.redrive(&address(), &letters[0].key(), Tick(1)));
    assert_eq!(outcome(&tables, "fails"), None);
    let lease = wake(&mut tables, NOW.plus(DAY));
    let (end, _) = run_with(&mut tables, &mut drain(&lease, &[], true), NOW, |_, run| {
        assert_eq!(run.attempt, 1);
        does(Effects::default())
    });
    assert_eq!((end, outcome(&tables, "fails")), (End::Released, Some(Outcome::Ok(Bytes::new()))));
}

#[test]
fn a_suspended_mailbox_keeps_the_message_until_it_is_resumed() {
    let mut tables = Tables::default();
    assert_eq!(exhausting(&mut tables, Exhausted::Suspend), End::Suspended);
    let paused = record(&tables);
    assert_eq!((paused.paused.as_deref(), paused.head), (Some("no luck"), Sequence(0)));
    assert!(paused.due.is_some());
    let later = NOW.plus(DAY);
    let refused = tables.wake(&address(), &Terms::default().wake(&address(), later, 1));
    assert!(matches!(refused, Woken::Refused(_)));
    tables.control(&address(), &crate::control::Control::Resume { now: later });
    assert_eq!(wake(&mut tables, later).record.attempt, 1);
}

#[test]
fn a_message_whose_runs_all_crash_is_set_aside_without_another() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("kills", 1), ask("b", 1)]);
    let mut now = NOW;
    let mut lease = wake(&mut tables, now);
    while lease.record.attempt <= 20 {
        now = now.plus(Duration::from_secs(11));
        lease = wake(&mut tables, now);
    }
    let (_, ids) = ids_of_runs(&mut tables, &mut drain(&lease, &[segment], false), now);
    assert_eq!(ids, ["b"]);
    let Some(Outcome::DeadLettered { attempts: 20, error }) = outcome(&tables, "kills") else {
        panic!("it was to be set aside");
    };
    assert_eq!(error, CRASHED);
}

#[test]
fn a_copy_of_a_message_that_was_set_aside_is_not_tried_as_often_again() {
    let mut tables = Tables::default();
    let fails = Message { receipt: true, ..ask("fails", 255) };
    let segment = put(&mut tables, 1, &[fails.clone(), ask("b", 1)]);
    let attempts = Attempts { most: Some(1), then: Exhausted::DeadLetter };
    let lease = wake(&mut tables, NOW);
    let rules = Rules { attempts, ..rules() };
    let mut first = Drain::new(&lease, &[segment], false, rules, 1).expect("a run");
    let (end, steps) = run(&mut tables, &mut first);
    assert_eq!((end, &steps[..2]), (End::Released, &["run", "find"][..]));
    let letters = tables.dead_letters(&address(), None, 9).len();
    // It was sent again meanwhile.
    let segment = put(&mut tables, 3, &[fails, ask("c", 1)]);
    let lease = wake(&mut tables, NOW);
    let (end, steps) = run(&mut tables, &mut drain(&lease, &[segment], false));
    assert_eq!((end, steps), (End::Released, vec!["run", "find", "run", "commit"]));
    assert_eq!((tables.dead_letters(&address(), None, 9).len(), letters), (1, 1));
    assert_eq!(state(&tables), inline(2));
}

#[test]
fn the_same_id_twice_in_one_batch_runs_once() {
    let mut tables = Tables::default();
    let tell = Message { receipt: true, ..tell("t", 2) };
    let segment = put(&mut tables, 1, &[ask("a", 1), ask("a", 1), tell.clone(), tell]);
    let lease = wake(&mut tables, NOW);
    let (end, ids) = ids_of_runs(&mut tables, &mut drain(&lease, &[segment], false), NOW);
    assert_eq!((end, ids), (End::Released, vec!["a".to_owned(), "t".to_owned()]));
    assert_eq!((state(&tables), record(&tables).head), (inline(3), Sequence(4)));
}

fn sends(to: Address, id: &str) -> Effects {
    let message = Message { sender: Some(address()), ..tell(id, 1) };
    Effects { sends: vec![Outgoing { to, message, at: None }], ..Effects::default() }
}

#[test]
fn what_a_message_sends_is_committed_with_it_and_the_target_waits_to_be_woken() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut drain = drain(&lease, &[segment], false);
    let (end, _) = run_with(&mut tables, &mut drain, NOW, |_, _| does(sends(other(), "p")));
    assert_eq!(end, End::Released);
    let wakes = vec![PendingWake { address: other(), at: None }];
    assert_eq!(drain.wakes().cloned().collect::<Vec<_>>(), wakes);
    assert_eq!(record(&tables).wakes, wakes);
    assert_eq!(tables.inbox(&other(), NOW, 9).parcels.len(), 1);
    // Who is handed a record whose wakes are done forgets them with its commit.
    let mut next = wake(&mut tables, NOW.plus(DAY));
    next.record.wakes.clear();
    let segment = put(&mut tables, 2, &[ask("b", 1)]);
    run(&mut tables, &mut self::drain(&next, &[segment], false));
    assert_eq!(record(&tables).wakes, []);
}

#[test]
fn a_run_ends_soon_after_it_has_sent_something() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1), ask("b", 1)]);
    wake(&mut tables, NOW);
    // After a crash: each message has its commit.
    let lease = wake(&mut tables, NOW.plus(DAY));
    let mut drain = drain(&lease, &[segment], false);
    let mut now = NOW.plus(DAY);
    let mut runs = 0;
    let end = loop {
        match drain.step(now, false) {
            Step::Run(_) => {
                runs += 1;
                drain.ran(does(sends(other(), "p")), now);
            }
            Step::Commit(commit) => {
                drain.committed(tables.commit(&commit));
                assert!(matches!(drain.step(now, false), Step::Run(_) | Step::End(_)));
                now = now.plus(WAKES_WAIT_MAX);
            }
            Step::End(end) => break end,
            step => panic!("{step:?}"),
        }
    };
    assert_eq!((end, runs, record(&tables).head), (End::Stopped, 1, Sequence(1)));
}

#[test]
fn what_an_actor_sends_to_itself_runs_in_the_same_run() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut left = 3;
    let (end, steps) = run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, |_, _| {
        left -= 1;
        does(if left == 0 { Effects::default() } else { sends(address(), &left.to_string()) })
    });
    assert_eq!((end, left), (End::Released, 0));
    assert_eq!(steps.iter().filter(|step| **step == "run").count(), 3);
    assert_eq!(record(&tables).wakes, []);
}

fn timers(changes: Vec<TimerChange>) -> Effects {
    Effects { timers: changes, ..Effects::default() }
}

fn set(name: &str, seconds: u64, id: &str) -> TimerChange {
    let message = Message { sender: None, ..tell(id, 1) };
    let at = NOW.plus(Duration::from_secs(seconds));
    TimerChange::Set { name: name.into(), at, message }
}

#[test]
fn a_timer_is_set_replaced_and_cancelled_with_the_commit() {
    let mut tables = Tables::default();
    let delayed = |tables: &Tables| {
        let parcels = tables.inbox(&address(), NOW.plus(DAY), 9).parcels;
        parcels.iter().map(|p| p.message.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    let steps = [
        (vec![set("a", 5, "a1"), set("b", 6, "b1")], vec!["a1", "b1"]),
        (vec![set("a", 9, "a2"), set("a", 3, "a3")], vec!["a3", "b1"]),
        (vec![TimerChange::Cancel { name: "b".into() }, set("c", 1, "c1")], vec!["c1", "a3"]),
        (vec![set("d", 1, "d1"), TimerChange::Cancel { name: "d".into() }], vec!["c1", "a3"]),
    ];
    for (n, (changes, expected)) in (1..).zip(steps) {
        let segment = put(&mut tables, n, &[ask(&n.to_string(), 1)]);
        let lease = wake(&mut tables, NOW);
        let mut drain = drain(&lease, &[segment], false);
        run_with(&mut tables, &mut drain, NOW, |_, _| does(timers(changes.clone())));
        assert_eq!(delayed(&tables), expected);
    }
    let names: Vec<_> = record(&tables).timers.into_keys().collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn a_timer_fires_once_and_one_that_is_replaced_meanwhile_does_not() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 1)]);
    let lease = wake(&mut tables, NOW);
    let changes = timers(vec![set("first", 1, "f"), set("second", 2, "s")]);
    run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, |_, _| does(changes.clone()));
    let later = NOW.plus(Duration::from_secs(9));
    let lease = wake(&mut tables, later);
    let mut fired = Vec::new();
    run_with(&mut tables, &mut drain(&lease, &[], true), later, |drain, run| {
        fired.push(run.timer.clone().expect("a timer"));
        assert_eq!(drain.timers().count(), 2);
        does(timers(vec![set("second", 100, "s2")]))
    });
    assert_eq!(fired, ["first"]);
    assert_eq!(record(&tables).timers.into_keys().collect::<Vec<_>>(), ["second"]);
    assert_eq!(tables.inbox(&address(), NOW.plus(DAY), 9).parcels.len(), 1);
}

#[test]
fn a_large_state_is_loaded_before_the_first_message_and_not_without_one() {
    let mut tables = Tables::default();
    let large = Bytes::from(vec![3; 1024 * 1024]);
    let segment = put(&mut tables, 1, &[ask("a", 1)]);
    let lease = wake(&mut tables, NOW);
    run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, |_, _| Ran::Done {
        state: Change::Set(large.clone()),
        response: Some(Bytes::new()),
        effects: Effects::default(),
    });
    assert_eq!(state(&tables).expect("a state").chunks(), 3);
    let lease = wake(&mut tables, NOW);
    let (_, steps) = run(&mut tables, &mut drain(&lease, &[], true));
    assert_eq!(steps, ["query", "commit"]);
    put(&mut tables, 2, &[ask("b", 4)]);
    let lease = wake(&mut tables, NOW);
    let (_, steps) = run(&mut tables, &mut drain(&lease, &[], true));
    assert_eq!(steps, ["query", "load", "run", "commit"]);
    assert_eq!(state(&tables), inline(7));
}

#[test]
fn a_message_that_does_not_fit_waits_for_the_next_commit() {
    let mut tables = Tables::default();
    let messages: Vec<_> = (0..4).map(|n| ask(&n.to_string(), 1)).collect();
    let segment = put(&mut tables, 1, &messages);
    let lease = wake(&mut tables, NOW);
    let mut n = 0;
    let many = |n: u8| Effects {
        sends: (0..40)
            .map(|m| Outgoing { to: other(), message: tell(&format!("{n}.{m}"), 1), at: None })
            .collect(),
        ..Effects::default()
    };
    let (end, steps) = run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, |_, _| {
        n += 1;
        let state = Change::Set(vec![n].into());
        Ran::Done { state, response: Some(vec![n].into()), effects: many(n) }
    });
    assert_eq!(end, End::Released);
    assert_eq!(steps, ["run", "run", "run", "commit", "run", "commit"]);
    assert_eq!(state(&tables), inline(4));
    assert_eq!(tables.inbox(&other(), NOW, 1_000).parcels.len(), 160);
}

/// A message that sends one to each of many actors.
fn fan_out(count: u32) -> Effects {
    let to = |n: u32| Address::new("test.v1.Leaf", &n.to_string()).expect("an address");
    let sends =
        (0..count).map(|n| Outgoing { to: to(n), message: tell(&format!("m{n}"), 1), at: None });
    Effects { sends: sends.collect(), ..Effects::default() }
}

fn arrived(tables: &Tables, count: u32) -> usize {
    let to = |n: u32| Address::new("test.v1.Leaf", &n.to_string()).expect("an address");
    (0..count).map(|n| tables.inbox(&to(n), NOW, 10).parcels.len()).sum()
}

#[test]
fn what_does_not_fit_in_one_commit_is_sent_before_anything_else_runs() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[tell("fan", 1), tell("next", 1)]);
    let lease = wake(&mut tables, NOW);
    let mut sent_before = Vec::new();
    let mut begun = drain(&lease, &[segment], false);
    let mut ends = 0;
    // The run ends when many are to be woken; then the next one goes on.
    loop {
        let (end, _) = run_with(&mut tables, &mut begun, NOW, |_, run| {
            sent_before.push(run.message.id.as_str().to_owned());
            does(if run.message.id.as_str() == "fan" { fan_out(300) } else { fan_out(0) })
        });
        ends += 1;
        if sent_before.len() == 2 {
            assert_eq!(end, End::Released);
            break;
        }
        // What is not sent yet is at the front.
        let is_sent = arrived(&tables, 300) == 300;
        assert_eq!((end, record(&tables).front.is_none()), (End::Stopped, is_sent));
        let mut lease = wake(&mut tables, NOW);
        lease.record.wakes.clear();
        begun = drain(&lease, &[], true);
    }
    assert!(ends > 1, "300 are more than are woken at once");
    assert_eq!(sent_before, ["fan", "next"]);
    assert_eq!(arrived(&tables, 300), 300);
    assert!(tables.inbox(&address(), Timestamp(u64::MAX), 10).parcels.is_empty());
}

#[test]
fn a_crash_between_the_commits_of_one_message_loses_and_doubles_nothing() {
    for commits in 1..6 {
        let mut tables = Tables::default();
        let segment = put(&mut tables, 1, &[tell("fan", 1), tell("next", 1)]);
        let lease = wake(&mut tables, NOW);
        let mut first = drain(&lease, &[segment], false);
        let mut made = 0;
        let handle = |run: &Run| {
            does(if run.message.id.as_str() == "fan" { fan_out(300) } else { fan_out(0) })
        };
        while made < commits {
            match first.step(NOW, false) {
                Step::Run(run) => first.ran(handle(&run), NOW),
                Step::Commit(commit) => {
                    made += 1;
                    first.committed(tables.commit(&commit));
                }
                Step::Query(from) => {
                    let page = tables.deliverable(&address(), from, NOW, 3);
                    first.loaded(&page).expect("a page");
                }
                Step::QueryInbox => first.inbox_loaded(&tables.inbox(&address(), NOW, 3)),
                _ => break,
            }
        }
        for n in 1..10 {
            let later = NOW.plus(Duration::from_secs(60) * n);
            let Woken::Granted(mut lease) =
                tables.wake(&address(), &Terms::default().wake(&address(), later, later.0))
            else {
                panic!("the lease is over")
            };
            lease.record.wakes.clear();
            let mut next = drain(&lease, &[], true);
            run_with(&mut tables, &mut next, later, |_, run| handle(run));
        }
        assert_eq!(arrived(&tables, 300), 300, "after {commits} commits");
        assert!(tables.inbox(&address(), Timestamp(u64::MAX), 10).parcels.is_empty());
    }
}

fn caller(id: &str) -> AnswerTo {
    let id = MessageId::new(id).expect("an id");
    AnswerTo::Caller { address: address(), id, digest: None, traceparent: None }
}

#[test]
fn an_open_ask_is_answered_by_a_later_message() {
    // In one commit, and in two.
    for together in [true, false] {
        let mut tables = Tables::default();
        let messages = [ask("open", 1), tell("answer", 1)];
        let handle = |_: &Drain, run: &Run| match run.message.id.as_str() {
            "open" => {
                Ran::Done { state: Change::None, response: None, effects: Effects::default() }
            }
            _ => does(Effects {
                answers: vec![(caller("open"), Outcome::Ok(Bytes::from_static(b"yes")))],
                ..Effects::default()
            }),
        };
        let runs: &[&[Message]] =
            if together { &[&messages] } else { &[&messages[..1], &messages[1..]] };
        let mut first = 1;
        for messages in runs {
            let segment = put(&mut tables, first, messages);
            first += messages.len() as u64;
            let lease = wake(&mut tables, NOW);
            run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, handle);
            if !together && messages[0].id.as_str() == "open" {
                assert_eq!(outcome(&tables, "open"), Some(Outcome::Later));
            }
        }
        assert_eq!(outcome(&tables, "open"), Some(Outcome::Ok(Bytes::from_static(b"yes"))));
    }
}

/// An ask of another actor.
fn asked(id: &str, add: u8) -> Message {
    let answer_to = AnswerTo::Actor {
        address: other(),
        id: MessageId::new(&format!("answer-{id}")).expect("an id"),
        method: "OnAdded".into(),
        token: Bytes::from_static(b"token"),
        traceparent: None,
    };
    Message { answer_to: Some(Box::new(answer_to)), ..tell(id, add) }
}

#[test]
fn whoever_asks_gets_a_late_answer_in_the_trace_of_his_ask() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let ask = Message {
        headers: vec![header("traceparent", "asker"), header("baggage", "of=asker")],
        ..asked("a", 2)
    };
    let release = Message {
        headers: vec![
            header("traceparent", "releaser"),
            header("tracestate", "of=releaser"),
            header("baggage", "of=releaser"),
            header("callboard-principal", "jwt:releaser"),
        ],
        ..tell("release", 1)
    };
    let later = ask.waits(&address()).expect("an actor waits");
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask, release]);
    let lease = wake(&mut tables, NOW);
    run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, |_, run| {
        match run.message.id.as_str() {
            "a" => Ran::Done { state: Change::None, response: None, effects: Effects::default() },
            _ => does(Effects {
                answers: vec![(later.clone(), Outcome::Ok(Bytes::new()))],
                ..Effects::default()
            }),
        }
    });
    let [answer] = &tables.inbox(&other(), NOW, 10).parcels[..] else { panic!("one answer") };
    let expected = [header("callboard-principal", "jwt:releaser"), header("traceparent", "asker")];
    assert_eq!(answer.message.headers, expected);
}

#[test]
fn whoever_asks_gets_the_outcome_with_the_commit() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[asked("a", 2), asked("b", 0)]);
    let lease = wake(&mut tables, NOW);
    run(&mut tables, &mut drain(&lease, &[segment], false));
    let answers: Vec<_> = tables
        .inbox(&other(), NOW, 10)
        .parcels
        .into_iter()
        .map(|parcel| {
            assert_eq!(parcel.message.method, "OnAdded");
            assert_eq!(parcel.message.sender, Some(address()));
            Answer::from_encoded(parcel.message.payload).expect("an answer")
        })
        .collect();
    let token = Bytes::from_static(b"token");
    let refused = Outcome::Failed { code: 3, status: Bytes::new() };
    assert_eq!(
        answers,
        [
            Answer { token: token.clone(), outcome: Outcome::Ok(Bytes::from_static(&[2])) },
            Answer { token, outcome: refused },
        ]
    );
    assert_eq!(outcome(&tables, "a"), None, "no caller waits for it");
}

#[test]
fn whoever_asks_is_answered_once_when_the_ask_is_set_aside_and_redriven() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[asked("a", 255)]);
    let lease = wake(&mut tables, NOW);
    let attempts = Attempts { most: Some(1), ..Attempts::default() };
    let rules = Rules { attempts, ..rules() };
    let mut begun = Drain::new(&lease, &[segment], false, rules, 1).expect("a run");
    run(&mut tables, &mut begun);
    let answers = |tables: &Tables| tables.inbox(&other(), NOW, 10).parcels.len();
    assert_eq!(answers(&tables), 1);
    let [letter] = &tables.dead_letters(&address(), None, 10)[..] else { panic!("a letter") };
    let key = letter.key();
    assert!(tables.redrive(&address(), &key, Tick(1)));
    let lease = wake(&mut tables, NOW);
    run_with(&mut tables, &mut drain(&lease, &[], true), NOW, |_, _| does(Effects::default()));
    assert_eq!(answers(&tables), 1);
}

#[test]
fn a_deleted_state_is_gone_and_the_next_message_begins_anew() {
    let mut tables = Tables::default();
    let segment = put(&mut tables, 1, &[ask("a", 5)]);
    let lease = wake(&mut tables, NOW);
    run(&mut tables, &mut drain(&lease, &[segment], false));
    let segment = put(&mut tables, 2, &[tell("delete", 0)]);
    let lease = wake(&mut tables, NOW);
    run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, |_, _| Ran::Done {
        state: Change::Delete,
        response: Some(Bytes::new()),
        effects: Effects::default(),
    });
    assert_eq!(state(&tables), None);
    let segment = put(&mut tables, 3, &[ask("b", 2)]);
    let lease = wake(&mut tables, NOW);
    run(&mut tables, &mut drain(&lease, &[segment], false));
    assert_eq!(state(&tables), inline(2));
}

#[test]
fn a_copy_of_a_message_does_not_let_others_overtake_its_relay() {
    let mut tables = Tables::default();
    let fan = Message { receipt: true, ..tell("fan", 1) };
    let segment = put(&mut tables, 1, &[fan.clone(), fan, tell("next", 1)]);
    let mut lease = wake(&mut tables, NOW);
    for n in 1..10 {
        let more = n > 1;
        let segments = if more { &[][..] } else { std::slice::from_ref(&segment) };
        let mut begun = drain(&lease, segments, more);
        let (end, _) = run_with(&mut tables, &mut begun, NOW, |_, run| {
            does(match run.message.id.as_str() {
                "fan" => fan_out(200),
                // It sends one more to the last of them.
                _ => {
                    let to = Address::new("test.v1.Leaf", "199").expect("an address");
                    let last = Outgoing { to, message: tell("last", 1), at: None };
                    Effects { sends: vec![last], ..Effects::default() }
                }
            })
        });
        if end == End::Released {
            break;
        }
        lease = wake(&mut tables, NOW);
        lease.record.wakes.clear();
    }
    assert_eq!(arrived(&tables, 200), 201);
    let to = Address::new("test.v1.Leaf", "199").expect("an address");
    let ids: Vec<_> =
        tables.inbox(&to, NOW, 10).parcels.into_iter().map(|p| p.message.id).collect();
    assert_eq!(ids.iter().map(MessageId::as_str).collect::<Vec<_>>(), ["m199", "last"]);
}

#[test]
fn a_copy_of_a_message_does_not_take_its_relay_away() {
    // With the last of it, what the copy sends first fits in one commit.
    let count = 2 * (crate::limits::EFFECTS_MAX - 1) + 5;
    let mut tables = Tables::default();
    let fan = Message { receipt: true, ..tell("fan", 1) };
    let segment = put(&mut tables, 1, &[fan.clone(), fan]);
    let lease = wake(&mut tables, NOW);
    let to = Address::new("test.v1.Leaf", "0").expect("an address");
    let (end, _) = run_with(&mut tables, &mut drain(&lease, &[segment], false), NOW, |_, _| {
        let message = |n: usize| tell(&format!("m{n}"), 1);
        let send = |n| Outgoing { to: to.clone(), message: message(n), at: None };
        does(Effects { sends: (0..count).map(send).collect(), ..Effects::default() })
    });
    assert_eq!(end, End::Released);
    assert_eq!(tables.inbox(&to, NOW, 1_000).parcels.len(), count);
}
