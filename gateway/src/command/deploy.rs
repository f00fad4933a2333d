//! `callboard deploy`: what a deployment would be. Nothing here speaks to AWS.

mod cost;
mod load;
mod plan;
mod prices;
mod print;
mod stacks;

use super::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Print what the templates in deploy/ would create for a folder's actors, and what that would
    /// cost a month.
    Plan(Box<plan::Arguments>),
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Action::Plan(arguments) = &arguments.action;
    plan::run(arguments)
}
