//! Each rule in a few lines, with the sentence that is printed when it is
//! broken. There is one sender here, and one actor.

use callboard_proof::history::{Answer, Digest, Kind, Reason, Reply};

use crate::case::Case;

const RESPONSE: Reply = Reply::Response(Digest(0xa));
const STATUS: Reply = Reply::Status(Digest(0xb));

#[test]
fn a_lost_message_is_found() {
    Case::default().tell(7, [1, 2], Answer::Acknowledged).finds(&[
        "lost: message 7 of sender 1 was acknowledged at 2, and never took effect in actor 1",
    ]);
}

#[test]
fn an_ask_that_is_said_to_be_queued_is_not_to_be_lost() {
    Case::default().ask(7, [1, 2], Answer::Queued).finds(&[
        "lost: message 7 of sender 1 was said to be queued at 2, and never took effect in actor 1",
    ]);
}

#[test]
fn a_reply_without_its_effect_is_a_lost_message() {
    Case::default().ask(7, [1, 2], Answer::Replied(RESPONSE)).finds(&[
        "lost: message 7 of sender 1 was answered with response a at 2, and never took effect in \
         actor 1",
    ]);
}

#[test]
fn what_may_be_stored_may_be_lost_or_take_effect() {
    Case::default().tell(1, [1, 2], Answer::Unknown).finds_nothing();
    Case::default().tell(1, [1, 2], Answer::Unknown).effect(1).finds_nothing();
}

#[test]
fn one_of_several_calls_suffices_to_promise() {
    let sent_twice = || {
        Case::default().tell(1, [1, 2], Answer::Unknown).sent(Kind::Tell, 1, 2, 3).answered(
            1,
            2,
            4,
            Answer::Acknowledged,
        )
    };
    sent_twice().effect(1).finds_nothing();
    sent_twice().finds(&[
        "lost: message 1 of sender 1 was acknowledged at 4, and never took effect in actor 1",
    ]);
}

#[test]
fn what_failed_or_was_set_aside_is_not_lost() {
    Case::default().ask(1, [1, 2], Answer::Replied(STATUS)).finds_nothing();
    Case::default().tell(1, [1, 2], Answer::Acknowledged).reply(1, STATUS).finds_nothing();
    for reason in [Reason::DeadLettered, Reason::Cancelled, Reason::Expired] {
        Case::default().ask(1, [1, 2], Answer::Queued).set_aside(1, reason).finds_nothing();
    }
}

#[test]
fn a_doubled_message_is_found() {
    let case =
        Case::default().tell(1, [1, 2], Answer::Acknowledged).tell(2, [3, 4], Answer::Unknown);
    case.effect(1).effect(2).effect(1).effect(1).finds(&[
        "doubled: message 1 of sender 1 took effect 3 times in actor 1, first at places 1 and 3",
    ]);
}

#[test]
fn a_message_that_takes_effect_before_one_that_was_sent_earlier_is_found() {
    let case =
        Case::default().tell(1, [1, 2], Answer::Acknowledged).tell(2, [3, 4], Answer::Unknown);
    case.effect(2).effect(1).finds(&[
        "reordered: message 1 of sender 1 was known to be stored at 2, before message 2 of sender \
         1 was sent at 3, and took effect behind it in actor 1, at place 2 and not before 1",
    ]);
}

#[test]
fn sends_that_overlap_may_take_effect_in_any_order() {
    let case = Case::default().tell(1, [1, 3], Answer::Acknowledged);
    case.tell(2, [2, 4], Answer::Acknowledged).effect(2).effect(1).finds_nothing();
    // Counts that are equal do not say which was first.
    let case = Case::default().tell(1, [1, 2], Answer::Acknowledged);
    case.tell(2, [2, 3], Answer::Acknowledged).effect(2).effect(1).finds_nothing();
}

