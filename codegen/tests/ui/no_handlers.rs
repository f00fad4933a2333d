//! An actor without the trait of its handlers.

mod protos {
    include!("../golden/callboard_protos.rs");
}
use callboard_lambda_sdk::Actor;
use protos::counter::v1::CounterService;

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Counter {
    value: i64,
}

impl Actor for Counter {
    type Service = CounterService;
}

fn main() {
    let _ = callboard_lambda_sdk::run::<Counter>();
}
