//! The command line of Callboard: arguments in, exit code out.

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use command::Failure;

/// Typed actors on AWS Lambda, called from any gRPC client.
#[derive(Parser)]
#[command(name = "callboard", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine: the actors of a folder, a database, and the gateway.
    #[cfg(feature = "local")]
    Dev(command::dev::Arguments),
    /// Run a gateway, configured by flags and environment, against AWS.
    Serve(command::serve::Arguments),
    /// Call a method of an actor, with JSON in and out.
    Call(command::call::Arguments),
    /// Look into mailboxes, and mend what is stuck in them.
    Admin(command::admin::Arguments),
    /// Check .proto files: do they compile, and do they describe actors?
    Check(command::check::Arguments),
    /// Write the .proto files that yours import, for code generators of other languages.
    Protos(command::protos::Arguments),
    /// Make the tables in DynamoDB.
    Tables(command::tables::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("threads and timers are to be had");
    let result = runtime.block_on(async {
        match arguments.command {
            #[cfg(feature = "local")]
            Command::Dev(arguments) => command::dev::run(arguments).await,
            Command::Serve(arguments) => command::serve::run(arguments).await,
            Command::Call(arguments) => command::call::run(arguments).await,
            Command::Admin(arguments) => command::admin::run(arguments).await,
            Command::Check(arguments) => command::check::run(&arguments),
            Command::Protos(arguments) => command::protos::run(&arguments),
            Command::Tables(arguments) => command::tables::run(arguments).await,
        }
    });
    // Work that hangs, such as a look-up of a name, must not hold up the exit.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}
