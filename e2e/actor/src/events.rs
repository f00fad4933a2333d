//! The file in which handlers note what they do, for the test to read.

use std::fs::OpenOptions;
use std::io::Write;

use callboard_lambda_sdk::{Context, Result};

/// Appends a line to a file in one write, so that lines of several processes
/// do not mix.
///
/// # Errors
/// When the file cannot be written.
pub fn note(file: &str, ctx: &Context<'_>, event: &str) -> Result<()> {
    if file.is_empty() {
        return Ok(());
    }
    let line = format!("{} {} {event}\n", std::process::id(), ctx.key());
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(file.write_all(line.as_bytes())?)
}
