//! A read-only handler that changes the actor.

mod protos {
    include!("../golden/callboard_protos.rs");
}
use callboard_lambda_sdk::{Actor, Answer, Context, Result};
use protos::bank::v1::*;
use protos::common::v1::Money;

impl Actor for AccountState {
    type Service = AccountService;
}

impl AccountActor for AccountState {
    async fn deposit(&mut self, _: DepositRequest, _: &mut Context<'_>) -> Result<DepositResponse> {
        Ok(DepositResponse { cents: self.cents })
    }

    async fn transfer(&mut self, request: TransferRequest, ctx: &mut Context<'_>) -> Result<()> {
        let debit = AccountRef::new(request.to).debit(DebitRequest::default());
        ctx.ask(debit).then(AccountService::ON_DEBITED, ())
    }

    async fn debit(&mut self, request: DebitRequest, _: &mut Context<'_>) -> Result<DebitResponse> {
        self.cents -= request.cents;
        Ok(DebitResponse { cents: request.cents })
    }

    async fn balance(&self, _: BalanceRequest, _: &Context<'_>) -> Result<Money> {
        self.cents = 0;
        Ok(Money { cents: self.cents, ..Money::default() })
    }

    async fn on_debited(
        &mut self,
        answer: Answer<DebitResponse>,
        _: &mut Context<'_>,
    ) -> Result<()> {
        self.cents += answer.result.map_or(0, |debited| debited.cents);
        Ok(())
    }
}

fn main() {
    let _ = callboard_lambda_sdk::run::<AccountState>();
}
