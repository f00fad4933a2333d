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

/// The largest state of an actor, in bytes as it is stored.
pub const STATE_BYTES_MAX: usize = 256 * 1024;

/// The most headers of a message, in bytes of names and values.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// The largest segment, in bytes of its encoded messages: one item of 400 KB,
/// less its keys and attribute names.
pub const SEGMENT_BYTES_MAX: usize = 380 * 1024;

/// The most messages in one segment.
pub const SEGMENT_MESSAGES_MAX: usize = 500;

/// The most replies in one commit: a transaction of 100 items, less the record.
pub const COMMIT_REPLIES_MAX: usize = 99;

/// The most bytes of state and replies in one commit: a transaction of 4 MB,
/// less what keys, names and encoding add.
pub const COMMIT_BYTES_MAX: usize = 3 * 1024 * 1024;

/// The most messages in one commit. It bounds what a crash makes run again.
pub const COMMIT_MESSAGES_MAX: usize = 500;

/// The number of partitions of the due index. Each sweep queries all of them.
/// DynamoDB writes about 1,000 units a second to one partition, so 16 of them
/// admit 16,000 actors that fall asleep or wake up each second.
pub const DUE_SHARDS: u32 = 16;
