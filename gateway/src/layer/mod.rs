//! What lies around the doors, and knows nothing of calls.

pub(crate) mod arrival;
pub(crate) mod compression;
pub(crate) mod origin;
