//! Callboard's options, read from descriptors.

use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor};

use crate::pb::{ActorOptions, FieldOptions, HandlerOptions};

/// The three extensions of `options.proto`, as a pool knows them. None of them
/// is there when no file of the pool imports it.
pub(super) struct Options {
    actor: Option<ExtensionDescriptor>,
    handler: Option<ExtensionDescriptor>,
    field: Option<ExtensionDescriptor>,
}

/// The option is set to something that this version does not know. It happens
/// with a descriptor set that was built with another `options.proto`.
pub(super) struct Unknown;

impl Options {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        Options {
            actor: pool.get_extension_by_name("callboard.v1.actor"),
            handler: pool.get_extension_by_name("callboard.v1.handler"),
            field: pool.get_extension_by_name("callboard.v1.field"),
        }
    }

    pub(super) fn actor(&self, set: &DynamicMessage) -> Result<Option<ActorOptions>, Unknown> {
        read(self.actor.as_ref(), set)
    }

    pub(super) fn handler(&self, set: &DynamicMessage) -> Result<Option<HandlerOptions>, Unknown> {
        read(self.handler.as_ref(), set)
    }

    pub(super) fn field(&self, set: &DynamicMessage) -> Result<Option<FieldOptions>, Unknown> {
        read(self.field.as_ref(), set)
    }
}

fn read<M: Message + Default>(
    extension: Option<&ExtensionDescriptor>,
    set: &DynamicMessage,
) -> Result<Option<M>, Unknown> {
    let Some(extension) = extension.filter(|extension| set.has_extension(extension)) else {
        return Ok(None);
    };
    let value = set.get_extension(extension);
    let value = value.as_message().ok_or(Unknown)?;
    let known: M = value.transcode_to().map_err(|_| Unknown)?;
    // A field that `M` lacks is lost on the way into it.
    if known.encoded_len() == value.encoded_len() { Ok(Some(known)) } else { Err(Unknown) }
}
