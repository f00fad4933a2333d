//! What a gateway serves, as it tells by reflection.

use std::collections::HashMap;

use bytes::{BufMut, Bytes};
use callboard_proto::schema::Schema;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::FileDescriptorProto;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::super::client::Channel;
use super::Failure;

/// The services that a server has for its own ends.
const NOT_ACTORS: &str = "grpc.";

/// The actor types that a gateway serves.
pub(super) async fn schema(channel: Channel) -> Result<Schema, Failure> {
    let mut reflection = Reflection { client: ServerReflectionClient::new(channel) };
    let mut files = HashMap::new();
    for service in reflection.services().await? {
        if !service.starts_with(NOT_ACTORS) {
            let symbol = MessageRequest::FileContainingSymbol(service);
            reflection.fetch(symbol, &mut files).await?;
        }
    }
    let mut missing = missing_imports(&files)?;
    while !missing.is_empty() {
        for name in missing {
            reflection.fetch(MessageRequest::FileByFilename(name), &mut files).await?;
        }
        missing = missing_imports(&files)?;
    }
    // The files stay encoded as they came: prost's own types would lose the
    // options.
    let mut set = Vec::new();
    for file in files.values() {
        encode_key(1, WireType::LengthDelimited, &mut set);
        encode_varint(file.len() as u64, &mut set);
        set.put_slice(file);
    }
    Schema::from_descriptor_set(&set).map_err(|errors| Failure(errors.to_string()))
}

fn missing_imports(files: &HashMap<String, Bytes>) -> Result<Vec<String>, Failure> {
    let mut missing = Vec::new();
    for file in files.values() {
        let imports = FileDescriptorProto::decode(file.clone())?.dependency;
        missing.extend(imports.into_iter().filter(|import| !files.contains_key(import)));
    }
    missing.sort();
    missing.dedup();
    Ok(missing)
}

struct Reflection {
    client: ServerReflectionClient<Channel>,
}

impl Reflection {
    async fn services(&mut self) -> Result<Vec<String>, Failure> {
        match self.ask(MessageRequest::ListServices(String::new())).await? {
            MessageResponse::ListServicesResponse(list) => {
                Ok(list.service.into_iter().map(|service| service.name).collect())
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn fetch(
        &mut self,
        request: MessageRequest,
        files: &mut HashMap<String, Bytes>,
    ) -> Result<(), Failure> {
        match self.ask(request).await? {
            MessageResponse::FileDescriptorResponse(answer) => {
                for file in answer.file_descriptor_proto {
                    let file = Bytes::from(file);
                    let name = FileDescriptorProto::decode(file.clone())?.name.unwrap_or_default();
                    files.insert(name, file);
                }
                Ok(())
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn ask(&mut self, request: MessageRequest) -> Result<MessageResponse, Failure> {
        let request =
            ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let stream = futures::stream::iter([request]);
        let refused = |status: tonic::Status| {
            let text = status.message();
            Failure::new(format!("the server does not tell what it serves ({text}); use --protos"))
        };
        let mut answers =
            self.client.server_reflection_info(stream).await.map_err(refused)?.into_inner();
        let answer = answers.message().await.map_err(refused)?;
        answer
            .and_then(|answer| answer.message_response)
            .ok_or_else(|| Failure::new("the server's reflection gave no answer; use --protos"))
    }
}

fn unexpected(response: &MessageResponse) -> Failure {
    match response {
        MessageResponse::ErrorResponse(error) => {
            Failure::new(format!("reflection failed: {}; use --protos", error.error_message))
        }
        _ => Failure::new("reflection answered something else; use --protos"),
    }
}
