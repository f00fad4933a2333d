//! The command line of Callboard: arguments in, exit code out.

mod command;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use command::Failure;
use mimalloc::MiMalloc;

/// The C library's takes twice as long for what a call allocates, on several threads.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    Dev(Box<command::dev::Arguments>),
    /// Run a gateway against AWS, configured by flags, environment and a file.
    Serve(Box<command::serve::Arguments>),
    /// Call a method of an actor, with JSON in and out.
    Call(command::call::Arguments),
    /// Look into mailboxes, and mend what is stuck in them.
    Admin(command::admin::Arguments),
    /// Make API keys for callers.
    ApiKey(command::api_key::Arguments),
    /// Check .proto files: do they compile, and do they describe actors?
    Check(command::check::Arguments),
    /// Tell what a deployment would be, and what it would cost.
    #[cfg(feature = "local")]
    Deploy(command::deploy::Arguments),
    /// Tell whether a gateway is serving; the exit code is 1 when it is not.
    Health(command::health::Arguments),
    /// Build an actor's crate for Lambda, and zip it.
    #[cfg(feature = "local")]
    Package(command::package::Arguments),
    /// Write the .proto files that yours import, for code generators of other languages.
    Protos(command::protos::Arguments),
    /// Make the tables in DynamoDB, or check them.
    Tables(command::tables::Arguments),
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("threads and timers are to be had");
    let result = runtime.block_on(async {
        match arguments.command {
            #[cfg(feature = "local")]
            Command::Dev(arguments) => command::dev::run(*arguments).await,
            Command::Serve(arguments) => command::serve::run(*arguments).await,
            Command::Call(arguments) => command::call::run(arguments).await,
            Command::Admin(arguments) => command::admin::run(arguments).await,
            Command::ApiKey(arguments) => command::api_key::run(&arguments),
            Command::Check(arguments) => command::check::run(&arguments),
            #[cfg(feature = "local")]
            Command::Deploy(arguments) => command::deploy::run(&arguments),
            Command::Health(arguments) => command::health::run(arguments).await,
            #[cfg(feature = "local")]
            Command::Package(arguments) => command::package::run(arguments).await,
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

/// The arguments, with what of them stands elsewhere; or the end, when something is
/// wrong with them or to print is all that is wanted.
fn arguments() -> Result<Arguments, ExitCode> {
    let command = Arguments::command().subcommand(command::config::command());
    let given: Vec<_> = std::env::args_os().collect();
    let parsed = match command::config::parse(&command, &given) {
        Ok(parsed) => parsed,
        Err(command::config::Error::Clap(error)) => error.exit(),
        Err(command::config::Error::Setting(Failure(text))) => {
            eprintln!("{text}");
            return Err(ExitCode::FAILURE);
        }
    };
    if let Some(text) = parsed.shown() {
        println!("{text}");
        return Err(ExitCode::SUCCESS);
    }
    let arguments = Arguments::from_arg_matches(&parsed.matches);
    arguments.map_err(|error| error.format(&mut command.clone()).exit())
}
