//! The code in `golden` compiles under strict lints, and dispatches.
//!
//! This crate takes the name of the SDK, and the part of it that generated code
//! needs.

#![deny(warnings, missing_docs, unreachable_pub, dead_code, rustdoc::all)]
#![deny(clippy::all, clippy::pedantic)]

extern crate self as callboard_lambda_sdk;

pub use callboard_proto::key;
pub use prost;
pub use prost_types;

pub use sdk::{
    Actor, Answer, AnswerHandler, Context, Error, Payload, Request, Result, Service, State, answer,
    decode, encode,
};

/// The messages of `callboard.v1`.
pub mod pb {
    pub use callboard_proto::pb::ErrorReason;
}

#[expect(clippy::pedantic, reason = "the code that is tested is not this")]
mod sdk {
    use std::future::Future;
    use std::marker::PhantomData;

    /// What can be stored.
    pub trait State: Sized + Send + Sync + 'static {}

    /// What each actor is.
    pub trait Actor: State {
        /// The methods that it has.
        type Service: Service<Self>;

        /// A hook whose name is that of a method in the fixtures.
        fn woken(&mut self) {}
    }

    /// What a service type is to its actors.
    pub trait Service<A> {
        /// The actor type.
        const TYPE: &'static str;

        /// The methods that take answers.
        const ANSWERS: &'static [&'static str] = &[];

        /// Calls a handler.
        fn dispatch(
            actor: &mut A,
            method: &str,
            payload: &[u8],
            ctx: &mut Context<'_>,
        ) -> impl Future<Output = Result<Payload>> + Send;

        /// Calls a handler that changes nothing.
        fn read(
            actor: &A,
            method: &str,
            payload: &[u8],
            ctx: &Context<'_>,
        ) -> impl Future<Output = Result<Payload>> + Send;
    }

    /// A message for an actor.
    #[derive(Debug)]
    pub struct Request<R = ()> {
        /// The type and the key of the actor, and the method.
        pub to: String,
        /// The encoded request.
        pub payload: Payload,
        response: PhantomData<fn() -> R>,
    }

    impl<R> Request<R> {
        /// A message for an actor.
        pub fn new(
            actor_type: &str,
            key: &str,
            method: &str,
            request: &impl prost::Message,
        ) -> Self {
            let payload = request.encode_to_vec().into();
            Request { to: format!("{actor_type}/{key} {method}"), payload, response: PhantomData }
        }
    }

    /// A method that takes answers.
    pub struct AnswerHandler<R> {
        /// The actor type.
        pub actor_type: &'static str,
        /// The method.
        pub method: &'static str,
        response: PhantomData<fn() -> R>,
    }

    impl<R> AnswerHandler<R> {
        /// For generated code.
        pub const fn new(actor_type: &'static str, method: &'static str) -> Self {
            AnswerHandler { actor_type, method, response: PhantomData }
        }
    }

    /// An answer.
    pub struct Answer<R>(pub R);

    /// Decodes an answer; an empty one came too late.
    pub fn answer<R: prost::Message + Default>(
        _: &mut Context<'_>,
        payload: &[u8],
    ) -> Result<Option<Answer<R>>> {
        if payload.is_empty() {
            Ok(None)
        } else {
            decode(payload).map(|answer| Some(Answer(answer)))
        }
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

/// Makes a message a state.
#[macro_export]
macro_rules! protobuf_state {
    ($message:ty) => {
        impl $crate::State for $message {}
    };
}

/// Private, so that the lints see what nobody uses and nobody can reach.
mod protos {
    include!("golden/callboard_protos.rs");
}

use prost::Message as _;
use protos::bank::ledger::v1::{
    FindRequest, FindResponse, IndexActor, IndexRef, IndexService, KeyRequest, LedgerActor,
    LedgerRef, LedgerService, NewRequest, book,
};
use protos::bank::v1::{
    AccountActor, AccountRef, AccountService, AccountState, BalanceRequest, DebitRequest,
    DebitResponse, DepositRequest, DepositResponse, TransferRequest,
};
use protos::common::v1::{Money, RefundRequest};
use protos::counter::v1::{AddRequest, AddResponse, CounterActor, CounterService, NoteRequest};
use protos::fleet::v1::{
    CloseRequest, LoadRequest, ParkRequest, Plate, RouteRef, TowRequest, TruckId, TruckRef,
};
use protos::shop::v1::{OrderActor, OrderData, OrderService, order_data};
use protos::{PayRequest, PlainActor, PlainService};

#[derive(Default)]
struct Counter {
    sum: i64,
    notes: Vec<String>,
}

impl State for Counter {}

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

impl State for Order {}

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

impl State for Plain {}

impl Actor for Plain {
    type Service = PlainService;
}

impl PlainActor for Plain {
    async fn pay(&mut self, request: PayRequest, _: &mut Context<'_>) -> Result<Money> {
        let cents = request.id;
        Ok(Money { cents, ..Money::default() })
    }
}

impl Actor for AccountState {
    type Service = AccountService;
}

impl AccountActor for AccountState {
    async fn deposit(
        &mut self,
        request: DepositRequest,
        _: &mut Context<'_>,
    ) -> Result<DepositResponse> {
        self.cents += request.cents;
        Ok(DepositResponse { cents: self.cents })
    }

    async fn transfer(&mut self, request: TransferRequest, _: &mut Context<'_>) -> Result<()> {
        self.cents -= request.cents;
        Ok(())
    }

    async fn debit(&mut self, request: DebitRequest, _: &mut Context<'_>) -> Result<DebitResponse> {
        self.cents -= request.cents;
        Ok(DebitResponse { cents: request.cents })
    }

    async fn balance(&self, _: BalanceRequest, ctx: &Context<'_>) -> Result<Money> {
        std::future::ready(ctx.key).await;
        Ok(Money { cents: self.cents, ..Money::default() })
    }

    async fn on_debited(
        &mut self,
        answer: Answer<DebitResponse>,
        _: &mut Context<'_>,
    ) -> Result<()> {
        self.cents += answer.0.cents;
        Ok(())
    }
}

impl Actor for book::Page {
    type Service = LedgerService;
}

impl LedgerActor for book::Page {
    async fn r#type(&mut self, _: Answer<DepositResponse>, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    async fn on_key(&mut self, _: Answer<KeyRequest>, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    async fn new(&mut self, _: NewRequest, _: &mut Context<'_>) -> Result<prost_types::Struct> {
        Ok(prost_types::Struct::default())
    }

    async fn key(&self, _: KeyRequest, _: &Context<'_>) -> Result<()> {
        Ok(())
    }

    async fn clone(&self, _: NewRequest, _: &Context<'_>) -> Result<KeyRequest> {
        Ok(KeyRequest::default())
    }
}

