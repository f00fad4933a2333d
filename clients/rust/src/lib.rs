//! The Rust client of Callboard.
