//! Real processes that are killed, frozen and lied to about the time.
