//! A bidder: what it was told.

use callboard_lambda_sdk::{Actor, Context, Result};

use crate::{
    BidderActor, BidderService, BidderState, NoticesRequest, NoticesResponse, NotifyRequest,
};

/// The most notices that are kept.
const NOTICES_MAX: usize = 100;

impl Actor for BidderState {
    type Service = BidderService;
}

impl BidderActor for BidderState {
    async fn notify(&mut self, request: NotifyRequest, _: &mut Context<'_>) -> Result<()> {
        self.notices.extend(request.notice);
        let old = self.notices.len().saturating_sub(NOTICES_MAX);
        self.notices.drain(..old);
        Ok(())
    }

    async fn notices(&self, _: NoticesRequest, _: &Context<'_>) -> Result<NoticesResponse> {
        Ok(NoticesResponse { notices: self.notices.clone() })
    }
}
