//! Errors, as the end of a call and as a part of an answer.

use callboard_proto::pb;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::call::Refused;
use crate::door::headers;
use crate::refusal::Refusal;

/// The status that a call ends with.
pub(super) fn of(refused: Refused) -> Status {
    let mut status = Status::from(in_request(refused.refusal));
    if let Some(receipt) = &refused.receipt {
        headers::tell(MetadataMap::as_mut(status.metadata_mut()), receipt);
    }
    status
}

/// The status as a message. What tonic carries as its details is one already.
pub(super) fn message(refused: Refused) -> pb::Status {
    let status = of(refused);
    match pb::Status::decode(status.details()) {
        Ok(message) if message.code != 0 => message,
        _ => pb::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        },
    }
}

/// Names what typed calls have in their metadata by its place in the request.
fn in_request(refusal: Refusal) -> Refusal {
    let Refusal::Invalid { field, detail } = refusal else { return refusal };
    let field = match field.as_str() {
        "callboard-key" => "message.address.key".to_owned(),
        "callboard-delay" => "delay".to_owned(),
        "callboard-deliver-at" => "deliver_at".to_owned(),
        "callboard-mode" => "message.method".to_owned(),
        _ => field,
    };
    Refusal::Invalid { field, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use callboard_mailbox::MessageId;

    #[test]
    fn a_status_in_an_answer_is_that_of_a_call() {
        let message_id = MessageId::new("7").expect("an id");
        let error = message(Refusal::AskTimeout { message_id }.into());
        assert_eq!((error.code, error.details.len()), (4, 1));
        assert!(error.details[0].type_url.ends_with("google.rpc.ErrorInfo"));
        let bare = tonic_types::pb::Status { code: 9, message: "no".into(), details: vec![] };
        let status = Bytes::from(bare.encode_to_vec());
        let error = message(Refusal::Handler { code: 9, status }.into());
        assert_eq!((error.code, error.message.as_str(), error.details.len()), (9, "no", 0));
    }
}
