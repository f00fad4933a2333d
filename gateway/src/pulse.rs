//! Whether messages get through to the database, as the last canaries told.

/// What is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pulse {
    /// Nothing yet: no canary has gone through since the gateway was started.
    #[default]
    Unknown,
    /// They do.
    Good,
    /// They did, and do not.
    Bad(&'static str),
}
