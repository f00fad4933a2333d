//! A process that is killed, frozen and thawed.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process. Its signals never reach another one, even when it has ended and
/// the system has given its number away again.
#[derive(Debug)]
pub(super) struct Victim {
    pid: u32,
    handle: OwnedFd,
}

impl Victim {
    /// The process with this number.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let raw = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { pid, handle: pidfd_open(raw, PidfdFlags::empty())? })
    }

    /// The children of this process that run a program, the oldest numbers first.
    pub(super) fn all_of(program: &Path) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // The handle first: what is then read of the number is of this process or of none.
            let Ok(victim) = Self::of(pid) else { continue };
            let runs_it = fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if runs_it && parent(&stat) == Some(std::process::id()) {
                all.push(victim);
            }
        }
        all.sort_by_key(Self::pid);
        Ok(all)
    }

    /// Its number.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// SIGKILL: it ends without another instruction.
    pub(super) fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// SIGSTOP: it does nothing until it is thawed, and its timers go on.
    pub(super) fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT: it goes on where it was.
    pub(super) fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.handle, signal)?)
    }
}

/// The parent in `/proc/PID/stat`, `7 (a name) S 1 …`.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_is_found_by_its_program_and_ends_when_it_is_killed() {
        let program = Path::new("/bin/sleep").canonicalize().expect("it is there");
        let mut child = Command::new(&program).arg("600").spawn().expect("it starts");
        let found = Victim::all_of(&program).expect("/proc is there");
        let [victim] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(victim.pid(), child.id());

        victim.freeze().expect("it is alive");
        victim.thaw().expect("it is alive");
        victim.kill().expect("it is alive");
        child.wait().expect("it has ended");
        victim.kill().expect_err("nobody is left");
        assert!(Victim::all_of(&program).expect("/proc is there").is_empty());
    }

    #[test]
    fn a_name_may_hold_spaces_and_parentheses() {
        assert_eq!(parent("7 (a (b) c) S 42 7 7"), Some(42));
    }
}
