//! Kills, freezes and misleads real gateways and actors under load, and checks
//! that Callboard keeps its promises: `chaos --help`.

use std::process::ExitCode;

/// What a shell calls the end of a program by Ctrl-C.
const INTERRUPTED: u8 = 130;

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> ExitCode {
    use callboard_proof::chaos::{Options, Outcome, run};
    use clap::Parser as _;

    match run(Options::parse()).await {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => {
            eprintln!("stopped; nothing was checked");
            INTERRUPTED.into()
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("error: it moves the clocks of processes as only Linux lets one do");
    ExitCode::FAILURE
}
