//! A pool of descriptors → the actor types in it, or all that breaks a rule.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use prost_reflect::{
    DescriptorPool, FileDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};

use super::actor::{ActorType, Kind, Method};
use super::error::{Error, Errors};
use super::key_field::{KeyField, KeyTree};
use super::marks::Marks;
use super::options::{Options, Unknown};
use super::place::{comment, place};
use super::retry;
use super::shape::Shapes;
use crate::pb::RetryPolicy;

/// How long the name of an actor type may be, in bytes.
const TYPE_NAME_MAX: usize = 255;

/// What begins the names of Callboard's own types: a gateway has a mailbox under
/// one of them.
const RESERVED: &str = "callboard.v1.";

/// Finds the actor types of a pool. `display` gives the name by which an error
/// calls a file; `origin` is what they all came from.
pub(super) fn actor_types(
    pool: &DescriptorPool,
    display: &dyn Fn(&str) -> String,
    origin: &str,
) -> Result<Vec<ActorType>, Errors> {
    let mut rules = Rules {
        options: Options::of(pool),
        marks: Marks::default(),
        reached: HashSet::new(),
        display,
        errors: Vec::new(),
    };
    rules.marks = rules.marks(pool);
    let services: Vec<_> = pool.services().collect();
    let actors: Vec<_> = services.iter().filter_map(|service| rules.actor(service)).collect();
    rules.distinct_types(&actors);
    rules.keys_in_requests_only();
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
    methods: Vec<DraftMethod>,
    retry: Option<RetryPolicy>,
    state: Option<MessageDescriptor>,
}

/// A method that has no shape yet.
pub(super) struct DraftMethod {
    pub(super) descriptor: MethodDescriptor,
    pub(super) kind: Kind,
    pub(super) is_read_only: bool,
    pub(super) is_internal: bool,
    pub(super) makes_key: bool,
    /// Empty for an answer.
    pub(super) key: Vec<KeyField>,
}

fn finish(drafts: Vec<Draft>) -> Vec<ActorType> {
    let mut shapes = Shapes::default();
    for method in drafts.iter().flat_map(|draft| &draft.methods) {
        shapes.add(&method.descriptor.input());
    }
    let shapes = Arc::new(shapes);
    let method = |draft: DraftMethod| {
        let DraftMethod { descriptor, kind, is_read_only, is_internal, makes_key, key } = draft;
        Method {
            name: descriptor.name().into(),
            kind,
            is_read_only,
            is_internal,
            makes_key,
            input: descriptor.input(),
            output: descriptor.output(),
            key_tree: KeyTree::of(&key).into(),
            key: key.into(),
            docs: docs(&descriptor.parent_file(), descriptor.path()).into(),
            request: shapes.index(&descriptor.input()),
            shapes: Arc::clone(&shapes),
        }
    };
    let actor = |draft: Draft| ActorType {
        type_name: draft.type_name,
        docs: docs(&draft.service.parent_file(), draft.service.path()),
        service: draft.service,
        methods: draft.methods.into_iter().map(method).collect(),
        retry: draft.retry,
        state: draft.state,
    };
    drafts.into_iter().map(actor).collect()
}

fn docs(file: &FileDescriptor, path: &[i32]) -> String {
    comment(file.file_descriptor_proto(), path)
}

pub(super) struct Rules<'a> {
    pub(super) options: Options,
    pub(super) marks: Marks,
    /// The messages that were searched for keys.
    pub(super) reached: HashSet<String>,
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
        if type_name.starts_with(RESERVED) {
            let message = format!("the actor type `{type_name}` is in Callboard's own package");
            let help = "give the service another package, or the actor another `type`";
            self.report(&file, service.path(), message, help);
        }
        let methods: Vec<_> = service.methods().map(|method| self.method(method)).collect();
        self.a_method_to_call(service, &methods);
        self.same_key_everywhere(service, &methods);
        let state = self.state(service, &options.state);
        if let Some((message, help)) = options.retry.as_ref().and_then(retry::error) {
            self.report(&file, service.path(), message, help);
        }
        let retry = options.retry;
        Some(Draft { type_name, service: service.clone(), methods, retry, state })
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
