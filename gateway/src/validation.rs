//! The rules that a `.proto` sets for its messages with `buf/validate/validate.proto`,
//! checked of requests before anything is stored of them
//! (<https://protovalidate.com>).
//!
//! It knows what a rule means; where requests are checked, `call` knows. What
//! actors send to each other is not checked: no gateway sees it, and a message
//! that is sent within a commit cannot be refused.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use callboard_proto::schema::Schema;
use prost_protovalidate::types::MessageConstraintsExt;
use prost_protovalidate::{Error as Failed, Validator, Violation};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};

use crate::refusal::{FieldViolation, Refusal};

/// How many broken rules a caller is told of.
const VIOLATIONS_MAX: usize = 32;

/// How long the path of a field, or the text of a rule, may be that a caller is
/// told, in bytes.
const TEXT_BYTES_MAX: usize = 256;

/// How long all of them may be together, in bytes: they travel in HTTP/2 trailers,
/// of which many clients take no more than 8 KiB, in base64 and with other things.
const TEXTS_BYTES_MAX: usize = 2 * 1_024;

/// The package of the options that are the rules.
const PACKAGE: &str = "buf.validate";

/// The options, of messages, fields and oneofs.
const OPTIONS: [&str; 3] = ["buf.validate.message", "buf.validate.field", "buf.validate.oneof"];

/// What the interpreter says of a rule that fails for every message alike.
const DEFECTS: [&str; 8] = [
    "Undeclared reference",
    "No such key",
    "No such overload",
    "nsupported",
    "not supported on type",
    "Unexpected type",
    "Invalid argument",
    "Missing argument",
];

/// The rules of all requests of a schema. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rules(Arc<Compiled>);

struct Compiled {
    validator: Validator,
    /// The messages that have rules, or have messages in them that do.
    ruled: HashSet<String>,
    /// What the rules of whole messages say to people, by their ids.
    texts: HashMap<String, String>,
}

/// What is wrong with the rules of a schema: at least one.
#[derive(Debug)]
pub struct Errors(BTreeMap<String, String>);

impl std::error::Error for Errors {}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (message, error) in &self.0 {
            write!(f, "{separator}{message}: a rule of {PACKAGE} cannot be used: {error}")?;
            separator = "\n";
        }
        Ok(())
    }
}

impl Rules {
    /// Compiles the rules of all requests; `None` when there are none.
    ///
    /// # Errors
    /// When rules cannot be compiled, do not fit their fields, or name what is
    /// not there.
    pub(crate) fn of(schema: &Schema) -> Result<Option<Self>, Errors> {
        let own = own_rules(schema);
        if own.is_empty() {
            return Ok(None);
        }
        let set = schema.descriptor_set();
        let set = prost_protovalidate::ValidatorOption::AdditionalDescriptorSetBytes(set);
        let validator = Validator::with_options(&[set]);
        let mut errors = BTreeMap::new();
        let mut texts = HashMap::new();
        for message in &own {
            // An empty message passes all of its rules, or breaks them.
            let empty = DynamicMessage::new(message.clone());
            if let Err(error) = validator.validate(&empty)
                && let Some(error) = defect(&error)
            {
                errors.insert(message.full_name().to_owned(), error);
            }
            let rules = message.message_constraints().ok().flatten().unwrap_or_default();
            for rule in rules.cel {
                if let (Some(id), Some(text)) = (rule.id, rule.message) {
                    texts.insert(id, text);
                }
            }
        }
        if !errors.is_empty() {
            return Err(Errors(errors));
        }
        let methods = schema.actors().iter().flat_map(|actor| actor.methods());
        let requests = methods.map(|method| method.input());
        let own: HashSet<_> = own.iter().map(|message| message.full_name().to_owned()).collect();
        let ruled = requests
            .filter(|request| reaches(request, &own, &mut HashSet::new()))
            .map(|request| request.full_name().to_owned())
            .collect();
        Ok(Some(Self(Arc::new(Compiled { validator, ruled, texts }))))
    }

    /// Whether a request is to be checked at all.
    pub(crate) fn cover(&self, request: &MessageDescriptor) -> bool {
        self.0.ruled.contains(request.full_name())
    }

