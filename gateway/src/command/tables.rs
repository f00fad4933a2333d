//! `callboard tables`: makes the tables in DynamoDB.

use callboard_mailbox_dynamodb::schema::{Created, DEFAULT_PREFIX};
use callboard_mailbox_dynamodb::{Tables, connect};

use super::Failure;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Make the tables that do not exist, and wait until they can be used.
    Create {
        /// What the names of the tables begin with.
        #[arg(long, env = "CALLBOARD_TABLE_PREFIX", default_value = DEFAULT_PREFIX)]
        table_prefix: String,
    },
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Action::Create { table_prefix } = arguments.action;
    let config = aws_config::load_from_env().await;
    let client = connect(&config, None);
    for (table, created) in Tables::new(&table_prefix).create(&client).await? {
        match created {
            Created::New => println!("{table}: created"),
            Created::Existing => println!("{table}: there already"),
        }
    }
    Ok(())
}
