//! The rules about one actor: messages take effect in the order in which their
//! sender sent them, and an activation that lost its lease commits no more.

use std::collections::HashMap;

use super::life::Committed;
use super::lives::Lives;
use super::message::{Actor, Message};
use super::verdict::Verdict;
use super::violation::Violation;

/// Holds each actor's effects against the rules.
pub(super) fn judge(lives: &Lives, verdict: &mut Verdict) {
    for (&actor, effects) in &lives.actors {
        order(lives, actor, effects, verdict);
        fences(actor, effects, verdict);
    }
}

/// Of the messages that took effect so far, the one that its sender began to
/// send last.
struct Latest {
    sent: u64,
    message: Message,
    place: u64,
}

/// A message is out of order when one that was sent after its answer stands
/// before it. Then the one that was sent last among those before it is such a
/// one too, so that one alone need be kept for each sender.
fn order(lives: &Lives, actor: Actor, effects: &[Committed], verdict: &mut Verdict) {
    let mut latest: HashMap<u32, Latest> = HashMap::new();
    for &Committed { place, message, .. } in effects {
        let Some(life) = lives.of(message) else { continue };
        // What took effect twice or against the rules has no right place.
        if life.actor != actor || life.times != 1 || life.barred_by().is_some() {
            continue;
        }
        let sent = life.begun();
        let this = Latest { sent, message, place };
        let Some(latest) = latest.get_mut(&message.sender) else {
            latest.insert(message.sender, this);
            continue;
        };
        if let Some((stored, _)) = life.stored().filter(|(stored, _)| *stored < latest.sent) {
            let (later, sent, places) = (latest.message, latest.sent, [place, latest.place]);
            verdict.add(Violation::Reordered { message, stored, later, sent, actor, places });
        }
        if sent > latest.sent {
            *latest = this;
        }
    }
}

/// Epochs never fall: each is fenced by the next one.
fn fences(actor: Actor, effects: &[Committed], verdict: &mut Verdict) {
    let mut highest = (0, 0);
    for &Committed { place, message, epoch, .. } in effects {
        let Some(epoch) = epoch else { continue };
        if epoch < highest.0 {
            let (places, epochs) = ([place, highest.1], [epoch, highest.0]);
            verdict.add(Violation::FencedLate { message, actor, places, epochs });
        } else {
            highest = (epoch, place);
        }
    }
}