    /// Checks an encoded request.
    ///
    /// # Errors
    /// When it breaks rules: with all of them, up to a number. When a rule cannot
    /// be evaluated for it, which is a defect of the rule.
    pub(crate) fn check(&self, request: &MessageDescriptor, payload: &[u8]) -> Result<(), Refusal> {
        let Compiled { validator, texts, .. } = &*self.0;
        let name = request.full_name();
        let defective = |detail: &str| {
            tracing::error!(message = name, detail, "a rule of the message cannot be evaluated");
            let detail =
                format!("a rule of {name} cannot be evaluated; the gateway's log says which");
            Refusal::Internal { detail }
        };
        let Ok(message) = DynamicMessage::decode(request.clone(), payload) else {
            return Err(defective("the request was checked and cannot be decoded"));
        };
        // Rules are programs, run by an interpreter on what callers write. Should
        // it panic, one call fails, and not all of its connection.
        let checked = catch_unwind(AssertUnwindSafe(|| validator.validate(&message)));
        match checked {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Failed::Validation(broken))) => {
                let mut bytes = 0;
                let violations = broken.violations().iter().take(VIOLATIONS_MAX);
                let violations = violations.map(|violation| told(violation, texts));
                let violations = violations.take_while(|FieldViolation { field, detail }| {
                    bytes += field.len() + detail.len();
                    bytes <= TEXTS_BYTES_MAX
                });
                Err(Refusal::BrokenRules { violations: violations.collect() })
            }
            Ok(Err(other)) => Err(defective(without_values(&other.to_string()))),
            Err(_) => Err(defective("the interpreter of rules has panicked")),
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("requests", &self.0.ruled.len()).finish_non_exhaustive()
    }
}

/// A broken rule as its caller is told. The value that broke it is not repeated.
fn told(violation: &Violation, texts: &HashMap<String, String>) -> FieldViolation {
    let id = violation.rule_id();
    let text = match violation.message() {
        "" => texts.get(id).cloned().unwrap_or_else(|| format!("it breaks the rule {id}")),
        text => text.to_owned(),
    };
    FieldViolation { field: short(&violation.field_path()), detail: short(&text) }
}

/// An error of the interpreter up to the name of the rule: what follows may quote
/// what a caller wrote, which no log may have.
fn without_values(error: &str) -> &str {
    let quotes: Vec<_> = error.match_indices('`').take(2).collect();
    match quotes.as_slice() {
        [_, (end, _)] => &error[..=*end],
        _ => "the interpreter has failed",
    }
}

/// A text that is not longer than is told.
fn short(text: &str) -> String {
    match text.floor_char_boundary(TEXT_BYTES_MAX) {
        end if end == text.len() => text.to_owned(),
        end => format!("{}…", &text[..end]),
    }
}

/// Why the rules of a message can never be evaluated, when it is that what an
/// empty one fails for.
fn defect(error: &Failed) -> Option<String> {
    match error {
        Failed::Compilation(error) => Some(error.cause.clone()),
        // A name that is not there is not there in any message, and types are the
        // same in all. Other failures, a division by zero for example, may be those
        // of an empty one alone.
        Failed::Runtime(error) => {
            let is_defect = DEFECTS.iter().any(|sign| error.cause.contains(sign));
            is_defect.then(|| error.cause.clone())
        }
        _ => None,
    }
}

/// The messages that have rules of their own.
fn own_rules(schema: &Schema) -> Vec<MessageDescriptor> {
    let pool = schema.pool();
    let [message, field, oneof] = OPTIONS.map(|name| pool.get_extension_by_name(name));
    let (Some(message_option), Some(field_option), Some(oneof_option)) = (message, field, oneof)
    else {
        return Vec::new();
    };
    let is_ruled = |message: &MessageDescriptor| {
        message.options().has_extension(&message_option)
            || message.fields().any(|field| field.options().has_extension(&field_option))
            || message.oneofs().any(|oneof| oneof.options().has_extension(&oneof_option))
    };
    // The rules' own messages have rules too, about rules.
    let of_users = pool.all_messages().filter(|message| message.package_name() != PACKAGE);
    of_users.filter(is_ruled).collect()
}

/// Whether a message is one of these, or may hold one.
fn reaches(
    message: &MessageDescriptor,
    wanted: &HashSet<String>,
    seen: &mut HashSet<String>,
) -> bool {
    if wanted.contains(message.full_name()) {
        return true;
    }
    if !seen.insert(message.full_name().to_owned()) {
        return false;
    }
    message.fields().any(|field| match field.kind() {
        Kind::Message(inner) => reaches(&inner, wanted, seen),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