#[test]
fn what_follows_a_call_in_doubt_may_overtake_it() {
    let case = Case::default().tell(1, [1, 2], Answer::Unknown);
    case.tell(2, [3, 4], Answer::Acknowledged).effect(2).effect(1).finds_nothing();
}

#[test]
fn a_message_that_is_sent_again_is_stored_at_the_first_answer_that_says_so() {
    let again = Case::default()
        .tell(1, [1, 2], Answer::Unknown)
        .tell(2, [3, 4], Answer::Acknowledged)
        .sent(Kind::Tell, 1, 2, 5)
        .answered(1, 2, 6, Answer::Acknowledged);
    again.effect(2).effect(1).finds_nothing();
    // The second call changes nothing about when the first one began.
    let again = Case::default()
        .tell(1, [1, 5], Answer::Unknown)
        .tell(2, [3, 4], Answer::Acknowledged)
        .sent(Kind::Tell, 1, 2, 6)
        .answered(1, 2, 7, Answer::Acknowledged);
    again.effect(1).effect(2).finds_nothing();
}

#[test]
fn an_effect_of_an_activation_that_was_fenced_is_found() {
    let case = Case::default()
        .tell(1, [1, 9], Answer::Acknowledged)
        .tell(2, [1, 9], Answer::Acknowledged)
        .tell(3, [1, 9], Answer::Acknowledged);
    case.committed(1, Some(5), None).committed(2, Some(3), None).committed(3, Some(4), None).finds(
        &[
            "fenced late: message 2 of sender 1 took effect at place 2 of actor 1 under epoch 3, \
         although place 1 had been committed under epoch 5",
            "fenced late: message 3 of sender 1 took effect at place 3 of actor 1 under epoch 4, \
         although place 1 had been committed under epoch 5",
        ],
    );
}

#[test]
fn two_replies_to_one_message_are_found() {
    let case = || Case::default().ask(1, [1, 2], Answer::Replied(RESPONSE)).effect(1);
    case().reply(1, RESPONSE).finds_nothing();
    case()
        .reply(1, STATUS)
        .finds(&["doubly answered: message 1 of sender 1 has response a and status b"]);
}

#[test]
fn two_replies_prove_nothing_but_that() {
    let found = ["doubly answered: message 1 of sender 1 has response a and status b"];
    let case = || Case::default().ask(1, [1, 2], Answer::Replied(RESPONSE));
    case().reply(1, STATUS).finds(&found);
    case().reply(1, STATUS).committed(1, None, Some(0xc)).finds(&found);
    let found = ["doubly answered: message 1 of sender 1 has status b and response a"];
    let case = Case::default().ask(1, [1, 2], Answer::Replied(STATUS));
    case.reply(1, RESPONSE).effect(1).finds(&found);
}

#[test]
fn a_reply_of_a_run_that_was_not_committed_is_found() {
    let case = Case::default().ask(1, [1, 2], Answer::Replied(RESPONSE));
    case.committed(1, None, Some(0xc)).finds(&[
        "wrongly answered: message 1 of sender 1 has response a, and its effect made response c",
    ]);
}

#[test]
fn a_response_to_what_was_refused_is_found() {
    let case = Case::default().ask(1, [1, 2], Answer::Refused);
    case.reply(1, RESPONSE)
        .finds(&["wrongly answered: message 1 of sender 1 has response a, and never took effect"]);
}

#[test]
fn an_ask_that_is_answered_as_a_tell_is_found() {
    let case = Case::default().ask(1, [1, 2], Answer::Acknowledged);
    case.effect(1)
        .finds(&["wrongly answered: message 1 of sender 1 is an ask, and was acknowledged"]);
}

#[test]
fn what_nobody_sent_has_no_effect_and_no_reply() {
    Case::default().effect(1).reply(1, RESPONSE).finds(&[
        "wrongly answered: message 1 of sender 1 has response a, and nobody sent it",
        "unwarranted: message 1 of sender 1 took effect at place 1 of actor 1, and nobody sent it \
         there",
    ]);
}

