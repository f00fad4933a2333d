//! The rules of methods, each by itself.

use prost_reflect::{Kind as Type, MessageDescriptor, MethodDescriptor, ServiceDescriptor};

use super::actor::Kind;
use super::key_field::KeyField;
use super::place::place;
use super::rules::{DraftMethod, Rules};
use crate::pb::HandlerOptions;

impl Rules<'_> {
    pub(super) fn method(&mut self, method: MethodDescriptor) -> DraftMethod {
        let options = self.options.handler(&method.options());
        let options = self.known(options, &method.parent_file(), method.path());
        let options = options.unwrap_or_default();
        self.no_streams(&method);
        self.one_kind(&method, &options);
        let kind = match options {
            HandlerOptions { answer: true, .. } => Kind::Answer,
            HandlerOptions { tell: true, .. } => Kind::Tell,
            _ => Kind::Ask,
        };
        self.response(&method, kind);
        let key = self.key(&method, &method.input());
        let key = match kind {
            Kind::Ask | Kind::Tell => key,
            // Its request may be that of another method, and have a key there.
            Kind::Answer => Vec::new(),
        };
        if key.is_empty() && kind != Kind::Answer {
            self.report_no_key(&method, &method.input());
        }
        if options.new_key {
            self.can_make_key(&method, &options, &key);
        }
        DraftMethod {
            kind,
            is_read_only: options.read_only,
            is_internal: options.internal || options.answer,
            makes_key: options.new_key,
            key,
            descriptor: method,
        }
    }

    fn no_streams(&mut self, method: &MethodDescriptor) {
        let (file, path, name) = (method.parent_file(), method.path(), method.name());
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
    }

    fn one_kind(&mut self, method: &MethodDescriptor, options: &HandlerOptions) {
        let HandlerOptions { tell, read_only, answer, .. } = *options;
        let both = [
            (
                tell && read_only,
                "a tell and read-only",
                "a read-only handler changes nothing, and nobody waits for what a tell finds: \
                 remove `tell` or `read_only`",
            ),
            (
                answer && tell,
                "an answer and a tell",
                "a tell can be sent by anybody, an answer comes only from an actor that was \
                 asked: remove `tell` or `answer`",
            ),
            (
                answer && read_only,
                "an answer and read-only",
                "an answer waits its turn in the mailbox, and its handler changes the state: \
                 remove `read_only` or `answer`",
            ),
        ];
        for (_, what, help) in both.into_iter().filter(|(applies, ..)| *applies) {
            let message = format!("`{}` cannot be both {what}", method.name());
            self.report(&method.parent_file(), method.path(), message, help);
        }
    }

    /// A gateway makes keys that are one string, for actors that are to become.
    fn can_make_key(
        &mut self,
        method: &MethodDescriptor,
        options: &HandlerOptions,
        key: &[KeyField],
    ) {
        let (why, help) = match key {
            _ if options.internal || options.answer => (
                "no gateway takes it",
                "remove `new_key`: an actor that sends a message gives it its key",
            ),
            _ if options.read_only => (
                "it is read-only",
                "a new actor has nothing to read: remove `new_key` or `read_only`",
            ),
            [single] if single.field().kind() == Type::String => return,
            // It is reported already.
            [] => return,
            _ => (
                "its key is not a single string",
                "a new key is a UUID: give the requests of the actor one key field, a string",
            ),
        };
        let message = format!("`{}` cannot make new keys: {why}", method.name());
        self.report(&method.parent_file(), method.path(), message, help);
    }

    fn response(&mut self, method: &MethodDescriptor, kind: Kind) {
        let (what, help) = match kind {
            Kind::Ask => return,
            Kind::Tell => (
                "is a tell",
                "the caller of a tell is answered before the handler runs: give it a response \
                 message without fields, or make it an ask",
            ),
            Kind::Answer => (
                "takes answers",
                "nobody waits for a response to an answer: give it a response message without \
                 fields",
            ),
        };
        let (name, output) = (method.name(), method.output());
        if output.fields().len() > 0 {
            let message =
                format!("`{name}` {what}, but its response `{}` has fields", output.full_name());
            self.report(&method.parent_file(), method.path(), message, help);
        }
    }

    fn report_no_key(&mut self, method: &MethodDescriptor, request: &MessageDescriptor) {
        let message = format!(
            "the request `{}` of `{}` has no key field",
            request.full_name(),
            method.name()
        );
        let help = "mark one field with `[(callboard.v1.field) = { key: true }]`";
        let (file, path) = (request.parent_file(), request.path());
        if place(file.file_descriptor_proto(), path).is_some() {
            self.report(&file, path, message, help);
        } else {
            self.report(&method.parent_file(), method.path(), message, help);
        }
    }

    /// An actor that has nothing but answers would never be sent a message.
    pub(super) fn a_method_to_call(
        &mut self,
        service: &ServiceDescriptor,
        methods: &[DraftMethod],
    ) {
        if methods.iter().any(|method| method.kind != Kind::Answer) {
            return;
        }
        let (message, help) = match methods {
            [] => ("has no method", "add an rpc to the service"),
            _ => (
                "has no method but for answers",
                "add an rpc without `answer`: something has to make the actor ask",
            ),
        };
        let message = format!("the actor `{}` {message}", service.name());
        self.report(&service.parent_file(), service.path(), message, help);
    }

    pub(super) fn no_handler_options(&mut self, service: &ServiceDescriptor) {
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
}
