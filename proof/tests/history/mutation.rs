//! Ways to break one promise at a random place of a good history.

use callboard_proof::history::{Actor, Answer, Breach, Digest, Event, Kind, Message, Reply};

use crate::draft::Draft;

/// A way to break a promise. `None` when the history has no place for it, else
/// the message that is concerned.
pub(crate) type Mutation = fn(&mut Draft) -> Option<Message>;

/// Each way, and what it breaks.
pub(crate) const ALL: [(&str, Breach, Mutation); 18] = [
    ("an effect is missing", Breach::Lost, an_effect_is_missing),
    ("an effect is there twice", Breach::Doubled, an_effect_is_there_twice),
    ("an effect comes late", Breach::Reordered, an_effect_comes_late),
    ("an epoch falls", Breach::FencedLate, an_epoch_falls),
    ("a second response", Breach::DoublyAnswered, a_second_response),
    ("a status besides a response", Breach::DoublyAnswered, a_status_besides_a_response),
    ("a response of another run", Breach::WronglyAnswered, a_response_of_another_run),
    ("a response without effect", Breach::WronglyAnswered, a_response_without_effect),
    ("a response to nobody", Breach::WronglyAnswered, a_response_to_nobody),
    ("an ask is acknowledged", Breach::WronglyAnswered, an_ask_is_acknowledged),
    ("an effect of nothing", Breach::Unwarranted, an_effect_of_nothing),
    ("an effect in another actor", Breach::Unwarranted, an_effect_in_another_actor),
    ("an effect of what was refused", Breach::Unwarranted, an_effect_of_what_was_refused),
    ("an effect of what failed", Breach::Unwarranted, an_effect_of_what_failed),
    ("an effect of what was set aside", Breach::Unwarranted, an_effect_of_what_was_set_aside),
    ("a call does not end", Breach::Unended, a_call_does_not_end),
    ("a call is recorded twice", Breach::Misrecorded, a_call_is_recorded_twice),
    ("an answer is recorded twice", Breach::Misrecorded, an_answer_is_recorded_twice),
];

fn an_effect_is_missing(draft: &mut Draft) -> Option<Message> {
    let (message, _) = draft.any_message(|fate| fate.has_effect && fate.stored.is_some())?;
    let (actor, index) = draft.find(message)?;
    draft.effects.get_mut(&actor)?.remove(index);
    Some(message)
}

fn an_effect_is_there_twice(draft: &mut Draft) -> Option<Message> {
    let (message, fate) = draft.any_message(|fate| fate.has_effect)?;
    let (actor, index) = draft.find(message)?;
    let reply = draft.effects[&actor][index].reply;
    draft.insert(fate.actor, message, reply);
    Some(message)
}

/// Moves a message behind one that was sent after its answer. The epochs stay
/// where they are.
fn an_effect_comes_late(draft: &mut Draft) -> Option<Message> {
    let fates = draft.fates();
    let mut pairs = Vec::new();
    for (&actor, entries) in &draft.effects {
        for (late, first) in entries.iter().enumerate() {
            for (behind, then) in entries.iter().enumerate().skip(late + 1) {
                let is_same_sender = first.message.sender == then.message.sender;
                let stored = fates[&first.message].stored;
                if is_same_sender && stored.is_some_and(|at| at < fates[&then.message].begun) {
                    pairs.push((actor, late, behind));
                }
            }
        }
    }
    let (actor, late, behind) = draft.any(pairs)?;
    let entries = draft.effects.get_mut(&actor)?;
    let message = entries[late].message;
    let epochs: Vec<_> = entries.iter().map(|entry| entry.epoch).collect();
    entries[late..=behind].rotate_left(1);
    for (entry, epoch) in entries.iter_mut().zip(epochs) {
        entry.epoch = epoch;
    }
    Some(message)
}

fn an_epoch_falls(draft: &mut Draft) -> Option<Message> {
    let mut falls = Vec::new();
    for (&actor, entries) in &draft.effects {
        let mut highest = None;
        for (index, entry) in entries.iter().enumerate() {
            falls.extend(highest.map(|highest| (actor, index, highest)));
            highest = highest.max(entry.epoch);
        }
    }
    let (actor, index, highest) = draft.any(falls)?;
    let epoch = draft.rng.u64(0..highest);
    let entry = draft.effects.get_mut(&actor)?.get_mut(index)?;
    entry.epoch = Some(epoch);
    Some(entry.message)
}

fn a_second_response(draft: &mut Draft) -> Option<Message> {
    let (message, _) = draft.any_message(|fate| fate.reply.is_some())?;
    let reply = Reply::Response(Digest(draft.rng.u64(..)));
    draft.events.push(Event::Reply { message, reply });
    Some(message)
}

