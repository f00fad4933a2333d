//! `callboard tables`: makes the tables in DynamoDB, and tells whether they are right.

use callboard_mailbox_dynamodb::schema::{Created, DEFAULT_PREFIX, Finding, Weight};
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
    #[command(after_help = "Example:\n  callboard tables create --table-prefix staging")]
    Create(Prefix),
    /// Tell whether the tables are as Callboard needs them; the exit code is 1 when they are not.
    /// Needs the rights DescribeTable, DescribeTimeToLive and DescribeContinuousBackups.
    #[command(after_help = "Example:\n  callboard tables check --table-prefix staging")]
    Check(Prefix),
}

#[derive(clap::Args)]
struct Prefix {
    /// What the names of the tables begin with.
    #[arg(long, env = "CALLBOARD_TABLE_PREFIX", default_value = DEFAULT_PREFIX)]
    table_prefix: String,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = aws_config::load_from_env().await;
    let client = connect(&config, None);
    match arguments.action {
        Action::Create(Prefix { table_prefix }) => {
            for (table, created) in Tables::new(&table_prefix).create(&client).await? {
                match created {
                    Created::New => println!("{table}: created"),
                    Created::Existing => println!("{table}: there already"),
                }
            }
            Ok(())
        }
        Action::Check(Prefix { table_prefix }) => {
            report(&Tables::new(&table_prefix).check(&client).await?)
        }
    }
}

/// Prints a line for each finding, what is needed first. It is an error when that is anything.
fn report(findings: &[Finding]) -> Result<(), Failure> {
    let count = |wanted: Weight| findings.iter().filter(|finding| finding.weight == wanted).count();
    for (weight, word) in [(Weight::Needed, "error"), (Weight::Advised, "warning")] {
        for Finding { table, what, help, .. } in findings.iter().filter(|f| f.weight == weight) {
            println!("{table}: {word}: {what}; {help}");
        }
    }
    match (count(Weight::Needed), count(Weight::Advised)) {
        (0, 0) => println!("the tables are as Callboard needs them"),
        (0, _) => println!("Callboard can use the tables"),
        (1, _) => return Err(Failure::new("1 thing that Callboard needs is not there")),
        (count, _) => {
            return Err(Failure::new(format!("{count} things that Callboard needs are not there")));
        }
    }
    Ok(())
}
