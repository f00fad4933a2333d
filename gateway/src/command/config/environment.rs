//! Variables of the environment that look like settings and are none.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::Command;

use super::nearest;
use crate::command::Failure;

/// What the names of all variables begin with.
const PREFIX: &str = "CALLBOARD_";

/// Variables that are no settings: those of tests and proofs, and those that belong to `OTEL_*`.
const OTHERS: [&str; 5] = [
    "CALLBOARD_BIN",
    "CALLBOARD_CLOCKS",
    "CALLBOARD_PROOF_TELLS_THE_TIME",
    "CALLBOARD_TRACE_KEYS",
    "CALLBOARD_TRACE_TELLS",
];

/// Refuses unknown variables. Those of other subcommands are known: a shell may have
/// them all.
pub(super) fn check(
    command: &Command,
    names: impl Iterator<Item = OsString>,
) -> Result<(), Failure> {
    let mut known = BTreeSet::from(OTHERS.map(str::to_owned));
    collect(command, &mut known);
    let names = names.filter_map(|name| name.into_string().ok());
    let mut unknown: Vec<_> = names
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name) && !is_of_a_service(name))
        .collect();
    unknown.sort();
    let Some(name) = unknown.first() else { return Ok(()) };
    let bare = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
    let hint = match nearest(&name[PREFIX.len()..], bare) {
        Some(nearest) => format!("did you mean {PREFIX}{nearest}?"),
        None => "`callboard serve --help` tells all of them".to_owned(),
    };
    Err(Failure::new(format!("the environment has {name}, which is no setting; {hint}")))
}

fn collect(command: &Command, known: &mut BTreeSet<String>) {
    let names = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
    known.extend(names.map(str::to_owned));
    command.get_subcommands().for_each(|command| collect(command, known));
}

/// Whether Kubernetes has made it, of a service whose name begins with `callboard`:
/// `CALLBOARD_SERVICE_HOST`, `CALLBOARD_PORT_7070_TCP_ADDR`. No setting is named so.
fn is_of_a_service(name: &str) -> bool {
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || name.ends_with("_PORT")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn checked(names: &[&str]) -> Result<(), String> {
        let serve = Command::new("serve")
            .arg(Arg::new("listen").long("listen").env("CALLBOARD_LISTEN"))
            .arg(Arg::new("grace").long("grace").env("CALLBOARD_GRACE"));
        let call = Command::new("call").arg(Arg::new("token").env("CALLBOARD_TOKEN"));
        let command = Command::new("callboard").subcommand(serve).subcommand(call);
        check(&command, names.iter().map(OsString::from)).map_err(|Failure(text)| text)
    }

    #[test]
    fn unknown_variables_are_refused_with_the_nearest() {
        let error = checked(&["PATH", "CALLBOARD_LISTENS"]).expect_err("it is none");
        assert!(error.contains("CALLBOARD_LISTENS"), "{error}");
        assert!(error.contains("did you mean CALLBOARD_LISTEN?"), "{error}");
        let error = checked(&["CALLBOARD_XYZ"]).expect_err("it is none");
        assert!(error.contains("--help"), "{error}");
    }

    #[test]
    fn variables_of_other_commands_and_of_kubernetes_are_known() {
        let known = [
            "CALLBOARD_LISTEN",
            "CALLBOARD_TOKEN",
            "CALLBOARD_CLOCKS",
            "CALLBOARD_SERVICE_HOST",
            "CALLBOARD_GATEWAY_SERVICE_PORT_GRPC",
            "CALLBOARD_PORT",
            "CALLBOARD_PORT_7070_TCP_ADDR",
            "callboard_listen",
        ];
        assert_eq!(checked(&known), Ok(()));
    }
}
