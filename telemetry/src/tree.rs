//! Finished flows as trees in a terminal, without a collector: what `callboard dev --trace` shows.
//!
//! A flow is a call and all that follows from it: its trace, and the traces that are linked to it.
//! [`receiver`] takes spans in by OTLP, [`assembler`] puts them together, and the tree is drawn
//! when nothing more comes.

pub mod assembler;
mod draw;
pub mod receiver;

pub use assembler::{Assembler, Bounds};

/// The id of a trace.
pub type TraceId = [u8; 16];

/// The id of a span in its trace.
pub type SpanId = [u8; 8];

/// What a tree shows of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// Its trace.
    pub trace: TraceId,
    /// Its id.
    pub id: SpanId,
    /// The span above it.
    pub parent: Option<SpanId>,
    /// The spans that it is linked to.
    pub links: Vec<(TraceId, SpanId)>,
    /// Its name.
    pub name: String,
    /// What it is to those beside it.
    pub role: Role,
    /// The program that made it.
    pub service: String,
    /// When it began, in nanoseconds since 1970.
    pub begun: u64,
    /// When it ended, in nanoseconds since 1970.
    pub ended: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// The method of its message.
    pub method: Option<String>,
    /// Which attempt it is.
    pub attempt: Option<i64>,
}

/// What a span is to those beside it, as far as a tree cares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Nothing that a tree tells apart.
    #[default]
    Other,
    /// It has sent a message, which somebody will process.
    Sends,
    /// It processes messages.
    Processes,
}
