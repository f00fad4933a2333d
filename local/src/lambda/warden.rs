//! Ends the children of a host that can no longer do so itself.
//!
//! A child that waits for an invocation exits by itself when its Runtime API is gone, but one in
//! the middle of a handler that never returns would outlive a host that got SIGKILL. So the host
//! keeps a shell that knows its children's process groups and reads from a pipe. The pipe closes
//! when the host ends, however it ends, and then the shell kills what is left.
//!
//! The usual ways need `unsafe` between fork and exec (`PR_SET_PDEATHSIG`, which exists on Linux
//! alone and watches a thread instead of a process) or a program that not every machine has.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;

use rustix::process::Pid;

/// `+ group` and `- group` on stdin; all that are left are killed at its end.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r change group; do
  case $change in
    +) groups="$groups$group " ;;
    -) groups="${groups%% $group *} ${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

/// Kills groups of processes when this one ends, however it ends.
#[derive(Debug)]
pub struct Warden {
    shell: Child,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Warden {
    /// One that watches nobody yet.
    ///
    /// # Errors
    ///
    /// When `/bin/sh` cannot be started.
    pub fn start() -> io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "callboard-warden"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Its own group, or Ctrl-C would reach it with the host.
            .process_group(0)
            .spawn()?;
        let pipe = Mutex::new(shell.stdin.take());
        Ok(Self { shell, pipe })
    }

    /// Kill this group if the host ends.
    pub fn watch(&self, group: Pid) {
        self.tell('+', group);
    }

    /// The group has ended.
    pub fn forget(&self, group: Pid) {
        self.tell('-', group);
    }

    fn tell(&self, change: char, group: Pid) {
        let line = format!("{change} {}\n", group.as_raw_nonzero());
        let mut pipe = self.pipe.lock().expect("nothing panics while it holds this lock");
        // A dozen bytes for a reader that does nothing else: this never waits.
        let told = pipe.as_mut().map(|pipe| pipe.write_all(line.as_bytes()));
        if let Some(Err(error)) = told {
            tracing::warn!(%error, "the warden is gone; a killed host may leave children behind");
            *pipe = None;
        }
    }
}

impl Drop for Warden {
    /// Each child holds on to the warden, so none is left now.
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    fn sleeper() -> (Child, Pid) {
        let child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let group = Pid::from_child(&child);
        (child, group)
    }

    #[test]
    fn when_the_pipe_closes_the_watched_are_killed_and_the_forgotten_are_not() {
        let mut warden = Warden::start().unwrap();
        let mut children: Vec<_> = (0..4).map(|_| sleeper()).collect();
        for (_, group) in &children {
            warden.watch(*group);
        }
        for index in [3, 1] {
            warden.forget(children[index].1);
        }
        drop(warden.pipe.lock().unwrap().take());
        assert!(warden.shell.wait().unwrap().success());

        for index in [0, 2] {
            assert_eq!(children[index].0.wait().unwrap().signal(), Some(9));
        }
        for index in [1, 3] {
            let (child, _) = &mut children[index];
            assert!(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
