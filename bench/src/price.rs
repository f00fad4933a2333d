//! The row `price`: the request units of messages, against those of one bare request.

use std::thread;

use callboard_local::{EmbeddedDynamoDb, Storage};
use callboard_mailbox::message::Kind;
use callboard_mailbox_dynamodb::units::Units;
use callboard_mailbox_dynamodb::{DynamoDbStore, Tables, connect, schema};
use callboard_proof::price::meter::Meter;
use callboard_proof::price::request::Party;
use callboard_proof::price::{Bill, Stage};
use tokio::time::Instant;
use tokio::{join, runtime};

use crate::Result;
use crate::report::Figure;
use crate::sample::Repetitions;
use crate::store::{Mailbox, local_config};

/// What was consumed.
struct Consumed {
    /// By messages, and what one may at most: `proof/tests/price.rs` holds them to it.
    bills: [(Bill, Units); 7],
    /// By a bare write of a message and a bare read of a record.
    bare: Units,
}

/// Once: units do not depend on the machine.
pub(crate) fn measure() -> Result<Vec<Figure>> {
    // It stops tokio's clock, which wants a runtime with one thread.
    let measuring = thread::spawn(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(consumed())
    });
    let Consumed { bills, bare } = measuring.join().map_err(|_| "see above")??;

    let once = |units: f64| Repetitions::from_iter([units]);
    let figure = |what: &str, unit, units| Figure::new("price", what, unit, &once(units));
    let mut figures = Vec::new();
    for (bill, most) in bills {
        let units = bill.per_message();
        if most.write > 0.0 {
            let write = figure(bill.load, "WRU", units.write).at_most(most.write);
            figures.push(write.ratio(&once(units.write / bare.write)));
        }
        let read = figure(bill.load, "RRU", units.read).at_most(most.read);
        figures.push(read.ratio(&once(units.read / bare.read)));
    }
    figures.push(figure("  a bare write of a message", "WRU", bare.write));
    figures.push(figure("  a bare read of a record", "RRU", bare.read));
    Ok(figures)
}

async fn consumed() -> Result<Consumed> {
    let dynamodb = EmbeddedDynamoDb::start(Storage::Memory, ([127, 0, 0, 1], 0).into())?;
    // Before the clock stops: it talks to the database over a connection of its own.
    let bare = bare(&dynamodb).await?;
    let stage = Stage::start(&dynamodb.endpoint_url()).await;
    let (tells, asks, after_sleep, known_tells, known_asks) = join!(
        stage.few_tells(),
        stage.few_asks(),
        stage.after_sleep(),
        stage.few_tells_with_ids(),
        stage.few_asks_with_ids(),
    );
    let (reads, busy) = (stage.reads().await, stage.busy().await);
    let most = |write, read| Units { write, read };
    let bills = [
        (busy, most(0.2, 0.1)),
        (tells, most(3.5, 2.0)),
        (after_sleep, most(7.0, 3.0)),
        (known_tells, most(7.0, 2.0)),
        (asks, most(7.0, 2.0)),
        (known_asks, most(7.0, 2.5)),
        (reads, most(0.0, 1.0)),
    ];
    Ok(Consumed { bills, bare })
}

/// One write of a message into a mailbox that has a record, and one read of the record.
async fn bare(dynamodb: &EmbeddedDynamoDb) -> Result<Units> {
    let client = connect(&local_config().await, Some(&dynamodb.endpoint_url()));
    let tables = Tables::new(schema::DEFAULT_PREFIX);
    tables.create(&client).await?;
    let meter = Meter::default();
    let store = DynamoDbStore::new(meter.measured(&client, Party::Reader), tables);
    let mut mailbox = Mailbox::new(store, "c0")?;
    mailbox.wake().await?;
    let begun = Instant::now();
    mailbox.put(Kind::Tell, 1).await?;
    mailbox.read().await?;
    Ok(meter.requests_since(begun).iter().map(|request| request.consumed.total).sum())
}
