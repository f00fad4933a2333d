//! Processes and their memory, as Linux's /proc tells them.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;

/// Asks a process to end.
pub(crate) fn terminate(pid: u32) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("it is no process id")?;
    Ok(kill_process(pid, Signal::TERM)?)
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    memory(pid, "VmRSS:")
}

/// The most resident memory that a process has had, in bytes.
pub(crate) fn peak(pid: u32) -> Result<u64> {
    memory(pid, "VmHWM:")
}

pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn memory(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    bytes(&status, name).ok_or_else(|| format!("/proc/{pid}/status tells no {name}").into())
}

/// The processes of this name below another one.
pub(crate) fn descendants(of: u32, name: &str) -> Result<Vec<u32>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // It may have ended since.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        all.extend(name_and_parent(&stat).map(|(name, parent)| (pid, name.to_owned(), parent)));
    }
    let mut family = vec![of];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(all.iter().filter(|(_, _, of)| *of == parent).map(|(pid, ..)| *pid));
        next += 1;
    }
    let named = |pid: &u32| all.iter().any(|(other, its, _)| other == pid && its == name);
    Ok(family.into_iter().skip(1).filter(named).collect())
}

/// In `proc/PID/stat`: `7 (a name) S 1 …`.
fn name_and_parent(stat: &str) -> Option<(&str, u32)> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    Some((name, rest.split_ascii_whitespace().nth(1)?.parse().ok()?))
}

/// In `proc/PID/status`: `VmRSS:    12 kB`.
fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_spaces_and_parentheses() {
        assert_eq!(name_and_parent("7 (a (b) c) S 42 7 7"), Some(("a (b) c", 42)));
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tcounter\nVmHWM:\t 9 kB\nVmRSS:\t   12 kB\nThreads:\t1\n";
        assert_eq!(bytes(status, "VmRSS:"), Some(12 * 1024));
        assert_eq!(bytes(status, "VmHWM:"), Some(9 * 1024));
        assert!(resident(std::process::id()).expect("this process has memory") > 0);
    }

    #[test]
    fn a_process_has_no_descendants_of_a_name_that_nobody_has() {
        let found = descendants(std::process::id(), "nobody's").expect("/proc is there");
        assert!(found.is_empty());
    }
}
