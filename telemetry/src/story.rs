//! Which trace the processing of a message belongs to. Whoever asks waits for the reply, so that
//! it is part of his trace. What nobody waits for may come a day later, and with that of many
//! others: it begins a trace of its own, with a link to where it comes from.

use opentelemetry::Context;

use crate::span::Place;

/// How spans are made, besides what the standard has variables for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// How what nobody waits for is traced.
    pub tells: Tells,
    /// Whether spans of messages have the key of their actor. It may say who somebody is.
    pub keys: bool,
}

/// How the processing of a message is traced that nobody waits for: a tell, a delayed message, a
/// timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tells {
    /// In a trace of its own, with a link to whoever sent it.
    #[default]
    Linked,
    /// In the trace of whoever sent it.
    Children,
}

impl Tells {
    /// Where the processing of a message belongs. `sender` is the context in its headers, and
    /// `is_awaited` whether somebody waits for its outcome.
    ///
    /// ```
    /// use callboard_telemetry::span::Place;
    /// use callboard_telemetry::story::Tells;
    ///
    /// let sender = opentelemetry::Context::new();
    /// assert!(matches!(Tells::Linked.place(Some(&sender), true), Place::Under(_)));
    /// assert!(matches!(Tells::Linked.place(Some(&sender), false), Place::After(_)));
    /// assert!(matches!(Tells::Children.place(Some(&sender), false), Place::Under(_)));
    /// assert!(matches!(Tells::Linked.place(None, true), Place::Alone));
    /// ```
    #[must_use]
    pub fn place(self, sender: Option<&Context>, is_awaited: bool) -> Place<'_> {
        match (sender, self) {
            (None, _) => Place::Alone,
            (Some(sender), Self::Linked) if !is_awaited => Place::After(sender),
            (Some(sender), _) => Place::Under(sender),
        }
    }
}
