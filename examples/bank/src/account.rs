//! An account: how much is in it.

use callboard_lambda_sdk::{Actor, Context, Error, Result, Status};
use serde::{Deserialize, Serialize};

use crate::{
    AccountActor, AccountService, BalanceRequest, BalanceResponse, CreditRequest, CreditResponse,
    DebitRequest, DebitResponse, DepositRequest, DepositResponse, RefundRequest,
};

/// The most that an account may hold.
pub(crate) const BALANCE_CENTS_MAX: u64 = 100_000_000;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Account {
    cents: u64,
}

impl Actor for Account {
    type Service = AccountService;
}

impl AccountActor for Account {
    async fn deposit(
        &mut self,
        request: DepositRequest,
        _: &mut Context<'_>,
    ) -> Result<DepositResponse> {
        self.put_in(request.cents)?;
        Ok(DepositResponse { cents: self.cents })
    }

    async fn balance(&self, _: BalanceRequest, _: &Context<'_>) -> Result<BalanceResponse> {
        Ok(BalanceResponse { cents: self.cents })
    }

    async fn debit(&mut self, request: DebitRequest, _: &mut Context<'_>) -> Result<DebitResponse> {
        let left = self.cents.checked_sub(request.cents);
        self.cents = left.ok_or_else(|| refused("there is not enough in the account"))?;
        Ok(DebitResponse {})
    }

    async fn credit(
        &mut self,
        request: CreditRequest,
        _: &mut Context<'_>,
    ) -> Result<CreditResponse> {
        self.put_in(request.cents)?;
        Ok(CreditResponse {})
    }

    async fn refund(&mut self, request: RefundRequest, _: &mut Context<'_>) -> Result<()> {
        // Even when the account is full by now: this money has been in it before.
        self.cents += request.cents;
        Ok(())
    }
}

impl Account {
    fn put_in(&mut self, cents: u64) -> Result<()> {
        let sum = self.cents.checked_add(cents).filter(|sum| *sum <= BALANCE_CENTS_MAX);
        self.cents = sum.ok_or_else(|| refused("that does not fit into the account"))?;
        Ok(())
    }
}

fn refused(why: &str) -> Error {
    Error::terminal(Status::failed_precondition(why))
}

#[cfg(test)]
mod tests {
    use callboard_lambda_sdk::Code;
    use callboard_lambda_sdk::testing::ActorTest;

    use super::*;
    use crate::AccountRef;

    #[tokio::test]
    async fn what_is_not_there_cannot_be_debited() {
        let mut test = ActorTest::<Account>::new("alice");
        let alice = AccountRef::new("alice");
        let deposit = DepositRequest { cents: 500, ..Default::default() };
        assert_eq!(test.ask(alice.deposit(deposit)).await.expect("it fits").cents, 500);

        let debit = DebitRequest { cents: 501, ..Default::default() };
        let error = test.ask(alice.debit(debit)).await.expect_err("it is too much");
        assert_eq!(error.code(), Code::FailedPrecondition);
        let balance = test.read(alice.balance(BalanceRequest::default())).await;
        assert_eq!(balance.expect("it is read").cents, 500);
    }

    #[tokio::test]
    async fn a_full_account_takes_no_deposit_but_a_refund() {
        let mut test = ActorTest::<Account>::new("alice");
        let alice = AccountRef::new("alice");
        let all = DepositRequest { cents: BALANCE_CENTS_MAX, ..Default::default() };
        test.ask(alice.deposit(all)).await.expect("it fits");

        for cents in [1, u64::MAX] {
            let deposit = DepositRequest { cents, ..Default::default() };
            let error = test.ask(alice.deposit(deposit)).await.expect_err("it is full");
            assert_eq!(error.code(), Code::FailedPrecondition);
        }
        test.tell(alice.refund(RefundRequest { cents: 7, ..Default::default() })).await;
        assert_eq!(test.state().cents, BALANCE_CENTS_MAX + 7);
    }
}
