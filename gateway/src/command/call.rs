//! `callboard call`: calls a method of an actor, with JSON in and out.

mod reflect;

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use callboard_gateway::codec::RawCodec;
use callboard_mailbox::Address;
use callboard_proto::schema::{ActorType, FillError, Method, Schema};
use prost::Message;
use prost_reflect::{DynamicMessage, SerializeOptions};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use super::client::unreachable;
use super::{Failure, client};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The actor, TYPE/KEY: bank.v1.Account/alice.
    address: String,
    /// The method: Deposit.
    method: String,
    /// The request as JSON, without the key; `-` reads it from the standard input.
    #[arg(default_value = "{}")]
    json: String,
    #[command(flatten)]
    client: client::Arguments,
    /// A folder with the .proto files, for a gateway that does not tell by reflection what it has.
    #[arg(long)]
    protos: Option<PathBuf>,
    /// How long to wait for the answer, in seconds.
    #[arg(long, default_value_t = 30.0)]
    timeout: f64,
    /// Also print what became of the message.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let address = Address::parse(&arguments.address).map_err(Failure::new)?;
    let timeout = Duration::try_from_secs_f64(arguments.timeout)
        .map_err(|_| Failure::new("--timeout takes seconds, 0.5 for example"))?;
    let channel = arguments.client.connect().await?;
    let schema = match &arguments.protos {
        Some(dir) => super::check::compile(dir)?,
        None => reflect::schema(channel.clone()).await?,
    };
    let actor = find_actor(&schema, address.actor_type())?;
    let method = find_method(actor, &arguments.method)?;
    let request = read_request(&arguments.json, method, address.key())?;

    let path = format!("/{}/{}", actor.service().full_name(), method.name());
    let path = http::uri::PathAndQuery::try_from(path)?;
    let mut request = Request::new(Bytes::from(request));
    request.set_timeout(timeout);
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| unreachable(&arguments.client.gateway, &error))?;
    let response = match client.unary(request, path, RawCodec).await {
        Ok(response) => response,
        Err(status) => return Err(Failure(describe(&status))),
    };
    if arguments.verbose {
        for name in ["callboard-message-id", "callboard-sequence"] {
            if let Some(value) = response.metadata().get(name).and_then(|v| v.to_str().ok()) {
                eprintln!("{name}: {value}");
            }
        }
    }
    let response = DynamicMessage::decode(method.output().clone(), response.into_inner())?;
    let mut json = serde_json::Serializer::pretty(std::io::stdout());
    let options = SerializeOptions::new().skip_default_fields(false);
    response.serialize_with_options(&mut json, &options)?;
    println!();
    Ok(())
}

fn find_actor<'a>(schema: &'a Schema, actor_type: &str) -> Result<&'a ActorType, Failure> {
    schema.actor(actor_type).ok_or_else(|| {
        let known: Vec<_> = schema.actors().iter().map(ActorType::type_name).collect();
        let known = known.join(", ");
        Failure::new(format!("the gateway has no actor type {actor_type}; it has {known}"))
    })
}

fn find_method<'a>(actor: &'a ActorType, method: &str) -> Result<&'a Method, Failure> {
    let method = actor.method(method).ok_or_else(|| {
        let known: Vec<_> = actor.methods().iter().map(Method::name).collect();
        let (actor, known) = (actor.type_name(), known.join(", "));
        Failure::new(format!("{actor} has no method {method}; it has {known}"))
    })?;
    // The gateway would say so too, but the request of an answer has no key, and
    // could not even be made.
    if method.is_internal() {
        return Err(Failure::new(format!("only actors may send {}", method.name())));
    }
    Ok(method)
}

/// The encoded request, with the key from the address in its key fields.
fn read_request(json: &str, method: &Method, key: &str) -> Result<Vec<u8>, Failure> {
    let mut text = json.to_owned();
    if json == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
    }
    let bad = |error| {
        let message = method.input().full_name();
        Failure::new(format!("the request is not a {message} in JSON: {error}"))
    };
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let request =
        DynamicMessage::deserialize(method.input().clone(), &mut deserializer).map_err(bad)?;
    deserializer.end().map_err(bad)?;
    method.with_key(&request.encode_to_vec(), key).map_err(|error| {
        Failure::new(match error {
            FillError::Parts { fields } => {
                format!("the key {key} has not one part for each of {fields}")
            }
            FillError::Value { field } => {
                format!("the key {key} has no value of the key field {field}")
            }
            FillError::Other { field } => format!(
                "the request has another {field} than the address; leave it out of the JSON"
            ),
            FillError::Malformed(malformed) => malformed.to_string(),
        })
    })
}

/// A status with its reason and its details, a line each.
pub(super) fn describe(status: &Status) -> String {
    let code = format!("{:?}", status.code());
    let mut text = format!("error: {code}: {}", status.message());
    let details = status.get_error_details();
    if let Some(info) = details.error_info() {
        text += &format!("\n  reason: {} ({})", info.reason, info.domain);
        let mut metadata: Vec<_> = info.metadata.iter().collect();
        metadata.sort();
        for (name, value) in metadata {
            text += &format!("\n  {name}: {value}");
        }
    }
    if let Some(retry) = details.retry_info().and_then(|info| info.retry_delay) {
        text += &format!("\n  retry after: {retry:?}");
    }
    for violation in details.bad_request().iter().flat_map(|bad| &bad.field_violations) {
        text += &format!("\n  field {}: {}", violation.field, violation.description);
    }
    text
}