#[test]
fn what_was_refused_has_no_effect() {
    let case = || Case::default().tell(1, [1, 2], Answer::Refused);
    case().effect(1).finds(&[
        "unwarranted: message 1 of sender 1 took effect at place 1 of actor 1, and its sender was \
         told that it is not stored",
    ]);
    // Sent again, it may have one.
    let again = case().sent(Kind::Tell, 1, 2, 3).answered(1, 2, 4, Answer::Unknown);
    again.effect(1).finds_nothing();
}

#[test]
fn what_failed_or_was_set_aside_has_no_effect() {
    Case::default().ask(1, [1, 2], Answer::Replied(STATUS)).effect(1).finds(&[
        "unwarranted: message 1 of sender 1 took effect at place 1 of actor 1, and its handler \
         failed with status b",
    ]);
    let case = Case::default().tell(1, [1, 2], Answer::Unknown).effect(1);
    case.set_aside(1, Reason::Cancelled).finds(&[
        "unwarranted: message 1 of sender 1 took effect at place 1 of actor 1, and it was cancelled",
    ]);
}

#[test]
fn a_call_that_never_ended_is_found() {
    Case::default().sent(Kind::Ask, 1, 1, 5).effect(1).finds(&[
        "unended: message 1 of sender 1 was sent to actor 1 at 5 as an ask (attempt 1), and that \
         call never ended",
    ]);
}

#[test]
fn a_history_that_contradicts_itself_proves_nothing() {
    let case = || Case::default().tell(1, [3, 4], Answer::Acknowledged).effect(1);
    case()
        .sent(Kind::Tell, 1, 1, 5)
        .finds(&["misrecorded: attempt 1 of message 1 of sender 1 was sent twice"]);
    case().sent(Kind::Ask, 1, 2, 5).finds(&[
        "misrecorded: attempt 2 sent message 1 of sender 1 to another actor or as another kind \
         than before",
    ]);
    case()
        .answered(1, 1, 5, Answer::Unknown)
        .finds(&["misrecorded: attempt 1 of message 1 of sender 1 was answered twice"]);
    case()
        .answered(1, 2, 5, Answer::Unknown)
        .finds(&["misrecorded: attempt 2 of message 1 of sender 1 was answered, and never sent"]);
    case().sent(Kind::Tell, 1, 2, 6).answered(1, 2, 5, Answer::Unknown).finds(&[
        "misrecorded: attempt 2 of message 1 of sender 1 was answered at 5, before it was sent at 6",
    ]);
    case()
        .set_aside(2, Reason::Expired)
        .finds(&["misrecorded: message 2 of sender 1 was expired, and nobody sent it"]);
    let hole = Case { place: 1, ..Case::default() }.tell(1, [1, 2], Answer::Acknowledged);
    hole.effect(1).finds(&[
        "misrecorded: the effects of actor 1 do not count from 1: place 2 is where 1 must be",
    ]);
}

#[test]
fn a_verdict_counts_all_and_names_the_first_few_of_each_kind() {
    let mut case = Case::default().sent(Kind::Ask, 100, 1, 1);
    for number in 0..12 {
        case = case.tell(number, [1, 2], Answer::Acknowledged);
    }
    let verdict = case.history.check().to_string();
    let lines: Vec<_> = verdict.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "13 operations: 12 lost, 0 doubled, 0 reordered, 0 fenced late, 0 doubly answered, \
             0 wrongly answered, 0 unwarranted, 1 unended, 0 misrecorded",
            "13 messages: 12 acknowledged, 0 replied, 0 queued, 0 refused, 0 unknown; 0 effects, \
             0 stored replies, 0 set aside",
        ]
    );
    assert!(lines[2].starts_with("unended: "));
    assert!(lines[3..13].iter().all(|line| line.starts_with("lost: ")));
    assert_eq!(lines[13..], ["and 2 more"]);
}
