//! The rules about one message: it takes effect once if it is stored, never if
//! it is not, and its sender is told the truth about it.

use super::answer::{Answer, Reply};
use super::life::Life;
use super::lives::Lives;
use super::message::Kind;
use super::verdict::Verdict;
use super::violation::{Violation, WrongReply};

/// Holds each message against the rules.
pub(super) fn judge(lives: &Lives, verdict: &mut Verdict) {
    for life in &lives.all {
        calls(life, verdict);
        effects(life, verdict);
        replies(life, verdict);
    }
}

/// Every call ends, and a tell's and an ask's in ways of their own.
fn calls(life: &Life, verdict: &mut Verdict) {
    let &Life { message, actor, kind, .. } = life;
    for call in &life.calls {
        let Some((_, answer)) = call.ended else {
            let (attempt, at) = (call.attempt, call.sent);
            verdict.add(Violation::Unended { message, actor, kind, attempt, at });
            continue;
        };
        if let (Kind::Ask, Answer::Acknowledged) | (Kind::Tell, Answer::Replied(_)) = (kind, answer)
        {
            let wrong = WrongReply::OfAnotherKind { kind, answer };
            verdict.add(Violation::WronglyAnswered { message, wrong });
        }
    }
}

/// What is stored takes effect, once; what is not, never.
fn effects(life: &Life, verdict: &mut Verdict) {
    let &Life { message, actor, times, .. } = life;
    match (life.effect, life.again) {
        (None, _) => {
            if let Some((at, answer)) = life.stored().filter(|_| !is_excused(life)) {
                verdict.add(Violation::Lost { message, actor, at, answer });
            }
        }
        (Some(effect), again) => {
            if let Some(again) = again {
                let places = [effect.place, again];
                verdict.add(Violation::Doubled { message, actor, times, places });
            }
            if let Some(why) = life.barred_by() {
                let place = effect.place;
                verdict.add(Violation::Unwarranted { message, actor, place, why });
            }
        }
    }
}

/// Whether it may be stored and never take effect: its handler failed for good,
/// or it was set aside.
fn is_excused(life: &Life) -> bool {
    let failed = |reply: &Option<Reply>| matches!(reply, Some(Reply::Status(_)));
    life.set_aside.is_some() || failed(&life.reply) || failed(&life.other_reply)
}

/// There is one reply, and it is that of the effect.
fn replies(life: &Life, verdict: &mut Verdict) {
    let message = life.message;
    if let (Some(first), Some(other)) = (life.reply, life.other_reply) {
        verdict.add(Violation::DoublyAnswered { message, replies: [first, other] });
    }
    let Some(Reply::Response(reply)) = life.only_reply() else { return };
    let wrong = match life.effect {
        Some(effect) => match effect.reply {
            Some(effect) if effect != reply => WrongReply::OfAnotherRun { reply, effect },
            _ => return,
        },
        // Its sender relied on it: it is lost, which says more.
        None if life.stored().is_some() && !is_excused(life) => return,
        None => WrongReply::WithoutEffect(Reply::Response(reply)),
    };
    verdict.add(Violation::WronglyAnswered { message, wrong });
}
