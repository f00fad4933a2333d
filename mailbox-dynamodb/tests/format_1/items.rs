//! The items of `mailboxes`, as the first version has stored them. They never change.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

pub(crate) type Item = HashMap<String, AttributeValue>;

fn item<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A text.
fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number.
fn n(digits: &str) -> AttributeValue {
    AttributeValue::N(digits.to_owned())
}

/// Bytes.
fn b(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// A list.
fn l<const N: usize>(values: [AttributeValue; N]) -> AttributeValue {
    AttributeValue::L(values.into())
}

/// A map.
fn m<const N: usize>(attributes: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(item(attributes))
}

/// Those of the table of mailboxes.
#[rustfmt::skip]
pub(crate) fn mailboxes() -> Vec<Item> {
    vec![
        item([
            ("a", s("golden.v1.Actor/deferred")),
            ("k", s("!")),
            ("v", n("1")),
            ("c", n("11")),
            ("due", n("1700000005000")),
            ("e", n("1")),
            ("f", n("1700000005000")),
            ("g", n("14")),
            ("h", n("3")),
            ("i", n("1700000000000011")),
            ("j", s("deferred")),
            ("n", n("2")),
            ("o", s("q#01700000000000010#front")),
            ("p", n("3")),
            ("r", n("1")),
            ("s", b(b"\x01\x00{}")),
            ("t", m([("interval", s("t#1700000005000#rings"))])),
            ("u", l([s("@golden.v1.Actor/queued"), s("1700000005000@golden.v1.Actor/queued")])),
            ("w", n("7")),
            ("x", s("it failed")),
            ("y", s("golden.v1.Actor#14")),
        ]),
        item([
            ("a", s("golden.v1.Actor/deferred")),
            ("k", s("m#00000000000000000001")),
            ("v", n("1")),
            ("b", b(b"\n\x86\x01\n\x03ask\x10\x01\x1a\x03Add\"\x02\x10\x05(\x80\xd0\x95\xff\xbc10\x88\xf7\x95\xff\xbc1:F\n\x0btraceparent\x12700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01:\x1c\n\x13callboard-principal\x12\x05alice@\x01\n\x17\n\x04tell\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1\n\x89\x01\n\x06failed\x10\x01\x1a\x03Add\"\x02\x10\x05(\x80\xd0\x95\xff\xbc10\x88\xf7\x95\xff\xbc1:F\n\x0btraceparent\x12700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01:\x1c\n\x13callboard-principal\x12\x05alice@\x01\n\x87\x01\n\x04dead\x10\x01\x1a\x03Add\"\x02\x10\x05(\x80\xd0\x95\xff\xbc10\x88\xf7\x95\xff\xbc1:F\n\x0btraceparent\x12700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01:\x1c\n\x13callboard-principal\x12\x05alice@\x01")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("a", s("golden.v1.Actor/deferred")),
            ("k", s("t#1700000005000#rings")),
            ("v", n("1")),
            ("b", b(b"\n\x05rings\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1")),
            ("t", s("interval")),
        ]),
        item([
            ("a", s("golden.v1.Actor/deferred")),
            ("k", s("x#1700000000000#dead")),
            ("v", n("1")),
            ("b", b(b"\n\x04dead\x10\x01\x1a\x03Add\"\x02\x10\x05(\x80\xd0\x95\xff\xbc10\x88\xf7\x95\xff\xbc1:F\n\x0btraceparent\x12700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01:\x1c\n\x13callboard-principal\x12\x05alice@\x01")),
            ("j", s("deferred")),
            ("n", n("2")),
            ("x", s("it failed")),
            ("y", s("golden.v1.Actor#14#x")),
        ]),
        item([
            ("a", s("golden.v1.Actor/leased")),
            ("k", s("!")),
            ("v", n("1")),
            ("due", n("4000000000000")),
            ("e", n("1")),
            ("g", n("11")),
            ("h", n("0")),
            ("j", s("leased")),
            ("l", n("1700000005000")),
            ("n", n("1")),
            ("w", n("7")),
            ("y", s("golden.v1.Actor#11")),
        ]),
        item([
            ("a", s("golden.v1.Actor/leased")),
            ("k", s("m#00000000000000000001")),
            ("v", n("1")),
            ("b", b(b"\n\x86\x01\n\x03ask\x10\x01\x1a\x03Add\"\x02\x10\x05(\x80\xd0\x95\xff\xbc10\x88\xf7\x95\xff\xbc1:F\n\x0btraceparent\x12700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01:\x1c\n\x13callboard-principal\x12\x05alice@\x01")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("a", s("golden.v1.Actor/other/#~é")),
            ("k", s("q#01700000000000010#posted")),
            ("v", n("1")),
            ("b", b(b"\n\x06posted\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1J\x1agolden.v1.Actor/other/#~\xc3\xa9Rj\n\x16golden.v1.Actor/leased\x12\x06answer\"\x07OnAdded*\x06\x01\"why\"2700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        ]),
        item([
            ("a", s("golden.v1.Actor/queued")),
            ("k", s("!")),
            ("v", n("1")),
            ("due", n("1700000005000")),
            ("e", n("1")),
            ("g", n("0")),
            ("h", n("0")),
            ("j", s("queued")),
            ("y", s("golden.v1.Actor#0")),
        ]),
        item([
            ("a", s("golden.v1.Actor/queued")),
            ("k", s("m#00000000000000000001")),
            ("v", n("1")),
            ("b", b(b"\n\x86\x01\n\x03ask\x10\x01\x1a\x03Add\"\x02\x10\x05(\x80\xd0\x95\xff\xbc10\x88\xf7\x95\xff\xbc1:F\n\x0btraceparent\x12700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01:\x1c\n\x13callboard-principal\x12\x05alice@\x01\n\x17\n\x04tell\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("a", s("golden.v1.Actor/queued")),
            ("k", s("m#00000000000000000003")),
            ("v", n("1")),
            ("b", b(b"\n\x1a\n\x07another\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("a", s("golden.v1.Actor/queued")),
            ("k", s("q#01700000000000007#asked")),
            ("v", n("1")),
            ("b", b(b"\n\x05asked\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1J\x1agolden.v1.Actor/other/#~\xc3\xa9Rj\n\x16golden.v1.Actor/leased\x12\x06answer\"\x07OnAdded*\x06\x01\"why\"2700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        ]),
        item([
            ("a", s("golden.v1.Actor/queued")),
            ("k", s("q#01700000000000008#relayed")),
            ("v", n("1")),
            ("b", b(b"\n\x07relayed\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1J\x1agolden.v1.Actor/other/#~\xc3\xa9Rn\n\x16golden.v1.Actor/leased\x12\tforwarded\x1a\x10\x07\x10\x97\xeb$\xaf>xzk\xb2\x94\x8d\x01\x83\x952700-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
        ]),
        item([
            ("a", s("golden.v1.Actor/queued")),
            ("k", s("t#1700000005000#later")),
            ("v", n("1")),
            ("b", b(b"\n\x05later\x1a\x04Note\"\x02\x10\x05(\x80\xd0\x95\xff\xbc1")),
        ]),
        item([
            ("a", s("golden.v1.Actor/suspended")),
            ("k", s("!")),
            ("v", n("1")),
            ("c", n("12")),
            ("due", n("4000000000000")),
            ("e", n("1")),
            ("g", n("14")),
            ("h", n("0")),
            ("i", n("0")),
            ("j", s("suspended")),
            ("n", n("1")),
            ("p", n("0")),
            ("r", n("1")),
            ("sn", n("2")),
            ("sr", n("1")),
            ("w", n("7")),
            ("y", s("golden.v1.Actor#14")),
            ("z", s("it failed for good")),
        ]),
        item([
            ("a", s("golden.v1.Actor/suspended")),
            ("k", s("!s#0000")),
            ("v", n("1")),
            ("b", b(&[b'a'; 389120])),
            ("r", n("1")),
        ]),
        item([
            ("a", s("golden.v1.Actor/suspended")),
            ("k", s("!s#0001")),
            ("v", n("1")),
            ("b", b(b"bc")),
            ("r", n("1")),
        ]),
    ]
}

/// Those of the table of replies.
#[rustfmt::skip]
pub(crate) fn replies() -> Vec<Item> {
    vec![
        item([
            ("id", s("golden.v1.Actor/deferred/ask")),
            ("v", n("1")),
            ("b", b(b"\x08\x05")),
            ("c", n("0")),
            ("d", b(b"\xe3\xeeQ\xbb\xf7QH\xc6\x1c-\xb4\xcc\xbc\xdf\x82\xc4")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("id", s("golden.v1.Actor/deferred/dead")),
            ("v", n("1")),
            ("b", b(b"\x08\x02\x12\tit failed")),
            ("c", n("100")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("id", s("golden.v1.Actor/deferred/failed")),
            ("v", n("1")),
            ("b", b(b"\x08\t")),
            ("c", n("9")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("id", s("golden.v1.Actor/deferred/tell")),
            ("v", n("1")),
            ("b", b(b"")),
            ("c", n("0")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("id", s("golden.v1.Actor/leased/forwarded")),
            ("v", n("1")),
            ("b", b(b"")),
            ("c", n("102")),
            ("d", b(b"\x07\x10\x97\xeb$\xaf>xzk\xb2\x94\x8d\x01\x83\x95")),
            ("ttl", n("4000000000")),
        ]),
        item([
            ("id", s("golden.v1.Actor/queued/cancelled")),
            ("v", n("1")),
            ("b", b(b"")),
            ("c", n("101")),
            ("d", b(b"\x07\x10\x97\xeb$\xaf>xzk\xb2\x94\x8d\x01\x83\x95")),
            ("ttl", n("4000000000")),
        ]),
    ]
}
