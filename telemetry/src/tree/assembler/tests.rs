//! Flows as data, and their trees as they are printed.

use super::*;

const MS: u64 = 1_000_000;

fn trace(number: u8) -> TraceId {
    [number; 16]
}

fn id(number: u8) -> SpanId {
    [number; 8]
}

/// A span of trace 1 from one millisecond to another.
fn piece(number: u8, parent: u8, name: &str, from: u64, to: u64) -> Piece {
    Piece {
        trace: trace(1),
        id: id(number),
        parent: (parent > 0).then(|| id(parent)),
        name: name.to_owned(),
        service: "gateway".to_owned(),
        begun: 1_000 * MS + from * MS,
        ended: 1_000 * MS + to * MS,
        ..Piece::default()
    }
}

fn sends(piece: Piece) -> Piece {
    Piece { role: Role::Sends, ..piece }
}

fn processes(piece: Piece) -> Piece {
    Piece { role: Role::Processes, service: "bank".to_owned(), ..piece }
}

/// The span in another trace, with links to spans of trace 1.
fn after(number: u8, links: &[u8], piece: Piece) -> Piece {
    let links = links.iter().map(|link| (trace(1), id(*link))).collect();
    Piece { trace: trace(number), parent: None, links, ..piece }
}

/// The trees of spans that came at once, when it is quiet for so long.
fn trees(pieces: Vec<Piece>, quiet: Duration) -> Vec<String> {
    let now = Instant::now();
    let mut assembler = Assembler::new(Bounds::default());
    pieces.into_iter().for_each(|piece| assembler.add(piece, now));
    assembler.finished(now + quiet)
}

fn quiet() -> Duration {
    Bounds::default().quiet
}

fn ask() -> Vec<Piece> {
    vec![
        piece(1, 0, "bank.v1.Account/Deposit", 0, 20),
        sends(piece(2, 1, "send bank.v1.Account", 1, 5)),
        piece(3, 2, "PutItem callboard-mailboxes", 2, 4),
        processes(Piece {
            method: Some("Deposit".to_owned()),
            ..piece(4, 2, "process bank.v1.Account", 9, 12)
        }),
        piece(5, 4, "commit bank.v1.Account", 12, 16),
    ]
}

#[test]
fn an_ask_is_one_tree_in_whatever_order_its_spans_come() {
    let expected = "\
── 01010101010101010101010101010101  20.0 ms  bank, gateway
bank.v1.Account/Deposit  20.0 ms
└─ send bank.v1.Account  4.0 ms
   ├─ PutItem callboard-mailboxes  2.0 ms
   └─ process bank.v1.Account Deposit  3.0 ms
      └─ commit bank.v1.Account  4.0 ms
";
    assert_eq!(trees(ask(), quiet()), [expected]);
    let backwards = ask().into_iter().rev().collect();
    assert_eq!(trees(backwards, quiet()), [expected]);
}

#[test]
fn a_flow_is_shown_when_it_is_quiet() {
    let almost = quiet().saturating_sub(Duration::from_millis(1));
    assert!(trees(ask(), almost).is_empty());
}

#[test]
fn what_a_tell_led_to_is_in_the_same_flow_with_the_wait_before_it_and_each_attempt() {
    let process = |number, attempt, from, to| {
        let piece = processes(piece(number, 0, "process bank.v1.Account", from, to));
        after(number, &[2], Piece { attempt: Some(attempt), ..piece })
    };
    let failed =
        Piece { error: Some("handler_failed: no funds".to_owned()), ..process(7, 1, 60, 65) };
    let flow = vec![
        piece(1, 0, "bank.v1.Account/Notify", 0, 6),
        sends(piece(2, 1, "send bank.v1.Account", 1, 5)),
        failed,
        process(8, 2, 1_065, 1_070),
    ];
    let expected = "\
── 01010101010101010101010101010101  1.07 s  bank, gateway
bank.v1.Account/Notify  6.0 ms
└─ send bank.v1.Account  4.0 ms
   │  ┄ 55.0 ms nothing
   ├⇢ process bank.v1.Account  5.0 ms  ✗ handler_failed: no funds
   │  ┄ 1.00 s nothing
   └⇢ process bank.v1.Account  5.0 ms  attempt 2
";
    assert_eq!(trees(flow, quiet()), [expected]);
}

