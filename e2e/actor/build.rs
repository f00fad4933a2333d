//! Generates the traits of the handlers.

fn main() -> Result<(), callboard_build::Error> {
    callboard_build::Config::new().compile::<_, &str>(&["proto", "trial-proto"], &[])
}