fn a_status_besides_a_response(draft: &mut Draft) -> Option<Message> {
    let (message, _) = draft.any_message(|fate| matches!(fate.reply, Some(Reply::Response(_))))?;
    let reply = Reply::Status(Digest(draft.rng.u64(..)));
    draft.events.push(Event::Reply { message, reply });
    Some(message)
}

fn a_response_of_another_run(draft: &mut Draft) -> Option<Message> {
    let (message, _) = draft.any_message(|fate| fate.has_effect && fate.reply.is_some())?;
    let (actor, index) = draft.find(message)?;
    let Digest(right) = draft.effects[&actor][index].reply?;
    draft.effects.get_mut(&actor)?[index].reply = Some(Digest(right ^ 1));
    Some(message)
}

fn a_response_without_effect(draft: &mut Draft) -> Option<Message> {
    let (message, _) = draft.any_message(|fate| {
        !fate.has_effect && fate.reply.is_none() && (fate.stored.is_none() || fate.is_set_aside)
    })?;
    let reply = Reply::Response(Digest(draft.rng.u64(..)));
    draft.events.push(Event::Reply { message, reply });
    Some(message)
}

fn a_response_to_nobody(draft: &mut Draft) -> Option<Message> {
    let message = nobodys(draft);
    let reply = Reply::Response(Digest(draft.rng.u64(..)));
    draft.events.push(Event::Reply { message, reply });
    Some(message)
}

fn an_ask_is_acknowledged(draft: &mut Draft) -> Option<Message> {
    let fates = draft.fates();
    let calls = draft.events.iter().enumerate().filter_map(|(index, event)| match *event {
        Event::Answered { message, answer: Answer::Queued | Answer::Replied(_), .. } => {
            (fates[&message].kind == Kind::Ask && fates[&message].has_effect)
                .then_some((index, message))
        }
        _ => None,
    });
    let calls: Vec<_> = calls.collect();
    let (index, message) = draft.any(calls)?;
    if let Event::Answered { answer, .. } = &mut draft.events[index] {
        *answer = Answer::Acknowledged;
    }
    Some(message)
}

fn an_effect_of_nothing(draft: &mut Draft) -> Option<Message> {
    let message = nobodys(draft);
    let actors: Vec<_> = draft.effects.keys().copied().collect();
    let actor = draft.any(actors)?;
    draft.insert(actor, message, None);
    Some(message)
}

fn an_effect_in_another_actor(draft: &mut Draft) -> Option<Message> {
    let (message, fate) = draft.any_message(|_| true)?;
    draft.insert(Actor(fate.actor.0 + 1), message, None);
    Some(message)
}

fn an_effect_of_what_was_refused(draft: &mut Draft) -> Option<Message> {
    let (message, fate) =
        draft.any_message(|fate| fate.answers.iter().all(|answer| *answer == Answer::Refused))?;
    draft.insert(fate.actor, message, None);
    Some(message)
}

fn an_effect_of_what_failed(draft: &mut Draft) -> Option<Message> {
    let (message, fate) = draft.any_message(|fate| matches!(fate.reply, Some(Reply::Status(_))))?;
    draft.insert(fate.actor, message, None);
    Some(message)
}

fn an_effect_of_what_was_set_aside(draft: &mut Draft) -> Option<Message> {
    let (message, fate) = draft.any_message(|fate| fate.is_set_aside)?;
    draft.insert(fate.actor, message, None);
    Some(message)
}

fn a_call_does_not_end(draft: &mut Draft) -> Option<Message> {
    let (index, message) = any_event(draft, |event| match event {
        Event::Answered { message, .. } => Some(message),
        _ => None,
    })?;
    draft.events.swap_remove(index);
    Some(message)
}

fn a_call_is_recorded_twice(draft: &mut Draft) -> Option<Message> {
    let (index, message) = any_event(draft, |event| match event {
        Event::Sent { message, .. } => Some(message),
        _ => None,
    })?;
    draft.events.push(draft.events[index]);
    Some(message)
}

fn an_answer_is_recorded_twice(draft: &mut Draft) -> Option<Message> {
    let (index, message) = any_event(draft, |event| match event {
        Event::Answered { message, .. } => Some(message),
        _ => None,
    })?;
    draft.events.push(draft.events[index]);
    Some(message)
}

fn any_event(
    draft: &mut Draft,
    concerned: impl Fn(Event) -> Option<Message>,
) -> Option<(usize, Message)> {
    let events = draft.events.iter().enumerate();
    let events: Vec<_> = events.filter_map(|(i, event)| Some((i, concerned(*event)?))).collect();
    draft.any(events)
}

/// A message that nobody sent; numbers are counted from 1.
fn nobodys(draft: &mut Draft) -> Message {
    Message { sender: draft.rng.u32(0..4), number: 0 }
}
