//! Every bound of the protocol, with the reason for its value.
//!
//! DynamoDB's own limits are behind most of them: 400 KB an item, 2,048 bytes
//! a partition key, 100 items and 4 MB a transaction
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).

/// The longest actor type, in bytes. With [`KEY_BYTES_MAX`] and
/// [`MESSAGE_ID_BYTES_MAX`] it keeps a reply's key within 2,048 bytes.
pub const TYPE_BYTES_MAX: usize = 255;

/// The longest actor key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1_024;

/// The longest message id, in bytes.
pub const MESSAGE_ID_BYTES_MAX: usize = 128;

/// The largest message, in bytes of its encoded request. It leaves room in a
/// 400 KB item for the other fields of the message.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// The largest reply, in bytes of its encoded response or status.
pub const REPLY_BYTES_MAX: usize = 256 * 1024;

/// The largest state of an actor, in bytes as it is stored. With the replies and
/// the sends of one message it fits in a transaction of 4 MB.
pub const STATE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The largest state that is kept in the record. A wake, a commit and a settle
/// each cost by the size of the whole record, also when they leave the state as
/// it is; a larger state has items of its own, which only its changes write.
pub const STATE_INLINE_BYTES_MAX: usize = 16 * 1024;

/// The largest piece of a state that has items of its own: one item of 400 KB.
pub const STATE_CHUNK_BYTES_MAX: usize = 380 * 1024;

/// The most headers of a message, in bytes of names and values.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// The longest `traceparent` that is kept for whoever waits for an answer, in bytes. Those of
/// version 00 have 55.
pub const TRACEPARENT_BYTES_MAX: usize = 256;

/// The largest segment, in bytes of its encoded messages: one item of 400 KB,
/// less its keys and attribute names.
pub const SEGMENT_BYTES_MAX: usize = 380 * 1024;

/// The most messages in one segment.
pub const SEGMENT_MESSAGES_MAX: usize = 500;

/// The most items in one commit: DynamoDB's own limit for a transaction.
pub const COMMIT_ITEMS_MAX: usize = 100;

/// The most bytes in one commit: a transaction of 4 MB, less what keys, names
/// and encoding add.
pub const COMMIT_BYTES_MAX: usize = 3_584 * 1024;

/// The most messages, timers and answers of one message in one commit. With the
/// record, a reply, the message's own item and the pieces of a large state, before
/// and after, it fits in a transaction of 100 items. What a handler sends beyond
/// it follows in further commits, see [`SENDS_MAX`].
pub const EFFECTS_MAX: usize = 80;

/// The most messages that one handler may send, answers to others included. Those
/// that do not fit into the commit of their cause are stored with it as one item,
/// from which further commits take them before anything else runs.
pub const SENDS_MAX: usize = 500;

/// The most bytes of those that do not fit: one item of 400 KB.
pub const RELAY_BYTES_MAX: usize = 380 * 1024;

/// The most timers that one handler may set, asks with a time-out included. Each that
/// is set is an item, and of those that were set before, the named ones may all be
/// cancelled or replaced by the same handler.
pub const TIMERS_SET_MAX: usize = 44;

/// The most bytes of the messages that one handler may send, answers included.
pub const SEND_BYTES_MAX: usize = 768 * 1024;

/// The most named timers of an actor. Their names are part of the record.
pub const TIMERS_MAX: usize = 32;

/// The most asks of an actor that wait for an answer with a time-out. Each is a
/// timer.
pub const TIMED_ASKS_MAX: usize = 32;

/// What an actor may get back with the answer to an ask, in bytes.
pub const CORRELATION_BYTES_MAX: usize = 4 * 1024;

/// The longest name of a timer, in bytes of UTF-8.
pub const TIMER_NAME_BYTES_MAX: usize = 64;

/// The most actors that wait to be woken by a sender's record.
pub const PENDING_WAKES_MAX: usize = 100;

/// The longest error text that is stored, in bytes of UTF-8; what is longer is
/// cut.
pub const ERROR_BYTES_MAX: usize = 1_024;

/// The longest delay of a message. A date further away is more likely a mistake
/// in its unit.
pub const DELAY_MAX: std::time::Duration = std::time::Duration::from_secs(366 * 24 * 3_600);

/// The most messages in one commit. It bounds what a crash makes run again.
pub const COMMIT_MESSAGES_MAX: usize = 500;

/// The number of partitions of the due index. Each sweep queries all of them.
/// DynamoDB writes about 1,000 units a second to one partition, so 16 of them
/// admit 16,000 actors that fall asleep or wake up each second.
pub const DUE_SHARDS: u32 = 16;

/// The number of partitions of the directory for each actor type.
pub const DIRECTORY_SHARDS: u32 = 16;