#[test]
fn a_batch_of_several_senders_makes_one_flow_of_theirs() {
    let other = |piece: Piece| Piece { trace: trace(2), ..piece };
    let batch = processes(piece(5, 0, "process chat.v1.Room", 10, 12));
    let links = vec![(trace(1), id(1)), (trace(2), id(2))];
    let flow = vec![
        sends(piece(1, 0, "send chat.v1.Room", 0, 2)),
        other(sends(piece(2, 0, "send chat.v1.Room", 1, 3))),
        Piece { trace: trace(3), links, ..batch },
    ];
    let expected = "\
── 01010101010101010101010101010101  12.0 ms  bank, gateway
send chat.v1.Room  2.0 ms
└⇢ process chat.v1.Room  2.0 ms
send chat.v1.Room  2.0 ms
";
    assert_eq!(trees(flow, quiet()), [expected]);
}

#[test]
fn a_message_that_nobody_has_processed_is_waited_for_but_not_for_ever() {
    let flow = || vec![sends(piece(1, 0, "send bank.v1.Account", 0, 2))];
    assert!(trees(flow(), quiet()).is_empty());
    assert_eq!(trees(flow(), Bounds::default().patience).len(), 1);
}

#[test]
fn a_caller_whose_span_never_comes_does_not_hide_what_he_called() {
    let flow = || vec![piece(2, 1, "bank.v1.Account/Get", 0, 2)];
    assert!(trees(flow(), quiet()).is_empty());
    let shown = trees(flow(), Bounds::default().patience);
    assert_eq!(shown[0].lines().nth(1), Some("bank.v1.Account/Get  2.0 ms"));
}

#[test]
fn what_comes_after_its_flow_was_shown_is_a_tree_of_its_own() {
    let (now, mut assembler) = (Instant::now(), Assembler::new(Bounds::default()));
    ask().into_iter().for_each(|piece| assembler.add(piece, now));
    let later = now + Duration::from_secs(1);
    assert_eq!(assembler.finished(later).len(), 1);
    assembler.add(after(9, &[2], processes(piece(9, 0, "process bank.v1.Account", 0, 1))), later);
    let shown = assembler.finished(later + quiet());
    assert_eq!(shown[0].lines().count(), 2);
    assert!(assembler.flows.is_empty() && assembler.by_trace.is_empty());
}

#[test]
fn the_flow_that_is_quiet_for_longest_makes_room() {
    let bounds = Bounds { flows_max: 2, ..Bounds::default() };
    let (now, mut assembler) = (Instant::now(), Assembler::new(bounds));
    for number in 1..=3 {
        let piece = piece(number, 0, "call", u64::from(number), 10);
        let at = now + Duration::from_millis(u64::from(number));
        assembler.add(Piece { trace: trace(number), ..piece }, at);
    }
    let shown = assembler.finished(now);
    let expected = "\
── 01010101010101010101010101010101  9.0 ms  gateway
call  9.0 ms
… cut off here: more may have come
";
    assert_eq!(shown, [expected]);
    assert_eq!(assembler.rest().len(), 2);
    assert_eq!(assembler.by_trace.len(), 0);
}

