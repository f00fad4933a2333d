//! A reply, or a receipt.

use callboard_mailbox::message::Digest;
use callboard_mailbox::reply::{Outcome, ReplyKey};
use callboard_mailbox::store::Error;
use callboard_mailbox::{MessageId, Reply, Timestamp};

use super::{
    BODY, FORMAT, FORMAT_VERSION, Item, REPLY_ID, TTL, bytes, check_format, corrupt, item, number,
    read_count, read_number, take_body, take_bytes, take_text, text,
};

const CODE: &str = "c";
const DIGEST: &str = "d";

/// The key of a reply.
pub(crate) fn place(key: &ReplyKey) -> Item {
    item([(REPLY_ID, text(key.as_str()))])
}

pub(crate) fn write(key: &ReplyKey, reply: &Reply) -> Item {
    let (code, body) = reply.outcome.parts();
    let mut item = item([
        (REPLY_ID, text(key.as_str())),
        (FORMAT, number(FORMAT_VERSION)),
        (CODE, number(code)),
        (BODY, bytes(body)),
        (TTL, number(reply.expires.seconds())),
    ]);
    if let Some(digest) = &reply.digest {
        item.insert(DIGEST.to_owned(), bytes(digest.0.to_vec()));
    }
    item
}

/// A reply with the text of its key.
pub(crate) fn read(mut item: Item) -> Result<(String, Reply), Error> {
    check_format(&item)?;
    let key = take_text(&mut item, REPLY_ID)?.ok_or_else(|| corrupt(REPLY_ID))?;
    let id = key.rsplit_once('/').and_then(|(_, id)| MessageId::new(id).ok());
    let id = id.ok_or_else(|| corrupt(REPLY_ID))?;
    let outcome = Outcome::from_parts(read_count(&item, CODE)?, take_body(&mut item)?);
    let digest = take_bytes(&mut item, DIGEST)?;
    let digest = digest.map(|digest| digest[..].try_into().map_err(|_| corrupt(DIGEST)));
    let digest = digest.transpose()?.map(Digest);
    let seconds = read_number(&item, TTL)?.ok_or_else(|| corrupt(TTL))?;
    let expires = Timestamp(seconds.saturating_mul(1_000));
    Ok((key, Reply { id, outcome, digest, expires }))
}
