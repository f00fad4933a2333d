//! A pool of descriptors → the actor types in it, or all that breaks a rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_reflect::{
    DescriptorPool, FieldDescriptor, FileDescriptor, MethodDescriptor, ServiceDescriptor,
};

use super::actor::{ActorType, Kind, Method};
use super::error::{Error, Errors};
use super::options::{Options, Unknown};
use super::place::{comment, place};
use super::retry;
use super::shape::Shapes;
use crate::pb::RetryPolicy;

/// How long the name of an actor type may be, in bytes.
const TYPE_NAME_MAX: usize = 255;

/// Finds the actor types of a pool. `display` gives the name by which an error
/// calls a file; `origin` is what they all came from.
pub(super) fn actor_types(
    pool: &DescriptorPool,
    display: &dyn Fn(&str) -> String,
    origin: &str,
) -> Result<Vec<ActorType>, Errors> {
    let mut rules = Rules { options: Options::of(pool), display, errors: Vec::new() };
    let services: Vec<_> = pool.services().collect();
    let actors: Vec<_> = services.iter().filter_map(|service| rules.actor(service)).collect();
    rules.distinct_types(&actors);
    rules.keys_in_requests_only(pool, &actors);
    if actors.is_empty() && rules.errors.is_empty() {
        let error = Error::new(origin, "no service here is an actor type");
        let help = "import \"callboard/v1/options.proto\" and put \
                    `option (callboard.v1.actor) = {};` into a service";
        return Err(error.help(help).into());
    }
    if !rules.errors.is_empty() {
        return Err(Errors::new(rules.errors));
    }
    Ok(finish(actors))
}

/// An actor type whose methods have no shapes yet.
pub(super) struct Draft {
    type_name: String,
    service: ServiceDescriptor,
    pub(super) methods: Vec<DraftMethod>,
    retry: Option<RetryPolicy>,
}

pub(super) type DraftMethod = (MethodDescriptor, Kind, Vec<FieldDescriptor>);

fn finish(drafts: Vec<Draft>) -> Vec<ActorType> {
    let mut shapes = Shapes::default();
    for (method, ..) in drafts.iter().flat_map(|draft| &draft.methods) {
        shapes.add(&method.input());
    }
    let shapes = Arc::new(shapes);
    let method = |(method, kind, key): DraftMethod| Method {
        name: method.name().into(),
        kind,
        input: method.input(),
        output: method.output(),
        key: key.into(),
        docs: docs(&method.parent_file(), method.path()).into(),
        request: shapes.index(&method.input()),
        shapes: Arc::clone(&shapes),
    };
    let actor = |draft: Draft| ActorType {
        type_name: draft.type_name,
        docs: docs(&draft.service.parent_file(), draft.service.path()),
        service: draft.service,
        methods: draft.methods.into_iter().map(method).collect(),
        retry: draft.retry,
    };
    drafts.into_iter().map(actor).collect()
}

fn docs(file: &FileDescriptor, path: &[i32]) -> String {
    comment(file.file_descriptor_proto(), path)
}

pub(super) struct Rules<'a> {
    pub(super) options: Options,
    display: &'a dyn Fn(&str) -> String,
    errors: Vec<Error>,
}