/// What is known, and what was shown, of an actor that is never quiet: each of its runs is linked
/// to the one before.
fn hot(spans_max: usize, runs: u32) -> (Assembler, Vec<String>) {
    let bounds = Bounds { spans_max, ..Bounds::default() };
    let (now, mut assembler) = (Instant::now(), Assembler::new(bounds));
    let mut shown = Vec::new();
    for number in 1..=runs {
        let wide = |number: u32| u128::from(number).to_be_bytes();
        let id = |number: u32| u64::from(number).to_be_bytes();
        let links = vec![(wide(number - 1), id(number - 1))];
        let begun = u64::from(number) * MS;
        let piece = piece(0, 0, "invoke chat", 0, 0);
        let (trace, id) = (wide(number), id(number));
        assembler.add(Piece { trace, id, links, begun, ended: begun, ..piece }, now);
        shown.extend(assembler.finished(now));
    }
    (assembler, shown)
}

#[test]
fn a_flow_that_is_never_quiet_is_shown_in_parts() {
    let (mut assembler, shown) = hot(4, 8);
    // With the trace that the first run is linked to, four traces are three runs.
    assert_eq!(shown.len(), 2);
    for tree in &shown {
        assert_eq!(tree.lines().filter(|line| line.contains("invoke chat")).count(), 3);
        assert_eq!(tree.lines().last(), Some("… cut off here: more may have come"));
    }
    assert_eq!(assembler.rest().len(), 1);
    assert!(assembler.by_trace.is_empty());
}

#[test]
fn a_span_costs_no_more_in_a_flow_that_is_large() {
    // The shortest of several, since the machine may be busy.
    let time = |spans| {
        let once = |_| {
            let begun = Instant::now();
            drop(hot(1_000_000, spans));
            begun.elapsed()
        };
        (0..3).map(once).min().expect("three of them")
    };
    let (small, large) = (time(2_000), time(20_000));
    // Ten times as many take ten times as long, and not a hundred times.
    assert!(large < small * 40, "{small:?} {large:?}");
}

#[test]
fn flows_that_are_too_large_together_stay_two() {
    let bounds = Bounds { spans_max: 4, ..Bounds::default() };
    let (now, mut assembler) = (Instant::now(), Assembler::new(bounds));
    for number in [1, 2] {
        for span in 0..3 {
            let piece = piece(10 * number + span, 0, "call", u64::from(number), 10);
            assembler.add(Piece { trace: trace(number), ..piece }, now);
        }
    }
    let links = vec![(trace(2), id(20))];
    assembler.add(Piece { links, ..piece(13, 0, "invoke chat", 5, 6) }, now);
    let lines: Vec<_> = assembler.rest().iter().map(|tree| tree.lines().count()).collect();
    assert_eq!(lines, [1 + 4 + 1, 1 + 3]);
    assert!(assembler.flows.is_empty() && assembler.by_trace.is_empty());
}

#[test]
fn made_up_spans_neither_loop_nor_move_the_cursor() {
    let flow = vec![
        piece(1, 2, "one\u{1b}[2J", 0, 1),
        piece(2, 1, "two", 0, 1),
        piece(3, 3, &"x".repeat(200), 0, 1),
    ];
    let [shown] = trees(flow, quiet()).try_into().expect("one flow");
    assert_eq!(shown.lines().count(), 4);
    assert!(shown.contains("one\u{fffd}[2J") && !shown.contains('\u{1b}'));
    assert!(shown.contains(&format!("{}…", "x".repeat(120))));
}

#[test]
fn a_flow_of_thousands_of_levels_is_drawn() {
    let bounds = Bounds { spans_max: 10_000, ..Bounds::default() };
    let (now, mut assembler) = (Instant::now(), Assembler::new(bounds));
    let wide = |number: u64| number.to_be_bytes();
    for number in 1..=3_000_u64 {
        let parent = (number > 1).then(|| wide(number - 1));
        let begun = number * MS;
        let piece = Piece { id: wide(number), parent, begun, ended: begun, ..Piece::default() };
        assembler.add(Piece { name: "call".to_owned(), ..piece }, now);
    }
    let [shown] = assembler.rest().try_into().expect("one flow");
    assert_eq!(shown.lines().count(), 3_001);
}
