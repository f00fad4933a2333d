//! A parcel.

use callboard_mailbox::parcel::Parcel;
use callboard_mailbox::store::Error;
use callboard_mailbox::{Address, Message};

use super::{
    BODY, Item, KIND, bytes, check_format, corrupt, key, mailbox_item, read_kind, take_body,
    take_text, text,
};
use crate::error::from_decode;

const TIMER: &str = "t";

pub(crate) fn write(address: &Address, parcel: &Parcel) -> Item {
    let attributes = [(BODY, bytes(parcel.message.encoded()))];
    let mut item = mailbox_item(address, key::slot(&parcel.slot), attributes);
    if let Some(timer) = &parcel.timer {
        item.insert(TIMER.to_owned(), text(timer));
    }
    item
}

pub(crate) fn read(mut item: Item) -> Result<Parcel, Error> {
    check_format(&item)?;
    let slot = key::read_slot(read_kind(&item)?).ok_or_else(|| corrupt(KIND))?;
    let encoded = take_body(&mut item)?;
    let message = Message::from_encoded(encoded).map_err(|error| from_decode(&error))?;
    Ok(Parcel { slot, message, timer: take_text(&mut item, TIMER)? })
}
