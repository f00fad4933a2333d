use super::*;

const NOW: Timestamp = Timestamp(1_000_000);

fn address() -> Address {
    Address::new("test.v1.A", "a").expect("an address")
}

fn due_now() -> Record {
    Record { due: Some(NOW), epoch: Epoch(3), ..Record::default() }
}

/// What a sweep decides on a record, and the record after that.
fn decided(record: &Record) -> (Sweep, Option<Record>) {
    let mut sweep = Sweep::new(&address(), Terms::default());
    sweep.read(Some(record), NOW);
    let Step::Settle(settle) = sweep.step() else { return (sweep, None) };
    let after = apply(record, &settle);
    sweep.settled(after.as_ref());
    (sweep, after)
}

fn rest(until: Option<Timestamp>) -> Settle {
    Settle { epoch: Epoch(3), action: Action::Rest { until } }
}

#[test]
fn a_live_lease_moves_due_on() {
    let end = Timestamp(1_010_000);
    let record = Record { lease_until: Some(end), ..due_now() };
    let (sweep, after) = decided(&record);
    let due = after.and_then(|record| record.due).expect("it stays due");
    assert!(due >= end && due < end.plus(Duration::from_secs(60)));
    assert_eq!(sweep.step(), Step::Done);
}

#[test]
fn a_lease_that_ran_out_is_fenced_before_the_look() {
    let record = Record { lease_until: Some(NOW), ..due_now() };
    let (mut sweep, after) = decided(&record);
    let after = after.expect("the record is unchanged");
    assert_eq!((after.epoch, after.lease_until), (Epoch(4), None));
    assert_eq!(sweep.step(), Step::Look(Sequence(1)));
    sweep.looked(Next::Nothing, NOW);
    let clear = Settle { epoch: Epoch(4), action: Action::Rest { until: None } };
    assert_eq!(sweep.step(), Step::Settle(clear.clone()));
    sweep.settled(apply(&after, &clear).as_ref());
    assert_eq!(sweep.step(), Step::Done);
}

#[test]
fn an_idle_record_with_messages_is_woken() {
    let later = NOW.plus(Duration::from_secs(9));
    for next in [Next::Segment { expires: later }, Next::Inbox, Next::Delayed { at: NOW }] {
        let mut sweep = Sweep::new(&address(), Terms::default());
        sweep.read(Some(&due_now()), NOW);
        assert_eq!(sweep.step(), Step::Look(Sequence(1)));
        sweep.looked(next, NOW);
        assert_eq!(sweep.step(), Step::Wake);
    }
}

#[test]
fn a_delayed_parcel_makes_the_record_due_at_its_time() {
    let mut sweep = Sweep::new(&address(), Terms::default());
    sweep.read(Some(&due_now()), NOW);
    let at = NOW.plus(Duration::from_secs(9));
    sweep.looked(Next::Delayed { at }, NOW);
    assert_eq!(sweep.step(), Step::Settle(rest(Some(at))));
    assert_eq!(apply(&due_now(), &rest(Some(at))).expect("it is idle").due, Some(at));
}

#[test]
fn others_are_woken_before_the_record_comes_to_rest() {
    let other = PendingWake { address: address(), at: None };
    let record = Record { wakes: vec![other.clone()], ..due_now() };
    let (mut sweep, _) = decided(&record);
    assert_eq!(sweep.step(), Step::WakeOthers(vec![other]));
    sweep.woke_others();
    assert_eq!(sweep.step(), Step::Look(Sequence(1)));
    sweep.looked(Next::Nothing, NOW);
    assert_eq!(sweep.step(), Step::Settle(rest(None)));
    let after = apply(&record, &rest(None)).expect("it is idle");
    assert_eq!((after.due, after.wakes), (None, vec![]));
}

#[test]
fn a_paused_mailbox_is_looked_at_and_stays_due() {
    let record = Record { paused: Some("maintenance".into()), ..due_now() };
    let (mut sweep, _) = decided(&record);
    assert_eq!(sweep.step(), Step::Look(Sequence(1)));
    sweep.looked(Next::Inbox, NOW);
    let Step::Settle(settle) = sweep.step() else { panic!("due was to move") };
    let after = apply(&record, &settle).expect("nothing else changed");
    assert_eq!(after.due, Some(NOW.plus(PAUSED_PERIOD)));
    assert!(after.paused.is_some());
}

#[test]
fn a_record_rests_only_when_idle_and_under_the_same_epoch() {
    assert_eq!(apply(&due_now(), &rest(None)).expect("idle").due, None);
    let at = Some(NOW);
    for held in [
        Record { lease_until: at, ..due_now() },
        Record { not_before: at, ..due_now() },
        Record { paused: Some("maintenance".into()), ..due_now() },
        Record { epoch: Epoch(4), ..due_now() },
    ] {
        assert_eq!(apply(&held, &rest(None)), None, "{held:?}");
    }
}

#[test]
fn a_record_that_is_not_due_is_left_alone() {
    let later = Record { due: Some(Timestamp(NOW.0 + 1)), ..due_now() };
    for record in [later, Record::default()] {
        let (sweep, after) = decided(&record);
        assert_eq!((sweep.step(), after), (Step::Done, None));
    }
}

#[test]
fn a_backlog_is_old_when_half_of_its_retention_is_over() {
    let retention = Duration::from_secs(100);
    let expiring_in = |secs| Next::Segment { expires: NOW.plus(Duration::from_secs(secs)) };
    assert!(!expiring_in(50).is_old(NOW, retention));
    assert!(expiring_in(49).is_old(NOW, retention));
    assert!(expiring_in(0).is_old(NOW.plus(retention), retention));
    assert!(!Next::Inbox.is_old(NOW, retention));
}
