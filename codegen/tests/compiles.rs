//! The code in `golden` compiles under strict lints, and dispatches.
//!
//! This crate takes the name of the SDK, and the part of it that generated code
//! needs.

#![deny(warnings, missing_docs, unreachable_pub, dead_code, rustdoc::all)]
#![deny(clippy::all, clippy::pedantic)]

extern crate self as callboard_lambda_sdk;

pub use prost;
pub use prost_types;

pub use sdk::{Actor, Context, Error, Payload, Result, Service, decode, encode};

/// The messages of `callboard.v1`.
pub mod pb {
    pub use callboard_proto::pb::ErrorReason;
}

#[expect(clippy::pedantic, reason = "the code that is tested is not this")]
mod sdk {
    use std::future::Future;

    /// What each actor is.
    pub trait Actor: Sized + Send {
        /// The methods that it has.
        type Service: Service<Self>;

        /// A hook whose name is that of a method in the fixtures.
        fn woken(&mut self) {}
    }

    /// What a service type is to its actors.
    pub trait Service<A> {
        /// The actor type.
        const TYPE: &'static str;

        /// Calls a handler.
        fn dispatch(
            actor: &mut A,
            method: &str,
            payload: &[u8],
            ctx: &mut Context<'_>,
        ) -> impl Future<Output = Result<Payload>> + Send;
    }

    /// What a handler may use.
    #[derive(Debug)]
    pub struct Context<'a> {
        /// The actor's key.
        pub key: &'a str,
    }

    /// Why a handler failed.
    #[derive(Debug, PartialEq)]
    pub struct Error(pub String);

    impl Error {
        /// There is no such method.
        pub fn unknown_method(actor_type: &str, method: &str) -> Self {
            Error(format!("{actor_type} has no {method}"))
        }
    }

    /// An encoded message.
    pub type Payload = bytes::Bytes;
    /// What a handler returns.
    pub type Result<T> = std::result::Result<T, Error>;

    /// Decodes a request.
    pub fn decode<M: prost::Message + Default>(payload: &[u8]) -> Result<M> {
        M::decode(payload).map_err(|error| Error(error.to_string()))
    }

    /// Encodes a response.
    pub fn encode(message: &impl prost::Message) -> Result<Payload> {
        Ok(message.encode_to_vec().into())
    }
}

/// Private, so that the lints see what nobody uses and nobody can reach.
mod protos {
    include!("golden/callboard_protos.rs");
}

use prost::Message as _;
use protos::common::v1::{Money, RefundRequest};
use protos::counter::v1::{AddRequest, AddResponse, CounterActor, CounterService, NoteRequest};
use protos::shop::v1::{OrderActor, OrderData, OrderService, order_data};
use protos::{PayRequest, PlainActor, PlainService};

#[derive(Default)]
struct Counter {
    sum: i64,
    notes: Vec<String>,
}

impl Actor for Counter {
    type Service = CounterService;
}

impl CounterActor for Counter {
    async fn add(&mut self, request: AddRequest, ctx: &mut Context<'_>) -> Result<AddResponse> {
        std::future::ready(()).await;
        if ctx.key != request.counter {
            return Err(Error("another counter".to_owned()));
        }
        self.sum += request.delta;
        Ok(AddResponse { sum: self.sum })
    }

    async fn note(&mut self, request: NoteRequest, _: &mut Context<'_>) -> Result<()> {
        self.notes.push(request.text);
        Ok(())
    }
}

struct Order;

impl Actor for Order {
    type Service = OrderService;
}

impl OrderActor for Order {
    async fn refund(&mut self, request: RefundRequest, _: &mut Context<'_>) -> Result<Money> {
        Ok(request.amount.unwrap_or_default())
    }

    async fn r#type(
        &mut self,
        request: order_data::TypeRequest,
        _: &mut Context<'_>,
    ) -> Result<String> {
        Ok(request.order)
    }

    async fn woken(&mut self, _: OrderData, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    async fn forget(&mut self, _: OrderData, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }
}

struct Plain;

impl Actor for Plain {
    type Service = PlainService;
}

impl PlainActor for Plain {
    async fn pay(&mut self, request: PayRequest, _: &mut Context<'_>) -> Result<Money> {
        let cents = request.id;
        Ok(Money { cents, ..Money::default() })
    }
}

/// Calls a method as the SDK does: it knows no more than `A: Actor`, and needs
/// a future that is `Send`.
fn call<A: Actor>(actor: &mut A, method: &str, request: &impl prost::Message) -> Result<Payload> {
    fn assert_send<F: Send>(future: F) -> F {
        future
    }
    let payload = request.encode_to_vec();
    let mut ctx = Context { key: "visits" };
    let dispatched = A::Service::dispatch(actor, method, &payload, &mut ctx);
    let future = std::pin::pin!(assert_send(dispatched));
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut task) {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => panic!("these handlers wait for nothing"),
    }
}

#[test]
fn an_ask_returns_the_encoded_response() {
    let mut counter = Counter::default();
    let request = AddRequest { counter: "visits".to_owned(), delta: 2 };
    call(&mut counter, "Add", &request).expect("handled");
    let response = call(&mut counter, "Add", &request).expect("handled");
    assert_eq!(AddResponse::decode(response), Ok(AddResponse { sum: 4 }));
}

#[test]
fn a_tell_returns_nothing() {
    let mut counter = Counter::default();
    let request = NoteRequest { text: "hello".to_owned(), ..NoteRequest::default() };
    assert_eq!(call(&mut counter, "Note", &request), Ok(Payload::new()));
    assert_eq!(counter.notes, ["hello"]);
}

#[test]
fn failures_reach_the_caller() {
    let mut counter = Counter::default();
    let other = AddRequest { counter: "other".to_owned(), delta: 2 };
    let failed = |reason: &str| Err(Error(reason.to_owned()));
    assert_eq!(call(&mut counter, "Add", &other), failed("another counter"));
    assert_eq!(call(&mut counter, "Sing", &other), failed("counter.v1.Counter has no Sing"));
}

#[test]
fn types_of_other_packages_and_from_google_are_dispatched() {
    let amount = Money { cents: 7, ..Money::default() };
    let request = RefundRequest { amount: Some(amount), ..RefundRequest::default() };
    let response = call(&mut Order, "Refund", &request).expect("handled");
    assert_eq!(Money::decode(response), Ok(amount));

    let request = order_data::TypeRequest { order: "o-1".to_owned() };
    let response = call(&mut Order, "Type", &request).expect("handled");
    assert_eq!(String::decode(response).as_deref(), Ok("o-1"));

    assert_eq!(call(&mut Order, "Woken", &OrderData::default()), Ok(Payload::new()));
    Actor::woken(&mut Order);
    let paid = call(&mut Plain, "Pay", &PayRequest { id: 3 }).expect("handled");
    assert_eq!(Money::decode(paid), Ok(Money { cents: 3, ..Money::default() }));
}

#[test]
fn the_actor_type_is_that_of_the_option() {
    assert_eq!(<OrderService as Service<Order>>::TYPE, "order");
    assert_eq!(<CounterService as Service<Counter>>::TYPE, "counter.v1.Counter");
}
