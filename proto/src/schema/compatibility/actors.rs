//! Actor types and their methods. Callers know a service by its name; mailboxes
//! and state are stored under the name of the actor type.

use prost_reflect::{FileDescriptor, ServiceDescriptor};

use super::super::actor::{ActorType, Kind, Method};
use super::{Comparison, Flow, Side, Whom};

impl Comparison<'_> {
    pub(super) fn actors(&mut self) {
        for old in self.old.actors() {
            let by_name = |new: &&ActorType| new.service().full_name() == old.service().full_name();
            let called = self.new.actors().iter().find(by_name);
            let stored = self.new.actor(old.type_name());
            self.callers(old, called, stored);
            match stored {
                Some(new) => {
                    self.queued(old, new);
                    self.key_of_state(old, new);
                    self.state(old, new);
                }
                None => self.orphans(old, called),
            }
        }
    }

    fn callers(&mut self, old: &ActorType, called: Option<&ActorType>, stored: Option<&ActorType>) {
        let Some(new) = called else {
            if !old.methods().iter().any(is_called) {
                return;
            }
            let name = old.service().full_name();
            let (what, help) = match stored {
                Some(new) => (
                    format!("the service `{name}` is now `{}`: ", new.service().full_name()),
                    "keep the name of the service",
                ),
                None => (
                    match self.new.pool().get_service_by_name(name) {
                        Some(_) => format!("the service `{name}` is no actor any more: "),
                        None => format!("the service `{name}` is gone: "),
                    },
                    "keep the service, its methods marked `deprecated`, until nobody calls it",
                ),
            };
            let message = what + "callers call it by its name, and are refused";
            let file = old.service().parent_file();
            let element = (Side::Old, &file, old.service().path());
            return self.breaks(Whom::Callers, element, message, help);
        };
        for method in old.methods().iter().filter(|method| is_called(method)) {
            match new.method(method.name()) {
                Some(now) => self.called(method, new, now),
                None => {
                    let place = Place::of(old, method);
                    let message = format!(
                        "the method `{}.{}` is gone: callers are refused",
                        old.service().full_name(),
                        method.name()
                    );
                    let help = "keep the method, marked `deprecated`, until nobody calls it";
                    self.breaks(Whom::Callers, place.in_old(), message, help);
                }
            }
        }
    }

    fn called(&mut self, old: &Method, actor: &ActorType, new: &Method) {
        let place = Place::of(actor, new);
        let name = format!("{}.{}", actor.service().full_name(), new.name());
        if new.is_internal() {
            let message = format!("`{name}` is only for actors now: callers are refused");
            let help = "leave it open to callers, and add a method of another name for actors";
            return self.breaks(Whom::Callers, place.in_new(), message, help);
        }
        let what = match (old.kind(), new.kind()) {
            (Kind::Ask, Kind::Tell) => Some(
                "was an ask and is a tell: callers get an empty response, before it is handled",
            ),
            (Kind::Tell, Kind::Ask) => {
                Some("was a tell and is an ask: callers wait until it is handled")
            }
            _ => None,
        };
        if let Some(what) = what {
            let help = "leave it as it was, and add a method of another name";
            self.breaks(Whom::Callers, place.in_new(), format!("`{name}` {what}"), help);
        }
        match (old.is_read_only(), new.is_read_only()) {
            (true, false) => {
                let message = format!(
                    "`{name}` was read-only: a GET is refused, and it waits its turn in the mailbox"
                );
                let help = "leave it read-only, and add a method of another name";
                self.breaks(Whom::Callers, place.in_new(), message, help);
            }
            (false, true) if new.kind() == Kind::Ask && old.kind() == Kind::Ask => {
                let message = format!(
                    "`{name}` is read-only now: it passes messages that wait, and a call that is \
                     to be stored, by mode, delay or message id, is refused or not kept"
                );
                let help = "see that its callers send none of these";
                self.notice(Whom::Callers, place.in_new(), message, help);
            }
            _ => {}
        }
        if old.makes_key() && !new.makes_key() {
            let message =
                format!("`{name}` makes no key any more: callers without one are refused");
            let help = "keep `new_key`";
            self.breaks(Whom::Callers, place.in_new(), message, help);
        }
        self.key_of_request(old, actor, new);
        self.message(old.input(), new.input(), Flow::Request);
        if (old.kind(), new.kind()) == (Kind::Ask, Kind::Ask) {
            self.message(old.output(), new.output(), Flow::Response);
        }
    }

    fn queued(&mut self, old: &ActorType, new: &ActorType) {
        for method in old.methods() {
            let name = format!("{}.{}", old.service().full_name(), method.name());
            let Some(now) = new.method(method.name()) else {
                let message = format!(
                    "the method `{name}` is gone: messages, timers and dead letters that wait for \
                     it cannot be handled"
                );
                let help = match method.kind() {
                    Kind::Answer => "keep the method until all asks that name it are answered",
                    _ => "keep the method, as `internal: true`, until nothing waits for it",
                };
                self.breaks(Whom::Queued, Place::of(old, method).in_old(), message, help);
                continue;
            };
            let what = match (method.kind(), now.kind()) {
                (Kind::Answer, Kind::Ask | Kind::Tell) => "took answers and takes messages",
                (Kind::Ask | Kind::Tell, Kind::Answer) => "took messages and takes answers",
                (Kind::Ask, Kind::Tell) => "was an ask and is a tell: who waits gets nothing",
                _ => {
                    self.message(method.input(), now.input(), Flow::Queued);
                    continue;
                }
            };
            let help = "leave it as it was, and add a method of another name";
            let message = format!("`{name}` {what}");
            self.breaks(Whom::Queued, Place::of(new, now).in_new(), message, help);
        }
    }

    /// The actor type is gone, or has another name.
    fn orphans(&mut self, old: &ActorType, called: Option<&ActorType>) {
        let name = old.type_name();
        let (what, help) = match called {
            Some(new) => (
                format!("the actor type `{name}` is now `{}`", new.type_name()),
                format!("keep its name: `option (callboard.v1.actor) = {{ type: \"{name}\" }}`"),
            ),
            None => (
                format!("the actor type `{name}` is gone"),
                "delete its actors first (`callboard admin`); a service that has got another name \
                 keeps them with the old name in the option `type`"
                    .to_owned(),
            ),
        };
        let service = called.unwrap_or(old).service();
        let file = service.parent_file();
        let side = if called.is_some() { Side::New } else { Side::Old };
        let element = (side, &file, service.path());
        if called.is_some() {
            let callers = format!("{what}: callers that call it by name are refused");
            self.breaks(Whom::Callers, element, callers, &help);
        }
        let queued = format!("{what}: nobody handles what waits in its mailboxes");
        self.breaks(Whom::Queued, element, queued, &help);
        let state = format!("{what}: nobody finds the state that is stored under its name");
        self.breaks(Whom::State, element, state, &help);
    }

    fn state(&mut self, old: &ActorType, new: &ActorType) {
        const HELP: &str = "raise `Actor::STATE_VERSION`, and convert what is stored in \
                            `Actor::migrate`: it gets the bytes as they were written";
        let file = new.service().parent_file();
        let element = (Side::New, &file, new.service().path());
        let name = new.type_name();
        let message = match (old.state(), new.state()) {
            (Some(old), Some(new)) => return self.message(old, new, Flow::State),
            (None, None) => return,
            (Some(old), None) => format!(
                "the state of `{name}` was the message `{}`, and is none of the .proto any more",
                old.full_name()
            ),
            (None, Some(new)) => format!(
                "the state of `{name}` was none of the .proto, stored as JSON, and is the message \
                 `{}`",
                new.full_name()
            ),
        };
        self.breaks(Whom::State, element, message, HELP);
    }
}

/// Whether callers may call it.
fn is_called(method: &Method) -> bool {
    !method.is_internal()
}

/// Where a method is.
pub(super) struct Place {
    file: FileDescriptor,
    path: Vec<i32>,
}

impl Place {
    pub(super) fn of(actor: &ActorType, method: &Method) -> Self {
        let service: &ServiceDescriptor = actor.service();
        let mut methods = service.methods();
        let found = methods.find(|descriptor| descriptor.name() == method.name());
        let path = found.map_or(service.path().to_vec(), |method| method.path().to_vec());
        Place { file: service.parent_file(), path }
    }

    pub(super) fn in_old(&self) -> super::Element<'_> {
        (Side::Old, &self.file, &self.path)
    }

    pub(super) fn in_new(&self) -> super::Element<'_> {
        (Side::New, &self.file, &self.path)
    }
}
