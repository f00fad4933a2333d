//! A transfer: it debits one account, then credits the other, and then answers.
//!
//! Each step is a message that is committed together with what the step before has
//! changed. So a crash anywhere repeats a step or resumes after it, and never loses one.

use callboard_lambda_sdk::limits::{KEY_BYTES_MAX, SENDS_MAX};
use callboard_lambda_sdk::{Actor, Answer, Context, Error, Later, Result, Status};
use serde::{Deserialize, Serialize};

use crate::{
    AccountRef, CreditRequest, CreditResponse, DebitRequest, DebitResponse, ExecuteRequest,
    ExecuteResponse, RefundRequest, TransferActor, TransferService,
};

/// How many may wait for the same transfer: all are answered by one handler, which also
/// sends a message.
const WAITING_MAX: usize = SENDS_MAX / 2;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Transfer {
    /// What it is; `None` until it is asked for.
    order: Option<Order>,
    /// How it ended; `None` until then.
    outcome: Option<Outcome>,
    /// Those who wait for the outcome.
    waiting: Vec<Later<ExecuteResponse>>,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct Order {
    from: String,
    to: String,
    cents: u64,
}

#[derive(Serialize, Deserialize)]
enum Outcome {
    Done,
    Refused(String),
}

impl Actor for Transfer {
    type Service = TransferService;
}

impl TransferActor for Transfer {
    async fn execute(
        &mut self,
        request: ExecuteRequest,
        ctx: &mut Context<'_>,
    ) -> Result<ExecuteResponse> {
        let order = Order::new(request)?;
        match &self.order {
            None => {
                let debit = DebitRequest { cents: order.cents, ..Default::default() };
                ctx.ask(AccountRef::new(&order.from).debit(debit))
                    // A time-out would not tell whether the money is gone.
                    .without_timeout()
                    .then(TransferService::ON_DEBITED, &order)?;
                self.order = Some(order);
            }
            Some(first) if *first == order => {}
            Some(_) => {
                let text = "there is another transfer of this id";
                return Err(Error::terminal(Status::already_exists(text)));
            }
        }
        match &self.outcome {
            Some(outcome) => outcome.answer().map_err(Error::terminal),
            None if self.waiting.len() < WAITING_MAX => {
                ctx.reply_later(|later| self.waiting.push(later))
            }
            None => Err(Error::terminal(Status::unavailable("too many wait for it; ask again"))),
        }
    }

    async fn on_debited(
        &mut self,
        answer: Answer<DebitResponse>,
        ctx: &mut Context<'_>,
    ) -> Result<()> {
        let order: Order = answer.correlation()?;
        match answer.result {
            Ok(DebitResponse {}) => {
                let credit = CreditRequest { cents: order.cents, ..Default::default() };
                ctx.ask(AccountRef::new(&order.to).credit(credit))
                    .without_timeout()
                    .then(TransferService::ON_CREDITED, &order)
            }
            Err(status) => self.end(Outcome::Refused(status.message().to_owned()), ctx),
        }
    }

    async fn on_credited(
        &mut self,
        answer: Answer<CreditResponse>,
        ctx: &mut Context<'_>,
    ) -> Result<()> {
        let order: Order = answer.correlation()?;
        match answer.result {
            Ok(CreditResponse {}) => self.end(Outcome::Done, ctx),
            Err(status) => {
                let refund = RefundRequest { cents: order.cents, ..Default::default() };
                ctx.tell(AccountRef::new(&order.from).refund(refund))?;
                self.end(Outcome::Refused(status.message().to_owned()), ctx)
            }
        }
    }
}

impl Transfer {
    fn end(&mut self, outcome: Outcome, ctx: &mut Context<'_>) -> Result<()> {
        for later in self.waiting.drain(..) {
            match outcome.answer() {
                Ok(response) => ctx.reply(later, &response)?,
                Err(status) => ctx.refuse(later, &status)?,
            }
        }
        self.outcome = Some(outcome);
        Ok(())
    }
}

impl Order {
    /// Refuses what could not be carried out to its end.
    fn new(request: ExecuteRequest) -> Result<Self> {
        let ExecuteRequest { from, to, cents, .. } = request;
        let is_account = |key: &str| (1..=KEY_BYTES_MAX).contains(&key.len());
        if !is_account(&from) || !is_account(&to) || from == to || cents == 0 {
            let text = "a transfer needs two accounts, and money to move";
            return Err(Error::terminal(Status::invalid_argument(text)));
        }
        Ok(Self { from, to, cents })
    }
}

impl Outcome {
    fn answer(&self) -> Result<ExecuteResponse, Status> {
        match self {
            Self::Done => Ok(ExecuteResponse {}),
            Self::Refused(why) => Err(Status::failed_precondition(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use callboard_lambda_sdk::testing::ActorTest;
    use callboard_lambda_sdk::{Code, Request};

    use super::*;
    use crate::account::{Account, BALANCE_CENTS_MAX};
    use crate::{BalanceRequest, DepositRequest, TransferRef};

    /// A transfer of the id `t-1`, and alice and bob with some money.
    async fn bank(alice: u64, bob: u64) -> ActorTest<Transfer> {
        let mut test = ActorTest::<Transfer>::new("t-1").with::<Account>();
        for (name, cents) in [("alice", alice), ("bob", bob)] {
            let deposit = DepositRequest { cents, ..Default::default() };
            test.ask(AccountRef::new(name).deposit(deposit)).await.expect("it fits");
        }
        test
    }

    fn execute(from: &str, to: &str, cents: u64) -> Request<ExecuteResponse> {
        let (from, to) = (from.to_owned(), to.to_owned());
        TransferRef::new("t-1").execute(ExecuteRequest { from, to, cents, ..Default::default() })
    }

    async fn balances(test: &mut ActorTest<Transfer>) -> (u64, u64) {
        let [alice, bob] =
            ["alice", "bob"].map(|name| AccountRef::new(name).balance(BalanceRequest::default()));
        let alice = test.read(alice).await.expect("it is read");
        let bob = test.read(bob).await.expect("it is read");
        (alice.cents, bob.cents)
    }

    #[tokio::test]
    async fn a_transfer_moves_money_once_however_often_it_is_asked_for() {
        let mut test = bank(500, 0).await;
        for _ in 0..3 {
            test.ask(execute("alice", "bob", 200)).await.expect("there is enough");
        }
        assert_eq!(balances(&mut test).await, (300, 200));
    }

    #[tokio::test]
    async fn a_transfer_of_too_much_is_refused_for_good() {
        let mut test = bank(100, 0).await;
        for _ in 0..2 {
            let error = test.ask(execute("alice", "bob", 200)).await.expect_err("it is too much");
            assert_eq!(error.code(), Code::FailedPrecondition);
            assert_eq!(error.message(), "there is not enough in the account");
            let deposit = DepositRequest { cents: 100, ..Default::default() };
            test.ask(AccountRef::new("alice").deposit(deposit)).await.expect("it fits");
        }
        assert_eq!(balances(&mut test).await, (300, 0));
    }

    #[tokio::test]
    async fn what_does_not_fit_into_the_other_account_goes_back() {
        let mut test = bank(500, BALANCE_CENTS_MAX).await;
        let error = test.ask(execute("alice", "bob", 200)).await.expect_err("bob's is full");
        assert_eq!(error.code(), Code::FailedPrecondition);
        assert_eq!(balances(&mut test).await, (500, BALANCE_CENTS_MAX));
    }

    #[tokio::test]
    async fn an_id_stands_for_one_transfer() {
        let mut test = bank(500, 0).await;
        test.ask(execute("alice", "bob", 200)).await.expect("there is enough");
        let error = test.ask(execute("alice", "bob", 201)).await.expect_err("it is another one");
        assert_eq!(error.code(), Code::AlreadyExists);
        assert_eq!(balances(&mut test).await, (300, 200));
    }

    #[tokio::test]
    async fn a_transfer_that_could_not_end_does_not_begin() {
        let mut test = bank(500, 0).await;
        let long = "a".repeat(KEY_BYTES_MAX + 1);
        for (from, to, cents) in [
            ("alice", "alice", 1),
            ("alice", "", 1),
            ("", "bob", 1),
            ("alice", long.as_str(), 1),
            ("alice", "bob", 0),
        ] {
            let error = test.ask(execute(from, to, cents)).await.expect_err("it makes no sense");
            assert_eq!(error.code(), Code::InvalidArgument);
        }
        assert_eq!(balances(&mut test).await, (500, 0));
    }

    #[tokio::test]
    async fn those_who_are_too_many_to_be_answered_together_are_told_to_ask_again() {
        // Without accounts it stays open.
        let mut test = ActorTest::<Transfer>::new("t-1");
        for _ in 0..WAITING_MAX {
            let asked = test.begin(execute("alice", "bob", 200)).await;
            assert!(test.answer(&asked).is_none());
        }
        let error = test.ask(execute("alice", "bob", 200)).await.expect_err("too many wait");
        assert_eq!(error.code(), Code::Unavailable);
        assert_eq!(test.sent().len(), 1, "one debit, however many wait for it");
    }

    #[tokio::test]
    async fn a_crash_at_any_step_changes_nothing() {
        type Crash = fn(&mut ActorTest<Transfer>, u32);
        let crashes: [Crash; 2] =
            [ActorTest::crash_before_commit_after, ActorTest::crash_after_commit_after];
        for crash in crashes {
            let mut steps = 0;
            loop {
                let mut test = bank(500, 0).await;
                crash(&mut test, steps);
                test.ask(execute("alice", "bob", 200)).await.expect("there is enough");
                assert_eq!(balances(&mut test).await, (300, 200));
                if test.is_crash_to_come() {
                    break;
                }
                steps += 1;
            }
            assert!(steps >= 5, "a transfer takes five commits: {steps}");
        }
    }
}
