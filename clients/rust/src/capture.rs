//! What a stub would send, without sending it.
//!
//! A future does nothing until it is polled, and a stub's has built its request
//! when it has been polled once. So a stub's call can be taken as a description
//! of itself: it is polled once, while the [`Channel`] that the stub was made
//! with puts the request aside instead of sending it, and dropped.

use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context, Waker};

use tonic::body::Body;

use crate::channel::Channel;

/// A request, and the channel that it was given to.
pub(crate) type Captured = (Channel, http::Request<Body>);

enum Slot {
    /// Requests are sent.
    Off,
    /// The next request is put aside.
    Waiting,
    /// It has been.
    Taken(Box<Captured>),
}

thread_local! {
    static SLOT: RefCell<Slot> = const { RefCell::new(Slot::Off) };
}

/// What a stub's call would send; `None` when it is not of a stub that was made
/// with a [`Channel`].
pub(crate) fn of(call: impl Future) -> Option<Captured> {
    /// Also when the call panics.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            SLOT.set(Slot::Off);
        }
    }
    let call = pin!(call);
    SLOT.set(Slot::Waiting);
    let reset = Reset;
    let _ = call.poll(&mut Context::from_waker(Waker::noop()));
    let slot = SLOT.replace(Slot::Off);
    drop(reset);
    match slot {
        Slot::Taken(captured) => Some(*captured),
        Slot::Off | Slot::Waiting => None,
    }
}

/// Whether the next request is to be put aside.
pub(crate) fn is_waiting() -> bool {
    SLOT.with_borrow(|slot| matches!(slot, Slot::Waiting))
}

/// Puts a request aside.
pub(crate) fn put(channel: Channel, request: http::Request<Body>) {
    SLOT.set(Slot::Taken(Box::new((channel, request))));
}
