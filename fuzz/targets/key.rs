//! Keys of several parts: what is joined is parted again, and each key has one reading.
//! The input is the parts, a line each.

#![no_main]

use callboard_proto::key;
use callboard_proto::key::split;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parts: Vec<_> = text.split('\n').collect();
    let joined = key(&parts);
    let parted = split(&joined, parts.len()).expect("what is joined can be parted");
    assert_eq!(parted, parts);
    for count in 1..6 {
        // The text itself as a key: whoever gave it meant these parts, or none.
        if let Some(parts) = split(text, count) {
            assert_eq!(parts.len(), count);
            assert_eq!(key(&parts), text);
        }
        // Keys of another number of parts are other keys.
        if count > 1 && parts.len() > 1 && count != parts.len() {
            assert_eq!(split(&joined, count), None);
        }
    }
});