struct Index;

impl State for Index {}

impl Actor for Index {
    type Service = IndexService;
}

impl IndexActor for Index {
    async fn find(&mut self, _: FindRequest, _: &mut Context<'_>) -> Result<FindResponse> {
        Ok(FindResponse::default())
    }
}

/// Calls a method as the SDK does: it knows no more than `A: Actor`, and needs
/// a future that is `Send`.
fn call<A: Actor>(actor: &mut A, method: &str, request: &impl prost::Message) -> Result<Payload> {
    let payload = request.encode_to_vec();
    let mut ctx = Context { key: "visits" };
    finish(A::Service::dispatch(actor, method, &payload, &mut ctx))
}

/// Calls a read-only method, as [`call`] does.
fn read<A: Actor>(actor: &A, method: &str, request: &impl prost::Message) -> Result<Payload> {
    let payload = request.encode_to_vec();
    finish(A::Service::read(actor, method, &payload, &Context { key: "visits" }))
}

fn finish(handler: impl Future<Output = Result<Payload>> + Send) -> Result<Payload> {
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(handler).poll(&mut task) {
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

#[test]
fn a_read_only_method_needs_no_actor_that_can_be_changed() {
    let account = AccountState { cents: 5, ..AccountState::default() };
    let balance = read(&account, "Balance", &BalanceRequest::default()).expect("handled");
    assert_eq!(Money::decode(balance), Ok(Money { cents: 5, ..Money::default() }));
    // An ask of another actor comes through the mailbox.
    let mut account = account;
    let balance = call(&mut account, "Balance", &BalanceRequest::default()).expect("handled");
    assert_eq!(Money::decode(balance), Ok(Money { cents: 5, ..Money::default() }));
}

#[test]
fn a_method_that_changes_the_actor_cannot_be_read() {
    let unknown = |text: &str| Err(Error(text.to_owned()));
    let account = AccountState::default();
    for method in ["Deposit", "Transfer", "Debit", "OnDebited"] {
        assert_eq!(
            read(&account, method, &BalanceRequest::default()),
            unknown(&format!("bank.v1.Account has no {method}"))
        );
    }
    assert_eq!(
        read(&Index, "Find", &FindRequest::default()),
        unknown("bank.ledger.v1.Index has no Find")
    );
}

#[test]
fn an_answer_is_handled_unless_it_came_too_late() {
    let mut account = AccountState::default();
    let answer = DebitResponse { cents: 3 };
    assert_eq!(call(&mut account, "OnDebited", &answer), Ok(Payload::new()));
    assert_eq!(account.cents, 3);
    // The SDK of this test takes what is empty for late.
    assert_eq!(call(&mut account, "OnDebited", &DebitResponse::default()), Ok(Payload::new()));
    assert_eq!(account.cents, 3);
}

#[test]
fn an_answer_handler_knows_its_method() {
    let handler: AnswerHandler<DebitResponse> = AccountService::ON_DEBITED;
    assert_eq!((handler.actor_type, handler.method), ("bank.v1.Account", "OnDebited"));
    // `TYPE` is the actor type.
    let handler: AnswerHandler<DepositResponse> = LedgerService::TYPE_;
    assert_eq!((handler.actor_type, handler.method), ("ledger", "Type"));
}

#[test]
fn a_reference_fills_the_key_into_the_request() {
    let alice = AccountRef::new("alice");
    assert_eq!((alice.key().as_str(), AccountRef::TYPE), ("alice", "bank.v1.Account"));
    let request: Request<DepositResponse> =
        alice.deposit(DepositRequest { cents: 7, ..DepositRequest::default() });
    assert_eq!(request.to, "bank.v1.Account/alice Deposit");
    let filled = DepositRequest { account: "alice".to_owned(), cents: 7 };
    assert_eq!(DepositRequest::decode(request.payload), Ok(filled));

    let request = alice.debit(DebitRequest { cents: 7, from: None });
    let filled = DebitRequest { cents: 7, from: Some("alice".to_owned()) };
    assert_eq!(DebitRequest::decode(request.payload), Ok(filled));

    let tell: Request<()> = alice.transfer(TransferRequest::default());
    assert_eq!(tell.to, "bank.v1.Account/alice Transfer");
    assert_eq!(alice, alice.clone());
    assert_eq!(IndexRef::new(u64::MAX).key(), u64::MAX.to_string());
}

#[test]
#[expect(deprecated, reason = "a key field may be")]
fn a_reference_may_have_several_keys() {
    let page = LedgerRef::new("a/b", 1 << 40, -3);
    assert_eq!(page.key(), "a%2Fb/1099511627776/-3");
    let request = page.new_(NewRequest::default());
    assert_eq!(request.to, "ledger/a%2Fb/1099511627776/-3 New");
    let filled = NewRequest { r#type: "a/b".to_owned(), number: 1 << 40, self_: Some(-3) };
    assert_eq!(NewRequest::decode(request.payload), Ok(filled));

    // The fields of `Key` have other types.
    let filled = |kind| KeyRequest { kind, no: Some("1099511627776".to_owned()), third: -3 };
    let request = page.key_(KeyRequest::default());
    assert_eq!(KeyRequest::decode(request.payload), Ok(filled(0)));
    let request = LedgerRef::new("8", 1 << 40, -3).key_(KeyRequest::default());
    assert_eq!(KeyRequest::decode(request.payload), Ok(filled(8)));
}

#[test]
fn a_reference_fills_a_key_into_the_messages_that_hold_it() {
    let truck = TruckRef::new("a/b", 7);
    assert_eq!(truck.key(), "a%2Fb/7");
    let id = Some(TruckId { depot: "a/b".to_owned(), plate: Some(Plate { number: Some(7) }) });
    // What is there is kept, and so is a message that holds the key of another actor.
    let from = Some(TruckId { depot: "c".to_owned(), plate: None });
    let some = TruckId { depot: "z".to_owned(), plate: None };
    let request = LoadRequest { r#type: Some(some), crates: 5, from: from.clone() };
    let request = truck.load(request);
    assert_eq!(request.to, "fleet.v1.Truck/a%2Fb/7 Load");
    let filled = LoadRequest { r#type: id.clone(), crates: 5, from };
    assert_eq!(LoadRequest::decode(request.payload), Ok(filled));

    let request = truck.park(ParkRequest::default());
    let filled = ParkRequest { depot: "a/b".to_owned(), number: 7 };
    assert_eq!(ParkRequest::decode(request.payload), Ok(filled));

    let request = truck.tow(TowRequest::default());
    let tow = TowRequest::decode(request.payload).expect("an encoded request");
    assert_eq!(tow.hook.and_then(|hook| hook.truck), id);

    let route = RouteRef::new("here", "there");
    let close = CloseRequest::decode(route.close(CloseRequest::default()).payload);
    let close = close.expect("an encoded request");
    assert_eq!(close.to.map(|place| place.name).as_deref(), Some("there"));
}