impl Rules<'_> {
    pub(super) fn report(
        &mut self,
        file: &FileDescriptor,
        path: &[i32],
        message: String,
        help: &str,
    ) {
        let error = Error::new((self.display)(file.name()), message)
            .at(place(file.file_descriptor_proto(), path))
            .help(help);
        self.errors.push(error);
    }

    /// The value of an option, with a default for one that is reported.
    pub(super) fn known<T: Default>(
        &mut self,
        option: Result<Option<T>, Unknown>,
        file: &FileDescriptor,
        path: &[i32],
    ) -> Option<T> {
        option.unwrap_or_else(|Unknown| {
            let message = "a callboard option is set that this version does not know".to_owned();
            let help = "update callboard, or build the descriptor set with its options.proto";
            self.report(file, path, message, help);
            Some(T::default())
        })
    }

    fn actor(&mut self, service: &ServiceDescriptor) -> Option<Draft> {
        let file = service.parent_file();
        let options = self.options.actor(&service.options());
        let Some(options) = self.known(options, &file, service.path()) else {
            self.no_handler_options(service);
            return None;
        };
        let type_name = match options.r#type {
            none if none.is_empty() => service.full_name().to_owned(),
            given => given,
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_';
        if type_name.len() > TYPE_NAME_MAX || !type_name.bytes().all(allowed) {
            let message = format!("`{type_name}` cannot be the name of an actor type");
            let help = "set `type` to 1 to 255 of `A-Z a-z 0-9 . _`";
            self.report(&file, service.path(), message, help);
        }
        if service.methods().len() == 0 {
            let message = format!("the actor `{}` has no method", service.name());
            self.report(&file, service.path(), message, "add an rpc to the service");
        }
        let methods: Vec<_> = service
            .methods()
            .map(|method| {
                let (kind, key) = self.method(&method);
                (method, kind, key)
            })
            .collect();
        self.same_key_everywhere(service, &methods);
        if let Some((message, help)) = options.retry.as_ref().and_then(retry::error) {
            self.report(&file, service.path(), message, help);
        }
        Some(Draft { type_name, service: service.clone(), methods, retry: options.retry })
    }

    fn no_handler_options(&mut self, service: &ServiceDescriptor) {
        for method in service.methods() {
            let file = service.parent_file();
            let options = self.options.handler(&method.options());
            if self.known(options, &file, method.path()).is_some() {
                let message = format!(
                    "`{}` has a callboard option, but its service `{}` is no actor",
                    method.name(),
                    service.name()
                );
                let help = "put `option (callboard.v1.actor) = {};` into the service, \
                            or remove the method's option";
                self.report(&file, method.path(), message, help);
            }
        }
    }

    fn method(&mut self, method: &MethodDescriptor) -> (Kind, Vec<FieldDescriptor>) {
        let (file, path) = (method.parent_service().parent_file(), method.path());
        let (name, input, output) = (method.name(), method.input(), method.output());
        if method.is_client_streaming() {
            let message = format!("`{name}` takes a stream, but an actor takes single messages");
            let help = "remove `stream` from the request and call the method once per message";
            self.report(&file, path, message, help);
        }
        if method.is_server_streaming() {
            let message = format!("`{name}` returns a stream, but an actor returns one response");
            let help = "remove `stream` from the response: return all at once in a repeated \
                        field, or page by page";
            self.report(&file, path, message, help);
        }
        let options = self.options.handler(&method.options());
        let options = self.known(options, &file, path).unwrap_or_default();
        if options.tell && output.fields().len() > 0 {
            let message =
                format!("`{name}` is a tell, but its response `{}` has fields", output.full_name());
            let help = "the caller of a tell is answered before the handler runs: give it a \
                        response message without fields, or make it an ask";
            self.report(&file, path, message, help);
        }
        let key = self.key(&input);
        if key.is_empty() {
            let message =
                format!("the request `{}` of `{name}` has no key field", input.full_name());
            let help = "mark one field with `[(callboard.v1.field) = { key: true }]`";
            let (request, request_path) = (input.parent_file(), input.path());
            if place(request.file_descriptor_proto(), request_path).is_some() {
                self.report(&request, request_path, message, help);
            } else {
                self.report(&file, path, message, help);
            }
        }
        let kind = if options.tell { Kind::Tell } else { Kind::Ask };
        (kind, key)
    }

    fn distinct_types(&mut self, actors: &[Draft]) {
        let mut known = BTreeMap::new();
        for actor in actors {
            let Some(first) = known.insert(&actor.type_name, &actor.service) else {
                continue;
            };
            let message = format!(
                "the actor type `{}` is that of `{}` already",
                actor.type_name,
                first.full_name()
            );
            let help = "give one of the two services another `type`";
            self.report(&actor.service.parent_file(), actor.service.path(), message, help);
        }
    }
}
