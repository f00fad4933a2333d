//! What the actors of the end-to-end tests share.

pub mod events;
pub mod seat;
pub mod trial;
