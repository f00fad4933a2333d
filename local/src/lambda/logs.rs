//! What a process writes, cut into lines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};

/// Longer lines are cut: a process that never ends its line must not fill the memory.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What is kept of a process's last words.
const TAIL_BYTES_MAX: usize = 2 * 1024;

/// Calls `on_line` with each line until the other end is closed.
pub(super) async fn read_lines(from: impl AsyncRead + Unpin, mut on_line: impl FnMut(String)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Some(line_ended) = read_piece(&mut from, &mut line).await {
        if line_ended || line.len() >= LINE_BYTES_MAX {
            on_line(text(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        on_line(text(&line));
    }
}

/// Adds what is there to `line`, up to its end; says whether it has ended, or `None` at the end of
/// the stream. A broken pipe counts as one.
async fn read_piece(from: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> Option<bool> {
    let buffer = from.fill_buf().await.ok().filter(|buffer| !buffer.is_empty())?;
    let room = LINE_BYTES_MAX - line.len();
    let within = &buffer[..buffer.len().min(room)];
    let end = within.iter().position(|&byte| byte == b'\n');
    line.extend_from_slice(&within[..end.unwrap_or(within.len())]);
    let used = end.map_or(within.len(), |end| end + 1);
    from.consume(used);
    Some(end.is_some())
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// The last lines of a process, as far as they fit in 2 KiB.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    pub(super) fn push(&self, line: &str) {
        let mut kept = self.0.lock().expect("nothing panics while it holds this lock");
        let skipped = line.len().saturating_sub(TAIL_BYTES_MAX);
        kept.extend(&line.as_bytes()[skipped..]);
        kept.push_back(b'\n');
        let excess = kept.len().saturating_sub(TAIL_BYTES_MAX);
        kept.drain(..excess);
    }

    pub(super) fn text(&self) -> String {
        let mut kept = self.0.lock().expect("nothing panics while it holds this lock");
        String::from_utf8_lossy(kept.make_contiguous()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        read_lines(bytes, |line| lines.push(line)).await;
        lines
    }

    #[tokio::test]
    async fn lines_come_one_by_one_and_the_last_needs_no_end() {
        assert_eq!(lines(b"one\n\ntwo\r\nthree").await, ["one", "", "two", "three"]);
    }

    #[tokio::test]
    async fn endless_lines_come_in_pieces() {
        let endless = vec![b'x'; 2 * LINE_BYTES_MAX + 1];
        let lengths: Vec<_> = lines(&endless).await.iter().map(String::len).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX, LINE_BYTES_MAX, 1]);
    }

    #[test]
    fn the_tail_keeps_the_last_words() {
        let tail = Tail::default();
        for number in 0..1000 {
            tail.push(&format!("line {number}"));
        }
        let text = tail.text();
        assert!(text.ends_with("line 998\nline 999\n") && text.len() == TAIL_BYTES_MAX, "{text}");
    }
}
