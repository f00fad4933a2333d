//! A flow as text: one line a span, below the span that it belongs to or comes after.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::assembler::Flow;
use super::{Piece, Role, SpanId};

/// The shortest wait that is shown, in nanoseconds.
const GAP_MIN: u64 = 10_000_000;

/// The longest text of a name or an error that is shown, in characters.
const TEXT_CHARS_MAX: usize = 120;

/// The most levels that are drawn; spans further down are drawn at the last of them.
const LEVELS_MAX: usize = 40;

struct Drawing<'a> {
    by_id: HashMap<SpanId, &'a Piece>,
    below: HashMap<SpanId, Vec<&'a Piece>>,
    drawn: HashSet<SpanId>,
    text: String,
}

/// A span to be drawn.
struct Branch<'a> {
    piece: &'a Piece,
    /// The line of the wait before it.
    gap: Option<String>,
    /// What its line begins with.
    begin: String,
    /// What the lines below it begin with.
    go_on: String,
    level: usize,
}

/// Draws a flow.
pub(super) fn draw(flow: &Flow) -> String {
    let pieces: Vec<_> = flow.pieces.values().collect();
    let by_id = pieces.iter().map(|piece| (piece.id, *piece)).collect();
    let mut drawing =
        Drawing { by_id, below: HashMap::new(), drawn: HashSet::new(), text: String::new() };
    let mut roots = Vec::new();
    for piece in &pieces {
        match drawing.above(piece) {
            Some(above) => drawing.below.entry(above).or_default().push(*piece),
            None => roots.push(*piece),
        }
    }
    drawing.head(&pieces);
    for root in roots {
        drawing.tree(root);
    }
    // Only spans that are each below another are left: made up, but they must not be lost.
    for piece in &pieces {
        drawing.tree(piece);
    }
    if flow.is_cut {
        drawing.text.push_str("… cut off here: more may have come\n");
    }
    drawing.text
}

impl Drawing<'_> {
    fn head(&mut self, pieces: &[&Piece]) {
        let Some(first) = pieces.first() else { return };
        let services: HashSet<_> = pieces.iter().map(|piece| piece.service.as_str()).collect();
        let mut services: Vec<_> = services.into_iter().filter(|name| !name.is_empty()).collect();
        services.sort_unstable();
        let trace = first.trace.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let ended = pieces.iter().map(|piece| piece.ended).max().unwrap_or_default();
        let took = duration(ended.saturating_sub(first.begun));
        let services = plain(&services.join(", "));
        let line = format!("── {trace}  {took}  {services}");
        let _ = writeln!(self.text, "{}", line.trim_end());
    }

    /// The span that another one is drawn below: its parent, or the first one that it is linked
    /// to.
    fn above(&self, piece: &Piece) -> Option<SpanId> {
        let parent = piece.parent.filter(|parent| self.by_id.contains_key(parent));
        let linked =
            || piece.links.iter().map(|(_, id)| *id).find(|id| self.by_id.contains_key(id));
        parent.or_else(linked).filter(|above| *above != piece.id)
    }

    /// Draws a span, and all that is below it. Not by recursion: spans may be made up.
    fn tree(&mut self, root: &Piece) {
        let (begin, go_on) = (String::new(), String::new());
        let mut next = vec![Branch { piece: root, gap: None, begin, go_on, level: 0 }];
        while let Some(Branch { piece, gap, begin, go_on, level }) = next.pop() {
            if !self.drawn.insert(piece.id) {
                continue;
            }
            self.text.extend(gap);
            let _ = writeln!(self.text, "{begin}{}", line(piece));
            let below = self.below.remove(&piece.id).unwrap_or_default();
            next.extend(branches(piece, &below, &go_on, level).into_iter().rev());
        }
    }
}

/// The branches below a span.
fn branches<'a>(piece: &Piece, below: &[&'a Piece], go_on: &str, level: usize) -> Vec<Branch<'a>> {
    let mut since = piece.begun;
    let mut branches = Vec::with_capacity(below.len());
    for (index, next) in below.iter().copied().enumerate() {
        let is_last = index + 1 == below.len();
        let is_linked = next.parent != Some(piece.id);
        // What comes after a span waits since its end.
        let from = if is_linked { since.max(piece.ended) } else { since };
        let gap = next.begun.saturating_sub(from);
        let gap = (gap >= GAP_MIN).then(|| format!("{go_on}│  ┄ {} nothing\n", duration(gap)));
        since = since.max(next.ended);
        let sign = match (is_last, is_linked) {
            (false, false) => "├─ ",
            (true, false) => "└─ ",
            (false, true) => "├⇢ ",
            (true, true) => "└⇢ ",
        };
        let indent = match is_last {
            _ if level >= LEVELS_MAX => "",
            true => "   ",
            false => "│  ",
        };
        let (begin, go_on) = (format!("{go_on}{sign}"), format!("{go_on}{indent}"));
        branches.push(Branch { piece: next, gap, begin, go_on, level: level + 1 });
    }
    branches
}

fn line(piece: &Piece) -> String {
    let mut line = plain(&piece.name);
    if let Some(method) = &piece.method {
        let _ = write!(line, " {}", plain(method));
    }
    let _ = write!(line, "  {}", duration(piece.ended.saturating_sub(piece.begun)));
    if let Some(attempt) = piece.attempt.filter(|attempt| *attempt > 1) {
        let _ = write!(line, "  attempt {attempt}");
    }
    // A message is processed alone, and linked to its sender and to the run.
    if piece.role == Role::Other && piece.links.len() > 1 {
        let _ = write!(line, "  of {} messages", piece.links.len());
    }
    if let Some(error) = &piece.error {
        let _ = write!(line, "  ✗ {}", plain(error));
    }
    line
}

/// A text from elsewhere that cannot move the cursor, and is not too long.
fn plain(text: &str) -> String {
    let mut plain: String = text
        .chars()
        .take(TEXT_CHARS_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(TEXT_CHARS_MAX).is_some() {
        plain.push('…');
    }
    plain
}

fn duration(nanoseconds: u64) -> String {
    let ms = nanoseconds as f64 / 1e6;
    match ms {
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms if ms < 100_000.0 => format!("{:.2} s", ms / 1e3),
        ms => format!("{:.0} s", ms / 1e3),
    }
}
