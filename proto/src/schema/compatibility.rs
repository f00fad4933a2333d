//! What a change of the .proto files breaks, and for whom.
//!
//! A new schema meets what was made with an old one: callers that were built from
//! it, messages that wait in mailboxes, state that is stored. All three are
//! compared here, by the rules of protobuf's
//! [guide to updating messages](https://protobuf.dev/programming-guides/proto3/#updating)
//! and those of [its JSON](https://protobuf.dev/programming-guides/json/): in
//! `types` for single values, in `fields`, `messages` and `enums` for what they make, in
//! `actors` for what Callboard makes of it.
//!
//! It is about what passes over the wire and into tables. That handlers compile is
//! the compiler's to say, and what a handler does is nobody's.

mod actors;
mod enums;
mod fields;
mod keys;
mod messages;
mod oneofs;
mod types;
mod validation;

use std::collections::{BTreeSet, HashSet};

use prost_reflect::FileDescriptor;

use super::Schema;
use super::error::Error;
use super::place::place;

/// One difference between an old schema and a new one that matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// To whom it matters.
    pub whom: Whom,
    /// Where it is, what it is, and what to do. Of what is no more there it is the
    /// place in the old files.
    pub what: Error,
}

/// How much a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It breaks something.
    Breaks,
    /// It breaks nothing if it is meant as it is read here.
    Notice,
}

/// To whom a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    /// Callers that were made from the old files.
    Callers,
    /// Messages that were sent before, and wait: in mailboxes, as timers, as dead
    /// letters.
    Queued,
    /// State that is stored.
    State,
}

/// Compares a schema with the one that is in use: what the new one breaks, what
/// breaks first, sorted by whom it breaks and by place.
///
/// ```
/// use callboard_proto::schema::{Schema, Whom, compare};
///
/// let schema = |cents: &str| Schema::compile_sources(&[("till.proto", &format!(r#"
///     syntax = "proto3";
///     import "callboard/v1/options.proto";
///     service Till {{
///       option (callboard.v1.actor) = {{}};
///       rpc Pay(PayRequest) returns (PayResponse);
///     }}
///     message PayRequest {{
///       string till = 1 [(callboard.v1.field) = {{ key: true }}];
///       {cents} cents = 2;
///     }}
///     message PayResponse {{}}
/// "#))]);
/// let findings = compare(&schema("int64")?, &schema("string")?);
/// let whom: Vec<_> = findings.iter().map(|finding| finding.whom).collect();
/// assert_eq!(whom, [Whom::Callers, Whom::Queued]);
/// assert!(compare(&schema("int64")?, &schema("int64")?).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn compare(old: &Schema, new: &Schema) -> Vec<Finding> {
    let mut comparison =
        Comparison { old, new, findings: BTreeSet::new(), compared: HashSet::new() };
    comparison.actors();
    let mut told = HashSet::new();
    let findings = comparison.findings.into_iter();
    // What is only worth knowing is so once.
    let is_news =
        |finding: &Finding| finding.weight == Weight::Breaks || told.insert(finding.what.clone());
    findings.filter(is_news).collect()
}

/// Which of the two schemas.
#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

/// Who has written bytes, and who reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Flow {
    /// An old caller writes, the new handler reads.
    Request,
    /// The new handler writes, an old caller reads.
    Response,
    /// An old caller wrote it, the new handler reads it.
    Queued,
    /// The old handler wrote it, the new one reads it.
    State,
}

impl Flow {
    fn whom(self) -> Whom {
        match self {
            Flow::Request | Flow::Response => Whom::Callers,
            Flow::Queued => Whom::Queued,
            Flow::State => Whom::State,
        }
    }

    /// Whether it passes as JSON too. What is stored is protobuf.
    fn is_json(self) -> bool {
        matches!(self, Flow::Request | Flow::Response)
    }

    /// What is written, and as what it is read.
    fn written_and_read<T>(self, old: T, new: T) -> (T, T) {
        match self {
            Flow::Response => (new, old),
            Flow::Request | Flow::Queued | Flow::State => (old, new),
        }
    }
}

struct Comparison<'a> {
    old: &'a Schema,
    new: &'a Schema,
    findings: BTreeSet<Finding>,
    /// Messages and enums, old and new: each pair is compared once, as messages may
    /// be recursive.
    compared: HashSet<(String, String, Flow)>,
}

/// An element of a schema: the side, the file, and the path in the file.
type Element<'d> = (Side, &'d FileDescriptor, &'d [i32]);

impl Comparison<'_> {
    fn breaks(&mut self, whom: Whom, element: Element<'_>, message: String, help: &str) {
        self.add(Weight::Breaks, whom, element, message, help);
    }

    fn notice(&mut self, whom: Whom, element: Element<'_>, message: String, help: &str) {
        self.add(Weight::Notice, whom, element, message, help);
    }

    fn add(
        &mut self,
        weight: Weight,
        whom: Whom,
        (side, file, path): Element<'_>,
        message: String,
        help: &str,
    ) {
        let schema = match side {
            Side::Old => self.old,
            Side::New => self.new,
        };
        let what = Error::new(schema.display(file.name()), message)
            .at(place(file.file_descriptor_proto(), path))
            .help(help);
        self.findings.insert(Finding { weight, whom, what });
    }

    /// Whether a pair is met for the first time.
    fn is_first(&mut self, old: &str, new: &str, flow: Flow) -> bool {
        self.compared.insert((old.to_owned(), new.to_owned(), flow))
    }
}
