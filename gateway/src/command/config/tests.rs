use std::path::Path;

use super::*;

/// A variable that Cargo sets for tests, since they cannot set one themselves.
const VARIABLE: &str = "CARGO_PKG_NAME";
const VALUE: &str = "callboard-gateway";

fn command() -> Command {
    let argument = |name: &'static str| Arg::new(name).long(name);
    let serve = Command::new("serve")
        .arg(argument(CONFIG).value_parser(clap::value_parser!(PathBuf)))
        .arg(argument("plain").default_value("the default"))
        .arg(argument("of-environment").env(VARIABLE))
        .arg(argument("number").value_parser(clap::value_parser!(u32).range(1..=9)))
        .arg(argument("needed").required(true))
        .arg(argument("needing").requires("number"))
        .arg(argument("path").value_hint(clap::ValueHint::FilePath))
        .arg(argument("switch").action(clap::ArgAction::SetTrue))
        .arg(argument("list").action(clap::ArgAction::Append).value_delimiter(','));
    let other = Command::new("other").arg(argument("plain"));
    Command::new("callboard").subcommand(serve).subcommand(other)
}

fn parsed(text: &str, flags: &[&str]) -> Result<Parsed, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.toml");
    std::fs::write(&path, text).expect("a file");
    let config = format!("--config={}", path.display());
    let mut arguments = vec!["callboard".into(), "serve".into(), config.into()];
    arguments.extend(flags.iter().map(OsString::from));
    parse(&command(), &arguments).map_err(|error| match error {
        Error::Clap(error) => error.to_string(),
        Error::Setting(Failure(text)) => text.replace(&path.display().to_string(), "FILE"),
    })
}

