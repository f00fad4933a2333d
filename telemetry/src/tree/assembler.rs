//! Puts spans together to flows. They come in any order, from several programs, each when it
//! ends; nobody says when the last one has come. Time is an argument.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::draw::draw;
use super::{Piece, Role, SpanId, TraceId};

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How long nothing must have come until a flow is finished.
    pub quiet: Duration,
    /// The same for a flow of which something is missing: the span above another, or what
    /// processes a message that was sent.
    pub patience: Duration,
    /// How many flows are kept. Beyond that the one that is quiet for longest is shown as it is.
    pub flows_max: usize,
    /// How many spans a flow has, and how many traces. One with so many is shown as it is, and what
    /// comes later is another; two that are too large together stay two.
    pub spans_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(600),
            patience: Duration::from_secs(5),
            flows_max: 256,
            spans_max: 500,
        }
    }
}

/// Spans that belong together.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// In the order in which they began.
    pub(super) pieces: BTreeMap<(u64, SpanId), Piece>,
    /// Whether it was shown before nothing more came.
    pub(super) is_cut: bool,
    /// Its traces, those that it is linked to included. Each leads here.
    traces: HashSet<TraceId>,
    changed: Option<Instant>,
}

/// Puts spans together.
///
/// ```
/// use std::time::{Duration, Instant};
/// use callboard_telemetry::tree::{Assembler, Bounds, Piece};
///
/// let (now, mut assembler) = (Instant::now(), Assembler::new(Bounds::default()));
/// let piece = Piece { name: "bank.v1.Account/Get".into(), ended: 1_500_000, ..Piece::default() };
/// assembler.add(piece, now);
/// assert!(assembler.finished(now).is_empty());
/// let trees = assembler.finished(now + Duration::from_secs(1));
/// assert_eq!(trees[0].lines().nth(1), Some("bank.v1.Account/Get  1.5 ms"));
/// ```
#[derive(Debug)]
pub struct Assembler {
    bounds: Bounds,
    flows: HashMap<u64, Flow>,
    by_trace: HashMap<TraceId, u64>,
    next: u64,
    /// Trees of flows that were too large, or for which there was no more room.
    pushed_out: Vec<String>,
}

impl Assembler {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let (flows, by_trace) = (HashMap::new(), HashMap::new());
        Self { bounds, flows, by_trace, next: 0, pushed_out: Vec::new() }
    }

    /// Takes a span that has ended. What it costs does not grow with its flow.
    pub fn add(&mut self, piece: Piece, now: Instant) {
        let linked = piece.links.iter().map(|(trace, _)| *trace);
        let traces: Vec<_> = [piece.trace].into_iter().chain(linked).collect();
        let known = traces.iter().find_map(|trace| self.by_trace.get(trace)).copied();
        let mut id = known.unwrap_or(self.next);
        self.next += 1;
        let flow = self.flows.entry(id).or_default();
        flow.pieces.insert((piece.begun, piece.id), piece);
        flow.changed = Some(now);
        for trace in traces.into_iter().take(self.bounds.spans_max) {
            match self.by_trace.get(&trace).copied() {
                Some(other) => id = self.join(id, other),
                None => self.lead(trace, id),
            }
        }
        let is_full = self.flows.get(&id).is_some_and(|flow| self.is_full(flow));
        if is_full {
            self.cut(id);
        }
        while self.flows.len() > self.bounds.flows_max {
            let oldest = self.flows.iter().min_by_key(|(id, flow)| (flow.changed, **id));
            let Some(id) = oldest.map(|(id, _)| *id) else { return };
            self.cut(id);
        }
    }

    fn is_full(&self, flow: &Flow) -> bool {
        flow.pieces.len().max(flow.traces.len()) >= self.bounds.spans_max
    }

    /// From now on a trace leads to a flow.
    fn lead(&mut self, trace: TraceId, id: u64) {
        self.by_trace.insert(trace, id);
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.traces.insert(trace);
        }
    }

    /// What seemed to be two flows is one, now that there is a link: if it is not too large. Which
    /// one the first is in then.
    fn join(&mut self, id: u64, other: u64) -> u64 {
        let size = |id: u64| self.flows.get(&id).map_or(0, |flow| flow.pieces.len());
        let sizes = (size(id), size(other));
        if id == other || sizes.0 + sizes.1 > self.bounds.spans_max {
            return id;
        }
        // The smaller one moves, so that a span in a large one costs no more.
        let (id, moved) = if sizes.0 < sizes.1 { (other, id) } else { (id, other) };
        let Some(moved) = self.flows.remove(&moved) else { return id };
        moved.traces.into_iter().for_each(|trace| self.lead(trace, id));
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.pieces.extend(moved.pieces);
            flow.changed = flow.changed.max(moved.changed);
        }
        id
    }

    /// Shows a flow as it is.
    fn cut(&mut self, id: u64) {
        let Some(mut flow) = self.remove(id) else { return };
        flow.is_cut = true;
        self.pushed_out.push(draw(&flow));
        // Nobody may be taking them; then the oldest are lost.
        let beyond = self.pushed_out.len().saturating_sub(self.bounds.flows_max);
        self.pushed_out.drain(..beyond);
    }

    /// The trees of the flows that are finished, in the order in which they began.
    pub fn finished(&mut self, now: Instant) -> Vec<String> {
        let bounds = self.bounds;
        let is_finished = |flow: &Flow| {
            let quiet = flow.changed.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
            quiet >= bounds.patience || quiet >= bounds.quiet && flow.is_complete()
        };
        let ids = self.flows.iter().filter(|(_, flow)| is_finished(flow)).map(|(id, _)| *id);
        let ids = ids.collect();
        self.take(ids)
    }

    /// The trees of all flows, as far as they have come: for the end of the program.
    pub fn rest(&mut self) -> Vec<String> {
        for flow in self.flows.values_mut() {
            flow.is_cut = !flow.is_complete();
        }
        let ids = self.flows.keys().copied().collect();
        self.take(ids)
    }

    fn take(&mut self, ids: Vec<u64>) -> Vec<String> {
        let mut trees = std::mem::take(&mut self.pushed_out);
        let mut flows: Vec<_> = ids.into_iter().filter_map(|id| self.remove(id)).collect();
        flows.sort_by_key(|flow| flow.pieces.keys().next().copied());
        trees.extend(flows.iter().map(draw));
        trees
    }

    fn remove(&mut self, id: u64) -> Option<Flow> {
        let flow = self.flows.remove(&id)?;
        for trace in &flow.traces {
            self.by_trace.remove(trace);
        }
        Some(flow)
    }
}

impl Flow {
    /// Whether nothing is known to be missing. A caller's own span may never come, and neither
    /// may what processes a message that is delayed for a day.
    fn is_complete(&self) -> bool {
        let ids: HashSet<_> = self.pieces.values().map(|piece| piece.id).collect();
        let processed: HashSet<_> = self
            .pieces
            .values()
            .filter(|piece| piece.role == Role::Processes)
            .flat_map(|piece| piece.links.iter().map(|(_, id)| *id).chain(piece.parent))
            .collect();
        self.pieces.values().all(|piece| {
            let has_parent = piece.parent.is_none_or(|parent| ids.contains(&parent));
            has_parent && (piece.role != Role::Sends || processed.contains(&piece.id))
        })
    }
}

#[cfg(test)]
mod tests;
