//! An actor that is tied to no `.proto`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Service};
use crate::context::Context;
use crate::error::{Error, Result};

/// A text that messages append to.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Text(pub(crate) String);

pub(crate) struct TextService;

impl Actor for Text {
    type Service = TextService;
}

impl Service<Text> for TextService {
    const TYPE: &'static str = "test.v1.Text";

    async fn dispatch(
        text: &mut Text,
        _method: &str,
        payload: &[u8],
        _ctx: &mut Context<'_>,
    ) -> Result<Bytes> {
        text.0 += std::str::from_utf8(payload)?;
        Ok(text.0.clone().into())
    }

    async fn read(
        _text: &Text,
        method: &str,
        _payload: &[u8],
        _ctx: &Context<'_>,
    ) -> Result<Bytes> {
        Err(Error::unknown_method(Self::TYPE, method))
    }
}
