//! `callboard api-key`: makes keys for callers.

use callboard_gateway::access::api_key;

use super::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key. It is printed once, and the entry for the file of `--api-keys` with it.
    #[command(after_help = "Example:\n  callboard api-key new billing >> api-keys.toml")]
    New {
        /// Whose key it is, as the policy and the log call him: `key:NAME`.
        name: String,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Command::New { name } = &arguments.command;
    let api_key::NewKey { key, entry } = api_key::new(name).map_err(Failure::new)?;
    // Apart from each other: the entry may go right into the file, and the key must not.
    eprintln!("the key, which nobody can tell again:\n  {key}\nits entry:");
    print!("{entry}");
    Ok(())
}
