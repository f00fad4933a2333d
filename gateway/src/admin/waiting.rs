//! The messages that wait in a mailbox.

use callboard_mailbox::{Address, Message, Sequence, Store};
use callboard_proto::pb;
use callboard_proto::schema::Schema;

use super::mailbox::corrupt;
use super::{END_OF_TIME, PARCELS_MAX, page, record, render, unread};
use crate::refusal::Refusal;

/// How many items of the log one query asks for.
const ITEMS: usize = 50;

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At a message of the log; the segment that holds it is found by its first one.
    Log { segment: Sequence, message: Sequence },
    /// Behind so many messages outside of the log.
    Parcels { skip: usize },
}

impl Place {
    fn token(self) -> String {
        match self {
            Self::Log { segment, message } => format!("log:{segment}:{message}"),
            Self::Parcels { skip } => format!("parcels:{skip}"),
        }
    }

    fn read(token: &str) -> Option<Self> {
        let parts: Vec<_> = token.split(':').collect();
        match parts[..] {
            ["log", segment, message] => {
                let [segment, message] = [segment.parse().ok()?, message.parse().ok()?];
                // No segment begins at zero, and none ends where numbers do.
                let is_place = (1..u64::MAX).contains(&segment) && segment <= message;
                let (segment, message) = (Sequence(segment), Sequence(message));
                is_place.then_some(Self::Log { segment, message })
            }
            ["parcels", skip] => Some(Self::Parcels { skip: skip.parse().ok()? }),
            _ => None,
        }
    }
}

/// One page on its way.
struct Page<'a> {
    schema: &'a Schema,
    actor_type: &'a str,
    size: usize,
    bytes: usize,
    messages: Vec<pb::WaitingMessage>,
}

impl Page<'_> {
    fn is_full(&self) -> bool {
        self.messages.len() >= self.size || self.bytes >= page::BYTES_MAX
    }

    /// Adds a message; the caller sets what else there is to tell of it.
    fn push(&mut self, message: Message) -> &mut pb::WaitingMessage {
        let message = render::message(self.schema, self.actor_type, message);
        self.bytes += render::size(&message);
        self.messages.push(pb::WaitingMessage { message: Some(message), ..Default::default() });
        self.messages.last_mut().expect("it was just added")
    }
}

/// The messages that wait: those of the log, then all others.
pub(super) async fn peek(
    store: &impl Store,
    schema: &Schema,
    address: &Address,
    request: &pb::PeekMessagesRequest,
) -> Result<pb::PeekMessagesResponse, Refusal> {
    let size = page::size(request.page_size)?;
    let token = page::token(&request.page_token, Place::read)?;
    let record = record(store, address).await?;
    let actor_type = address.actor_type();
    let mut page = Page { schema, actor_type, size, bytes: 0, messages: Vec::new() };
    let first = Place::Log { segment: record.next_segment(), message: record.head.next() };
    let mut next = match token.unwrap_or(first) {
        // What is consumed meanwhile waits no more.
        Place::Log { message, .. } if message <= record.head => Some(first),
        place => Some(place),
    };
    let mut truncated = false;
    while let Some(place) = next.filter(|_| !page.is_full()) {
        next = match place {
            Place::Log { segment, message } => {
                Some(take_log(store, address, &mut page, segment, message).await?)
            }
            Place::Parcels { skip } => {
                let (rest, more) = take_parcels(store, address, &mut page, skip).await?;
                truncated = rest.is_none() && more;
                rest
            }
        };
    }
    Ok(pb::PeekMessagesResponse {
        messages: page.messages,
        next_page_token: next.map(Place::token).unwrap_or_default(),
        truncated,
    })
}

/// Takes messages of the log from a place on, and tells where the next page begins.
async fn take_log(
    store: &impl Store,
    address: &Address,
    page: &mut Page<'_>,
    segment: Sequence,
    message: Sequence,
) -> Result<Place, Refusal> {
    let read = store.deliverable(address, segment, END_OF_TIME, ITEMS).await;
    let read = read.map_err(|error| unread(&error))?;
    let mut behind = segment;
    for segment in &read.segments {
        for (sequence, stored) in segment.messages().map_err(|error| unread(&corrupt(&error)))? {
            if sequence < message {
                continue;
            }
            if page.is_full() {
                return Ok(Place::Log { segment: segment.first(), message: sequence });
            }
            page.push(stored).sequence = sequence.0;
        }
        behind = segment.last().next();
    }
    // The log comes first, so what is not of the log shows its end.
    match read.more && read.parcels.is_empty() && behind > segment {
        true => Ok(Place::Log { segment: behind, message: behind }),
        false => Ok(Place::Parcels { skip: 0 }),
    }
}

/// Takes messages outside of the log, and tells where the next page begins, and
/// whether there are some that cannot be looked at.
async fn take_parcels(
    store: &impl Store,
    address: &Address,
    page: &mut Page<'_>,
    skip: usize,
) -> Result<(Option<Place>, bool), Refusal> {
    let inbox = store.inbox(address, END_OF_TIME, PARCELS_MAX).await;
    let inbox = inbox.map_err(|error| unread(&error))?;
    for (n, parcel) in inbox.parcels.into_iter().enumerate().skip(skip) {
        if page.is_full() {
            return Ok((Some(Place::Parcels { skip: n }), inbox.more));
        }
        let waiting = page.push(parcel.message);
        waiting.deliver_at = parcel.slot.at().map(render::time);
        waiting.timer = parcel.timer.unwrap_or_default();
    }
    Ok((None, inbox.more))
}