fn values(text: &str, flags: &[&str], id: &str) -> Vec<String> {
    let parsed = parsed(&format!("needed = \"x\"\n{text}"), flags).expect("it is valid");
    let (_, matches) = innermost(&parsed.matches);
    let values = matches.get_raw(id).into_iter().flatten();
    values.map(|value| value.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_flag_goes_before_the_environment_the_file_and_the_default() {
    let of = |text: &str, flags: &[&str], id| values(text, flags, id).concat();
    assert_eq!(of("", &[], "plain"), "the default");
    assert_eq!(of("plain = 'file'", &[], "plain"), "file");
    assert_eq!(of("plain = 'file'", &["--plain=flag"], "plain"), "flag");
    assert_eq!(of("of-environment = 'file'", &[], "of-environment"), VALUE);
    let flag = ["--of-environment", "flag"];
    assert_eq!(of("of-environment = 'file'", &flag, "of-environment"), "flag");
}

#[test]
fn what_is_required_may_stand_in_the_file() {
    assert!(parsed("", &[]).err().expect("it is missing").contains("--needed"));
    assert!(parsed("needed = 'x'", &[]).is_ok());
    assert!(parsed("needed = 'x'", &["--needing=y"]).err().expect("needs").contains("--number"));
    assert!(parsed("needed = 'x'\nnumber = 5", &["--needing=y"]).is_ok());
}

#[test]
fn each_kind_of_value_is_read() {
    assert_eq!(values("number = 7", &[], "number"), ["7"]);
    assert_eq!(values("number = '7'", &[], "number"), ["7"]);
    assert_eq!(values("switch = true", &[], "switch"), ["true"]);
    assert_eq!(values("switch = false", &[], "switch"), ["false"]);
    assert_eq!(values("list = 'a'", &[], "list"), ["a"]);
    assert_eq!(values("list = ['a', 'b']", &[], "list"), ["a", "b"]);
    assert_eq!(
        values("[list]\n'x.v1.A' = 'f'\n'x.v1.B' = 'g'", &[], "list"),
        ["x.v1.A=f", "x.v1.B=g"]
    );
    // A flag takes the place of the whole list.
    assert_eq!(values("list = ['a', 'b']", &["--list=c"], "list"), ["c"]);
    // What looks like a flag is a value all the same.
    assert_eq!(values("plain = '--number=1'", &[], "plain"), ["--number=1"]);
}

#[test]
fn paths_are_relative_to_the_file() {
    let [path] = &values("path = 'certificates/a.pem'", &[], "path")[..] else { panic!("one") };
    assert!(path.ends_with("/certificates/a.pem") && path.starts_with('/'), "{path}");
    assert_eq!(values("path = '/etc/a.pem'", &[], "path"), ["/etc/a.pem"]);
    assert_eq!(values("path = 'https://a/b'", &[], "path"), ["https://a/b"]);
    assert_eq!(values("", &["--path=a.pem"], "path"), ["a.pem"]);
}

#[test]
fn errors_in_the_file_name_file_and_line() {
    for (text, words) in [
        ("plain = 1\nplian = 2", ["FILE:2", "plian is no setting", "did you mean plain?"]),
        ("zzzzzz = 2", ["FILE:1", "zzzzzz is no setting", "callboard serve --help"]),
        ("config = 'x'", ["FILE:1", "config is no setting", ""]),
        ("help = true", ["FILE:1", "help is no setting", ""]),
        ("\nnumber = 10", ["FILE:2", "number:", "10 is not in 1..=9"]),
        ("number = [1, 2]", ["FILE:1", "number:", "one value"]),
        ("number = 2020-01-01", ["FILE:1", "number:", "not a time"]),
        ("switch = 'yes'", ["FILE:1", "switch:", "true or false"]),
        ("list = [['a']]", ["FILE:1", "list:", "one value"]),
        ("plain = 'a'\nplain = 'b'", ["FILE", "duplicate key", "line 2"]),
        ("plain", ["FILE", "line 1", ""]),
    ] {
        let error = parsed(text, &["--needed=x"]).err().expect(text);
        for word in words {
            assert!(error.contains(word), "{text}: {word} is missing in {error}");
        }
    }
}

#[test]
fn an_error_in_the_file_is_told_also_where_a_flag_goes_before_it() {
    let error = parsed("number = 10", &["--needed=x", "--number=1"]).err().expect("10 is too much");
    assert!(error.contains("FILE:1"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let arguments = ["callboard", "serve", "--config=/nowhere/a.toml"].map(OsString::from);
    let Err(Error::Setting(Failure(error))) = parse(&command(), &arguments) else {
        panic!("it is not there");
    };
    assert!(error.contains("/nowhere/a.toml"), "{error}");
}

#[test]
fn a_section_of_a_file_has_settings_and_the_rest_is_left_alone() {
    let text = "protos = 'x'\n[functions.a]\ncommand = 'b'\n[gateway]\nnumber = 10\n";
    let path = Path::new("callboard.toml");
    let of = |text: &str| File::parse(path, text.to_owned(), Layout::Project).expect("TOML");
    let command = command();
    let serve = command.find_subcommand("serve").expect("it is there");
    let error = of(text).settings(serve).map(drop).map_err(|Failure(text)| text);
    assert!(error.as_ref().is_err_and(|e| e.contains("callboard.toml:5: number")), "{error:?}");
    assert_eq!(of("protos = 'x'\n").settings(serve).map(|settings| settings.len()).ok(), Some(0));
}

#[test]
fn commands_without_settings_are_read_as_they_are() {
    let arguments = ["callboard", "other", "--plain=serve"].map(OsString::from);
    let parsed = parse(&command(), &arguments).ok().expect("it is valid");
    let (path, matches) = innermost(&parsed.matches);
    assert_eq!(path, ["other"]);
    assert_eq!(matches.get_one::<String>("plain").map(String::as_str), Some("serve"));
}

#[test]
fn what_is_shown_has_values_and_origins_and_is_a_file() {
    let text = "needed = 'x\"y'\nlist = ['a', 'b']\nnumber = 5\n";
    let parsed = parsed(text, &["--plain=5 s"]).expect("it is valid");
    let shown = show::text(&parsed);
    for line in [
        "plain = \"5 s\"  # flag",
        "of-environment = \"callboard-gateway\"  # CARGO_PKG_NAME",
        "a.toml:3",
        "# needing is not set",
        "switch = false  # default",
        "list = [\"a\", \"b\"]  # ",
    ] {
        assert!(shown.contains(line), "{line} is missing in\n{shown}");
    }
    let file = File::parse(Path::new("b.toml"), shown, Layout::Settings).expect("it is TOML");
    let command = command();
    let serve = command.find_subcommand("serve").expect("it is there");
    assert_eq!(file.settings(serve).map(|settings| settings.len()).ok(), Some(6));
}

/// Those who have settings.
fn commands() -> Vec<Command> {
    use clap::Args as _;
    vec![
        crate::command::serve::Arguments::augment_args(Command::new("serve")),
        #[cfg(feature = "local")]
        crate::command::dev::Arguments::augment_args(Command::new("dev")),
    ]
}

#[test]
fn every_setting_has_a_variable_of_its_name_and_a_heading() {
    for command in commands() {
        for argument in command.get_arguments().filter(|argument| is_setting(argument)) {
            let name = argument.get_long().expect("settings have names");
            let variable = format!("CALLBOARD_{}", name.to_uppercase().replace('-', "_"));
            let given = argument.get_env().and_then(|name| name.to_str());
            assert_eq!(given, Some(variable.as_str()), "{name}");
            assert!(argument.get_help_heading().is_some(), "{name}");
            assert!(argument.get_help().is_some(), "{name}");
        }
    }
}

/// The settings as docs/configuration.md has them.
#[cfg(feature = "local")]
fn table() -> String {
    let [serve, dev] = commands().try_into().expect("there are two");
    let settings = |command: &Command| -> Vec<Arg> {
        command.get_arguments().filter(|argument| is_setting(argument)).cloned().collect()
    };
    let (of_serve, of_dev) = (settings(&serve), settings(&dev));
    let named = |of: &[Arg], wanted: &Arg| {
        of.iter().find(|argument| argument.get_id() == wanted.get_id()).cloned()
    };
    let mut all = of_serve.clone();
    all.extend(of_dev.iter().filter(|argument| named(&of_serve, argument).is_none()).cloned());
    let mut headings: Vec<String> = Vec::new();
    let heading = |argument: &Arg| argument.get_help_heading().unwrap_or_default().to_owned();
    for argument in &all {
        if !headings.contains(&heading(argument)) {
            headings.push(heading(argument));
        }
    }
    let mut text = String::new();
    for wanted in headings {
        text +=
            &format!("\n### {wanted}\n\n| setting | default | what it is |\n| --- | --- | --- |\n");
        for argument in all.iter().filter(|argument| heading(argument) == wanted) {
            let default = |argument: &Arg| {
                let values =
                    argument.get_default_values().iter().map(|value| value.to_string_lossy());
                let values: Vec<_> = values.map(|value| format!("`{value}`")).collect();
                // That of a switch goes without saying.
                let is_switch = matches!(argument.get_action(), clap::ArgAction::SetTrue);
                if is_switch { String::new() } else { values.join(", ") }
            };
            let defaults = match (named(&of_serve, argument), named(&of_dev, argument)) {
                (Some(serve), Some(dev)) if default(&serve) != default(&dev) => {
                    format!("{}; dev: {}", default(&serve), default(&dev))
                }
                (Some(serve), Some(_)) => default(&serve),
                (Some(serve), None) => format!("{} (serve only)", default(&serve)),
                (None, _) => format!("{} (dev only)", default(argument)),
            };
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let name = argument.get_long().unwrap_or_default();
            let (defaults, help) = (defaults.trim(), help.replace('|', "\\|").replace('\n', " "));
            text += &format!("| `{name}` | {defaults} | {help} |\n");
        }
    }
    text
}

/// With `UPDATE_DOCS=1` it writes the table instead.
#[cfg(feature = "local")]
#[test]
fn the_documentation_has_every_setting() {
    const BEGIN: &str = "<!-- The settings; `UPDATE_DOCS=1 cargo test -p callboard-gateway documentation` writes them. -->\n";
    const END: &str = "\n<!-- End of the settings. -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let text = std::fs::read_to_string(path).expect("the documentation is there");
    let (before, rest) = text.split_once(BEGIN).expect("it has a beginning");
    let (written, after) = rest.split_once(END).expect("it has an end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}{BEGIN}{}{END}{after}", table());
        return std::fs::write(path, text).expect("it can be written");
    }
    assert_eq!(written, table(), "run with UPDATE_DOCS=1");
}
