//! Keys: where callers put them, and which actors they name.

use super::super::actor::{ActorType, Method};
use super::super::key_field::KeyField;
use super::actors::Place;
use super::{Comparison, Whom};

impl Comparison<'_> {
    /// A request that was made before must have its key where it is looked for.
    pub(super) fn key_of_request(&mut self, old: &Method, actor: &ActorType, new: &Method) {
        let place = Place::of(actor, new);
        let name = format!("{}.{}", actor.service().full_name(), new.name());
        if numbers(old.key()) != numbers(new.key()) {
            let message = format!(
                "the key of `{name}` was in {} and is in {}: the requests of callers are refused, \
                 or find another actor",
                fields(old.key()),
                fields(new.key())
            );
            let help = "leave the key in the fields where it was";
            return self.breaks(Whom::Callers, place.in_new(), message, help);
        }
        for (was, is) in old.key().iter().zip(new.key()) {
            let was_a_key = |key: &KeyField| key.field().supports_presence();
            let is_number = types_are_numbers(was, is);
            if is_number && was_a_key(was) && !was_a_key(is) {
                let message = format!(
                    "0 was a key in `{}` of `{name}`, and is none: the field is not `optional` any \
                     more",
                    is.name()
                );
                let help = "keep the field `optional`, or see that no actor has the key 0";
                self.breaks(Whom::Callers, place.in_new(), message, help);
            }
        }
    }

    /// What is stored must be found by the keys that the new files make.
    ///
    /// All methods of an actor type make the same key, so those of one are looked
    /// at; of one that is in both, as fields may have other names in another one.
    pub(super) fn key_of_state(&mut self, old: &ActorType, new: &ActorType) {
        let with_key = |method: &&Method| !method.key().is_empty();
        let both = old.methods().iter().filter(with_key).find_map(|was| {
            let is = new.method(was.name()).filter(with_key)?;
            Some((was, is))
        });
        let first = || {
            let was = old.methods().iter().find(with_key)?;
            Some((was, new.methods().iter().find(with_key)?))
        };
        let Some((was, is)) = both.or_else(first) else {
            return;
        };
        let place = Place::of(new, is);
        let name = old.type_name();
        let what = format!(
            "the key of `{name}` was made of {} and is made of {}",
            fields(was.key()),
            fields(is.key())
        );
        if was.key().len() != is.key().len() || KeyField::are_reordered(was.key(), is.key()) {
            let help = "leave the number and the order of the key fields as they were, or take \
                        another actor type (`type`) for the new key";
            let queued = format!("{what}: what waits is with actors that no new message finds");
            self.breaks(Whom::Queued, place.in_new(), queued, help);
            let state = format!("{what}: state is stored under keys that no new message has");
            self.breaks(Whom::State, place.in_new(), state, help);
        } else if was.key().len() > 1 && leaves(was.key()) != leaves(is.key()) {
            let help = "see that they mean the same, in the same order; otherwise new messages \
                        find other actors than those that are stored";
            self.notice(Whom::State, place.in_new(), what, help);
        }
    }
}

fn types_are_numbers(was: &KeyField, is: &KeyField) -> bool {
    let is_text = |key: &KeyField| key.field().kind() == prost_reflect::Kind::String;
    !is_text(was) && !is_text(is)
}

/// The names of the fields themselves, without those of the messages around them.
fn leaves(key: &[KeyField]) -> Vec<&str> {
    key.iter().map(|field| field.field().name()).collect()
}

/// Where the fields are on the wire.
fn numbers(key: &[KeyField]) -> Vec<Vec<u32>> {
    key.iter().map(|key| key.path().iter().map(|field| field.number()).collect()).collect()
}

fn fields(key: &[KeyField]) -> String {
    let names: Vec<_> = key.iter().map(|field| format!("`{}`", field.name())).collect();
    names.join(", ")
}
