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
    /// How many spans of a flow are kept; more are counted.
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
    /// How many more there were than are kept.
    pub(super) left_out: usize,
    /// Whether it was shown before nothing more came.
    pub(super) is_cut: bool,
    /// Its traces, those that it is linked to included.
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
    /// Trees of flows for which there was no more room.
    pushed_out: Vec<String>,
}

impl Assembler {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        let (flows, by_trace) = (HashMap::new(), HashMap::new());
        Self { bounds, flows, by_trace, next: 0, pushed_out: Vec::new() }
    }

    /// Takes a span that has ended.
    pub fn add(&mut self, piece: Piece, now: Instant) {
        let linked = piece.links.iter().map(|(trace, _)| *trace);
        let traces: HashSet<_> = linked.take(self.bounds.spans_max).chain([piece.trace]).collect();
        let known: HashSet<_> =
            traces.iter().filter_map(|trace| self.by_trace.get(trace)).collect();
        let flows: Vec<_> = known.into_iter().copied().collect();
        let id = flows.first().copied().unwrap_or(self.next);
        self.next += 1;
        // What seemed to be several flows is one, now that there is a link.
        let others: Vec<_> =
            flows.iter().skip(1).filter_map(|other| self.flows.remove(other)).collect();
        let flow = self.flows.entry(id).or_default();
        for other in others {
            flow.left_out += other.left_out;
            flow.traces.extend(other.traces);
            flow.pieces.extend(other.pieces);
        }
        flow.traces.extend(traces);
        flow.pieces.insert((piece.begun, piece.id), piece);
        while flow.pieces.len() > self.bounds.spans_max {
            flow.pieces.pop_last();
            flow.left_out += 1;
        }
        flow.changed = Some(now);
        for trace in &flow.traces {
            self.by_trace.insert(*trace, id);
        }
        self.make_room();
    }

    /// The trees of the flows that are finished, in the order in which they began.
    pub fn finished(&mut self, now: Instant) -> Vec<String> {
        let bounds = self.bounds;
        let is_finished = |flow: &Flow| {
            let quiet = flow.changed.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
            quiet >= if flow.is_complete() { bounds.quiet } else { bounds.patience }
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

    fn make_room(&mut self) {
        while self.flows.len() > self.bounds.flows_max {
            let oldest = self.flows.iter().min_by_key(|(id, flow)| (flow.changed, **id));
            let Some(id) = oldest.map(|(id, _)| *id) else { return };
            if let Some(flow) = self.flows.get_mut(&id) {
                flow.is_cut = true;
            }
            let pushed_out = self.remove(id);
            self.pushed_out.extend(pushed_out.map(|flow| draw(&flow)));
            // Nobody may be taking them; then the oldest are lost.
            let beyond = self.pushed_out.len().saturating_sub(self.bounds.flows_max);
            self.pushed_out.drain(..beyond);
        }
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
