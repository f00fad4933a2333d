//! The smallest actor: a number that many callers change at once.

use callboard_lambda_sdk::{Actor, Context, Error, Result, Status};
use serde::{Deserialize, Serialize};

callboard_lambda_sdk::include_proto!("counter.v1");

#[derive(Default, Serialize, Deserialize)]
struct Counter {
    value: i64,
}

impl Actor for Counter {
    type Service = CounterService;
}

impl CounterActor for Counter {
    async fn add(&mut self, request: AddRequest, _: &mut Context<'_>) -> Result<AddResponse> {
        self.change_by(request.delta)?;
        Ok(AddResponse { value: self.value })
    }

    async fn get(&self, _: GetRequest, _: &Context<'_>) -> Result<GetResponse> {
        Ok(GetResponse { value: self.value })
    }

    async fn note(&mut self, request: NoteRequest, _: &mut Context<'_>) -> Result<()> {
        self.change_by(request.delta)
    }
}

impl Counter {
    fn change_by(&mut self, delta: i64) -> Result<()> {
        let too_large = || Error::terminal(Status::out_of_range("the number would be too large"));
        self.value = self.value.checked_add(delta).ok_or_else(too_large)?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    callboard_lambda_sdk::run::<Counter>().await
}

#[cfg(test)]
mod tests {
    use callboard_lambda_sdk::testing::ActorTest;
    use callboard_testing::TestGateway;

    use super::*;

    fn add(delta: i64) -> callboard_lambda_sdk::Request<AddResponse> {
        CounterRef::new("visits").add(AddRequest { delta, ..AddRequest::default() })
    }

    #[tokio::test]
    async fn deltas_add_up() {
        let mut test = ActorTest::<Counter>::new("visits");
        assert_eq!(test.ask(add(5)).await.expect("a number").value, 5);
        // Its first try counts nothing.
        test.crash_before_commit();
        assert_eq!(test.ask(add(-2)).await.expect("a number").value, 3);
        assert_eq!(test.state().value, 3);
    }

    #[tokio::test]
    async fn a_number_that_would_be_too_large_is_refused() {
        let mut test = ActorTest::<Counter>::new("visits");
        test.ask(add(i64::MAX)).await.expect("it is just small enough");
        let status = test.ask(add(1)).await.expect_err("it would be too large");
        assert_eq!(status.code(), callboard_lambda_sdk::Code::OutOfRange);
        assert_eq!(test.state().value, i64::MAX);
    }

    #[tokio::test]
    async fn callers_are_answered_over_grpc() {
        let gateway = TestGateway::new("proto").actor::<Counter>().start().await;
        let gateway = gateway.expect("it starts");
        let visits = CounterRef::new("visits");
        assert_eq!(gateway.ask(add(5)).await.expect("a number").value, 5);
        let note = NoteRequest { delta: 2, ..NoteRequest::default() };
        gateway.tell(visits.note(note)).await.expect("it is stored");
        // What was told comes before what is asked after it; a read waits for nothing.
        assert_eq!(gateway.ask(add(0)).await.expect("a number").value, 7);
        let get = visits.get(GetRequest::default());
        assert_eq!(gateway.ask(get).await.expect("a number").value, 7);
        gateway.stop().await;
    }
}
