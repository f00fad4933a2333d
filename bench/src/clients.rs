//! What a client adds to a bare stub of its language, and what its stream of
//! tells carries.

use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use crate::cargo::{self, Built};
use crate::dev::Dev;
use crate::report::Figure;
use crate::sample::Repetitions;
use crate::{Arguments, Result, counter, rust_client};

/// Asks of one side, before those of the other.
pub(crate) const BLOCK: u32 = 200;

/// Messages of the stream for each that is told by itself.
pub(crate) const STREAMED: u32 = 10;

/// The counters that are called.
pub(crate) const ASKS: &str = "asks";
pub(crate) const TELLS: &str = "tells";

/// How many times as long as by a bare stub an ask may take.
const RATIO_MAX: f64 = 1.15;

/// How many times the rate of tells one after the other a stream is to carry.
const STREAM_MIN: f64 = 5.0;

/// A program that measures one client. It takes the gateway's URL, the calls and
/// the repetitions, and writes [`Measured`] as JSON.
struct Program {
    name: &'static str,
    /// For `clients/test`, which makes it ready.
    language: &'static str,
    /// `{clients}` is the folder of the clients, `{target}` that of what they build.
    command: &'static [&'static str],
}

/// All but that of Rust, which is a part of the bench.
const PROGRAMS: [Program; 5] = [
    Program { name: "Go", language: "go", command: &["{target}/go/bench"] },
    Program {
        name: "Java",
        language: "java",
        command: &[
            "java",
            "-XX:+UseSerialGC",
            "-Xmx256m",
            "-cp",
            "{target}/java/conformance/driver.jar",
            "dev.callboard.bench.Main",
        ],
    },
    Program {
        name: "Python",
        language: "python",
        command: &["{target}/python/venv/bin/python", "{clients}/python/bench.py", "sync"],
    },
    Program {
        name: "asyncio",
        language: "python",
        command: &["{target}/python/venv/bin/python", "{clients}/python/bench.py", "asyncio"],
    },
    Program {
        name: "TypeScript",
        language: "typescript",
        command: &["node", "{target}/typescript/dist/bench/main.js"],
    },
];

/// A figure of each repetition.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Measured {
    /// The median of asks by a bare stub, in µs.
    pub(crate) bare: Vec<f64>,
    /// The same by the client.
    pub(crate) client: Vec<f64>,
    /// Tells in a second, one after the other.
    pub(crate) tells: Vec<f64>,
    /// The same in a stream.
    pub(crate) stream: Vec<f64>,
}

/// Fails when something is not built. It is to be known before minutes have gone
/// by.
pub(crate) fn are_ready(built: &Built) -> Result<()> {
    for program in &PROGRAMS {
        let words = program.words(built)?;
        let files = words.iter().map(PathBuf::from).filter(|word| word.is_absolute());
        if let Some(missing) = files.into_iter().find(|file| !file.exists()) {
            let (missing, language) = (missing.display(), program.language);
            return Err(format!("{missing} is missing; run `clients/test {language}`").into());
        }
    }
    Ok(())
}

/// Each client has a gateway of its own, and all of them have the same data then.
pub(crate) async fn measure(built: &Built, given: &Arguments) -> Result<Vec<Figure>> {
    let (calls, repetitions) = (given.calls.next_multiple_of(BLOCK), given.repetitions);
    let mut figures = Vec::new();
    for program in &PROGRAMS {
        let dev = Dev::start(built, false).await?;
        let measured = program.run(built, dev.url(), calls, repetitions).await?;
        end(dev, calls, repetitions).await?;
        figures.extend(figures_of(program.name, &measured, repetitions)?);
    }
    let dev = Dev::start(built, false).await?;
    let measured = rust_client::measure(dev.url(), calls, repetitions).await?;
    end(dev, calls, repetitions).await?;
    figures.extend(figures_of("Rust", &measured, repetitions)?);
    Ok(figures)
}

impl Program {
    /// Its command, with paths.
    fn words(&self, built: &Built) -> Result<Vec<String>> {
        let clients = cargo::folder("clients")?;
        let target = built.target.join("clients");
        let word = |word: &&str| {
            let word = word.replace("{clients}", &clients.to_string_lossy());
            word.replace("{target}", &target.to_string_lossy())
        };
        Ok(self.command.iter().map(word).collect())
    }

    async fn run(
        &self,
        built: &Built,
        url: &str,
        calls: u32,
        repetitions: u32,
    ) -> Result<Measured> {
        let Self { name, language, .. } = self;
        let words = self.words(built)?;
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args([url, &calls.to_string(), &repetitions.to_string()]);
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = command.output().await.map_err(|error| {
            format!("{} does not start: {error}; see `clients/test {language}`", words[0])
        })?;
        if !output.status.success() {
            return Err(format!(
                "the program for {name} fails, see above; `clients/test {language}` makes it anew"
            )
            .into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// Makes sure that each message was handled once, and stops the gateway.
async fn end(dev: Dev, calls: u32, repetitions: u32) -> Result<()> {
    let mut stub = dev.stub().await?;
    // One repetition is to warm up.
    let of_each = i64::from(calls) * i64::from(repetitions + 1);
    for (counter, messages) in [(ASKS, 2), (TELLS, 1 + i64::from(STREAMED))] {
        if counter::value(&mut stub, counter).await? != messages * of_each {
            return Err(format!("the counter `{counter}` did not count every message once").into());
        }
    }
    dev.stop().await?;
    Ok(())
}

fn figures_of(name: &str, measured: &Measured, repetitions: u32) -> Result<Vec<Figure>> {
    let Measured { bare, client, tells, stream } = measured;
    if [bare, client, tells, stream].iter().any(|all| all.len() != repetitions as usize) {
        return Err(format!("the program for {name} has not measured each repetition").into());
    }
    let figure = |what: &str, unit, figures: &[f64]| {
        let repetitions: Repetitions = figures.iter().copied().collect();
        Figure::new("clients", format!("{name:<11}{what}"), unit, &repetitions)
    };
    let ratio = |above: &[f64], below: &[f64]| -> Vec<f64> {
        above.iter().zip(below).map(|(above, below)| above / below).collect()
    };
    Ok(vec![
        figure("an ask, p50", "µs", client),
        figure("  by a bare stub", "µs", bare),
        figure("  client / stub", "x", &ratio(client, bare)).at_most(RATIO_MAX),
        figure("tells in a TellStream, 64 open", "/s", stream),
        figure("  tells one after the other", "/s", tells),
        figure("  stream / one after the other", "x", &ratio(stream, tells)).at_least(STREAM_MIN),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_what_makes_it() {
        let nowhere = PathBuf::from("/nowhere");
        let built = Built { callboard: nowhere.clone(), counter: nowhere.clone(), target: nowhere };
        let error = are_ready(&built).expect_err("nothing is built there").to_string();
        assert_eq!(error, "/nowhere/clients/go/bench is missing; run `clients/test go`");
    }

    #[test]
    fn a_program_that_measures_too_little_is_told() {
        let measured: Measured =
            serde_json::from_str(r#"{"bare":[2.0],"client":[3.0],"tells":[1.0],"stream":[6.0]}"#)
                .expect("as the programs write it");
        assert_eq!(figures_of("Go", &measured, 1).expect("there is one").len(), 6);
        assert!(figures_of("Go", &measured, 2).is_err());
    }
}
