//! A hub that gathers what many sensors measure, and the sensors.

mod hub;
mod sensor;
#[cfg(test)]
mod tests;

use callboard_lambda_sdk::{Function, Result};

callboard_lambda_sdk::include_proto!("sensors.v1");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Function::new().actor::<hub::Hub>().actor::<sensor::Sensor>().run().await
}
