//! The rules of the message that is an actor's state.

use prost_reflect::{MessageDescriptor, ServiceDescriptor};

use super::rules::Rules;

impl Rules<'_> {
    /// The message that the option `state` of a service names.
    pub(super) fn state(
        &mut self,
        service: &ServiceDescriptor,
        name: &str,
    ) -> Option<MessageDescriptor> {
        if name.is_empty() {
            return None;
        }
        let (file, actor, package) =
            (service.parent_file(), service.name(), service.package_name());
        // As in protobuf, the closest name is meant.
        let names = [format!("{package}.{name}"), name.to_owned()];
        let mut found =
            names.iter().filter_map(|name| service.parent_pool().get_message_by_name(name));
        let Some(state) = found.find(|message| !message.is_map_entry()) else {
            let message = format!("the state `{name}` of the actor `{actor}` is no message");
            let help = "set `state` to the name of a message of the service's package, or leave it \
                        out to keep any Rust type as the state";
            self.report(&file, service.path(), message, help);
            return None;
        };
        if state.package_name() != package {
            let message = format!(
                "the state `{}` of the actor `{actor}` is in another package",
                state.full_name()
            );
            let help = "move the message into the package of the service: the handlers are \
                        implemented for it";
            self.report(&file, service.path(), message, help);
        }
        Some(state)
    }
}
