//! The clocks of processes, moved from outside.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Result;

/// The library that goes under the processes.
const SOURCE: &str = include_str!("clock.c");

/// The variable in which the library finds the folder for its files.
const FOLDER_VARIABLE: &str = "CALLBOARD_CLOCKS";

/// What `LD_PRELOAD` takes for the end of a path.
const SEPARATORS: [char; 2] = [' ', ':'];

/// Moves the wall clocks of the processes that were started with
/// [`variables`](Self::variables), each by its own file.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    folder: PathBuf,
    library: PathBuf,
}

impl Clocks {
    /// Compiles the library into a folder that exists.
    pub(super) fn build(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize()?;
        if folder.to_string_lossy().contains(SEPARATORS) {
            let folder = folder.display();
            return Err(format!("{folder} has a space or a colon; choose another --dir").into());
        }
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        fs::write(&source, SOURCE)?;
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o"]).arg(&library).arg(&source);
        let status = cc.stdin(Stdio::null()).status();
        let status = status.map_err(|error| {
            format!(
                "cannot run cc: {error}; install a C compiler (apt-get install build-essential)"
            )
        })?;
        if !status.success() {
            return Err("the library under the clocks does not compile; see above".into());
        }
        Ok(Self { folder, library })
    }

    /// What a process needs in its environment so that its clock can be moved.
    pub(super) fn variables(&self) -> [(&'static str, OsString); 2] {
        [("LD_PRELOAD", self.library.clone().into()), (FOLDER_VARIABLE, self.folder.clone().into())]
    }

    /// Whether a process has a clock that can be moved.
    pub(super) fn has(&self, pid: u32) -> bool {
        self.file(pid).exists()
    }

    /// Puts a process's clock ahead, or back when it is negative, of the true
    /// time by so many milliseconds.
    pub(super) fn set(&self, pid: u32, ahead_ms: i64) -> io::Result<()> {
        let file = File::options().write(true).open(self.file(pid))?;
        file.write_all_at(&ahead_ms.to_ne_bytes(), 0)
    }

    fn file(&self, pid: u32) -> PathBuf {
        self.folder.join(format!("clock.{pid}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::time::{Duration, SystemTime};

    /// Set where this test program is to be the process with the clock.
    const IS_ASKED: &str = "CALLBOARD_PROOF_TELLS_THE_TIME";

    /// What its lines begin with; the test harness prints others.
    const MARK: &str = "time: ";

    fn now_ms() -> i64 {
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is past 1970");
        now.as_millis().try_into().expect("the year is not 292,000,000")
    }

    /// No test by itself: the program that the test below starts.
    #[test]
    fn says_what_time_it_is_when_asked() {
        if std::env::var_os(IS_ASKED).is_some() {
            for _ in io::stdin().lines() {
                println!("{MARK}{}", now_ms());
            }
        }
    }

    #[test]
    fn the_clock_of_a_running_process_moves_and_ours_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let clocks = Clocks::build(folder.path()).expect("cc is there");
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "chaos::clock::tests::says_what_time_it_is_when_asked",
                "--nocapture",
            ])
            .env(IS_ASKED, "yes")
            .envs(clocks.variables())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut asked = process.stdin.take().expect("it is piped");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let mut ahead_ms = || {
            asked.write_all(b"\n").expect("it listens");
            let told = lines.by_ref().find_map(|line| {
                // The harness has begun a line of its own before the first of ours.
                Some(line.expect("a line").split_once(MARK)?.1.parse::<i64>().expect("a time"))
            });
            told.expect("it answers") - now_ms()
        };
        let mut is_about = |expected: i64| {
            let slack = Duration::from_secs(2).as_millis().try_into().expect("it is small");
            let told: i64 = ahead_ms();
            assert!((told - expected).abs() < slack, "{told} ms instead of {expected} ms");
        };
        is_about(0);
        assert!(clocks.has(process.id()));
        for ahead_ms in [90_500, -3_600_250, 0] {
            clocks.set(process.id(), ahead_ms).expect("its file is there");
            is_about(ahead_ms);
        }
        assert!(!clocks.has(std::process::id()));
        process.kill().expect("it is alive");
        process.wait().expect("it is dead");
    }
}
