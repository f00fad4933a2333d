//! Messages of the interpreter's stub, and their responses as JSON.

use std::sync::LazyLock;

use callboard_client::{
    CallExt, Channel, Client, Delivery, Error, Message, Receipt, Reply, TellStream,
};
use futures::future::{BoxFuture, FutureExt};
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage, SerializeOptions};
use tonic::{Request, Response, Status};

use crate::Failure;
use crate::arguments::Said;
use pb::interpreter_client::InterpreterClient;
use pb::*;

mod pb {
    #![expect(unreachable_pub, reason = "it is generated")]
    tonic::include_proto!("callboard.conformance.v1");
}

static DESCRIPTORS: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let descriptors = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    DescriptorPool::decode(descriptors.as_slice()).expect("they were just compiled")
});

/// A message with any response.
pub(crate) trait AnyMessage: Send + Sync {
    fn id(&self) -> &str;
    fn ask(&self) -> BoxFuture<'_, Result<(String, Option<Receipt>), Failure>>;
    fn tell(&self) -> BoxFuture<'_, Result<Receipt, Error>>;
    fn start(&self) -> BoxFuture<'_, Result<Box<dyn AnyReply>, Error>>;
    fn tell_in<'a>(&'a self, stream: &'a TellStream) -> BoxFuture<'a, Result<Delivery, Error>>;
}

/// A reply with any response, which it gives as JSON.
pub(crate) trait AnyReply: Send + Sync {
    fn get(&self) -> BoxFuture<'_, Result<String, Failure>>;
    fn with_timeout(&self, timeout: std::time::Duration) -> Box<dyn AnyReply>;
}

/// What can be written as JSON.
pub(crate) trait Json: Clone + Send + Sync + 'static {
    fn json(&self) -> Result<String, Failure>;
}

impl Json for String {
    fn json(&self) -> Result<String, Failure> {
        Ok(self.clone())
    }
}

macro_rules! impl_json {
    ($($message:ident),*) => {$(
        impl Json for $message {
            fn json(&self) -> Result<String, Failure> {
                let mut message = dynamic(stringify!($message));
                message.transcode_from(self)?;
                let mut text = Vec::new();
                let mut serializer = serde_json::Serializer::new(&mut text);
                message.serialize_with_options(&mut serializer, &SerializeOptions::new())?;
                Ok(String::from_utf8(text)?)
            }
        }
    )*};
}
impl_json!(RunResponse, LookResponse, NoteResponse, MakeResponse);

impl<R: Json> AnyMessage for Message<R> {
    fn id(&self) -> &str {
        self.id()
    }

    fn ask(&self) -> BoxFuture<'_, Result<(String, Option<Receipt>), Failure>> {
        async move {
            let answer = self.ask().await?;
            Ok((answer.response.json()?, answer.receipt))
        }
        .boxed()
    }

    fn tell(&self) -> BoxFuture<'_, Result<Receipt, Error>> {
        self.tell().boxed()
    }

    fn start(&self) -> BoxFuture<'_, Result<Box<dyn AnyReply>, Error>> {
        async move {
            let reply: Box<dyn AnyReply> = Box::new(self.start().await?);
            Ok(reply)
        }
        .boxed()
    }

    fn tell_in<'a>(&'a self, stream: &'a TellStream) -> BoxFuture<'a, Result<Delivery, Error>> {
        stream.tell(self).boxed()
    }
}

impl<R: Json> AnyReply for Reply<R> {
    fn get(&self) -> BoxFuture<'_, Result<String, Failure>> {
        async move { self.get().await?.json() }.boxed()
    }

    fn with_timeout(&self, timeout: std::time::Duration) -> Box<dyn AnyReply> {
        Box::new(self.clone().timeout(timeout))
    }
}

/// The message that the arguments describe.
pub(crate) fn message(client: &Client, said: &Said) -> Result<Box<dyn AnyMessage>, Failure> {
    if !said.is_typed() {
        return Ok(Box::new(said.named(client)?));
    }
    let mut stub = InterpreterClient::new(said.channel(client));
    Ok(match said.method.as_str() {
        "Run" => {
            Box::new(said.complete(stub.run(request::<RunRequest>("RunRequest", said)?).message())?)
        }
        "Look" => Box::new(
            said.complete(stub.look(request::<LookRequest>("LookRequest", said)?).message())?,
        ),
        "Note" => Box::new(
            said.complete(stub.note(request::<NoteRequest>("NoteRequest", said)?).message())?,
        ),
        "Make" => Box::new(
            said.complete(stub.make(request::<MakeRequest>("MakeRequest", said)?).message())?,
        ),
        method => return Err(no_method(method)),
    })
}

/// Asks with the stub's own call.
pub(crate) async fn ask(
    channel: Channel,
    said: &Said,
) -> Result<(String, Option<Receipt>), Failure> {
    let mut stub = InterpreterClient::new(channel);
    match said.method.as_str() {
        "Run" => answered(stub.run(prepared("RunRequest", said)?).await),
        "Look" => answered(stub.look(prepared("LookRequest", said)?).await),
        "Note" => answered(stub.note(prepared("NoteRequest", said)?).await),
        "Make" => answered(stub.make(prepared("MakeRequest", said)?).await),
        method => Err(no_method(method)),
    }
}

/// The reply to a message of the stub.
pub(crate) fn pick_up(client: &Client, said: &Said) -> Result<Box<dyn AnyReply>, Failure> {
    let (address, id) = (said.address(), said.id()?);
    Ok(match said.method.as_str() {
        "Run" => Box::new(client.pick_up::<RunResponse>(address, id)),
        "Make" => Box::new(client.pick_up::<MakeResponse>(address, id)),
        method => Box::new(client.pick_up_json(address, method, id)),
    })
}

/// A request with what is said of it in metadata.
fn prepared<Q: prost::Message + Default>(name: &str, said: &Said) -> Result<Request<Q>, Failure> {
    let mut request = Request::new(request(name, said)?);
    if let Some(id) = &said.message_id {
        request.metadata_mut().insert("callboard-message-id", id.parse()?);
    }
    if let Some(timeout) = said.timeout() {
        request.set_timeout(timeout);
    }
    Ok(request)
}

fn request<Q: prost::Message + Default>(name: &str, said: &Said) -> Result<Q, Failure> {
    let text = said.request();
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let descriptor = dynamic(name).descriptor();
    Ok(DynamicMessage::deserialize(descriptor, &mut deserializer)?.transcode_to()?)
}

fn answered<R: Json>(
    result: Result<Response<R>, Status>,
) -> Result<(String, Option<Receipt>), Failure> {
    let response = result.map_err(Error::from)?;
    Ok((response.get_ref().json()?, Receipt::of(&response)))
}

fn dynamic(name: &str) -> DynamicMessage {
    let name = format!("callboard.conformance.v1.{name}");
    DynamicMessage::new(DESCRIPTORS.get_message_by_name(&name).expect("it is in the file"))
}

fn no_method(method: &str) -> Failure {
    format!("the stub has no method {method}").into()
}
