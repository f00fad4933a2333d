//! Does a program run on Lambda's Amazon Linux 2023?

use std::fmt;

use object::LittleEndian;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64, SHT_DYNSYM};
use object::read::elf::FileHeader as _;

use super::Architecture;

/// The glibc of Amazon Linux 2023.
/// <https://docs.aws.amazon.com/linux/al2023/ug/core-glibc.html>
const GLIBC: Version = Version(2, 34);

/// How many symbols are named.
const NAMED_MAX: usize = 3;

/// A version of glibc. The third number, of versions before 2.4, does not matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

/// What a program needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// `None`: no glibc.
    glibc: Option<Version>,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.glibc {
            Some(version) => write!(f, "needs glibc {version}, and Lambda has {GLIBC}"),
            None => write!(f, "needs no glibc"),
        }
    }
}

/// What a program needs, when Lambda has all of it.
pub(super) fn check(program: &[u8], arch: Architecture) -> Result<Needs, String> {
    let (machine, versions) = read(program).map_err(|error| {
        format!("this is no program of Linux with 64 bits, least significant byte first: {error}")
    })?;
    let wanted = match arch {
        Architecture::Arm64 => EM_AARCH64,
        Architecture::X86_64 => EM_X86_64,
    };
    if machine != wanted {
        return Err(format!("it is not built for {}", arch.name()));
    }
    let too_new: Vec<_> = versions.iter().filter(|needed| needed.is_too_new()).collect();
    if too_new.is_empty() {
        return Ok(Needs { glibc: versions.iter().filter_map(|needed| needed.version()).max() });
    }
    let too_new: Vec<_> = too_new.iter().map(ToString::to_string).collect();
    Err(format!(
        "Lambda's Amazon Linux 2023 has glibc {GLIBC}, and the program needs {}; build it with \
         --zigbuild (`pip install cargo-zigbuild`), or on a machine with glibc {GLIBC} or older",
        too_new.join(", ")
    ))
}

/// A version of glibc's symbols that a program names, and symbols of it.
#[derive(Debug)]
struct Needed {
    /// `GLIBC_2.34`.
    name: String,
    symbols: Vec<String>,
}

impl Needed {
    fn version(&self) -> Option<Version> {
        let mut numbers = self.name.strip_prefix("GLIBC_")?.split('.');
        let mut number = || numbers.next()?.parse().ok();
        Some(Version(number()?, number()?))
    }

    /// What is no number, such as `GLIBC_ABI_DT_RELR`, came with later ones.
    fn is_too_new(&self) -> bool {
        self.version().is_none_or(|version| version > GLIBC)
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.replacen("GLIBC_", "", 1);
        match self.symbols.as_slice() {
            [] => write!(f, "{name}"),
            symbols => write!(f, "{name} (for {})", symbols.join(", ")),
        }
    }
}

/// What it is built for, and the versions of glibc's symbols that it names.
fn read(program: &[u8]) -> object::Result<(object::elf::Machine, Vec<Needed>)> {
    let header = FileHeader64::<LittleEndian>::parse(program)?;
    let endian = header.endian()?;
    let machine = header.e_machine(endian);
    let sections = header.sections(endian, program)?;
    let mut needed = Vec::new();
    if let Some((mut libraries, link)) = sections.gnu_verneed(endian, program)? {
        let strings = sections.strings(endian, program, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                let name = String::from_utf8_lossy(version.name(endian, strings)?).into_owned();
                if name.starts_with("GLIBC_") && !needed.iter().any(|n: &Needed| n.name == name) {
                    needed.push(Needed { name, symbols: Vec::new() });
                }
            }
        }
    }
    if let Some(versions) = sections.versions(endian, program)? {
        let symbols = sections.symbols(endian, program, SHT_DYNSYM)?;
        for (index, symbol) in symbols.enumerate() {
            let Some(version) = versions.version(versions.version_index(endian, index).index())?
            else {
                continue;
            };
            let of = needed.iter_mut().find(|needed| needed.name.as_bytes() == version.name());
            if let Some(of) = of.filter(|needed| needed.symbols.len() < NAMED_MAX) {
                let name = symbols.symbol_name(endian, symbol)?;
                of.symbols.push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok((machine, needed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needed(name: &str) -> Needed {
        Needed { name: name.to_owned(), symbols: Vec::new() }
    }

    #[test]
    fn versions_are_numbers_and_not_text() {
        for name in ["GLIBC_2.2.5", "GLIBC_2.4", "GLIBC_2.17", "GLIBC_2.34"] {
            assert!(!needed(name).is_too_new(), "{name}");
        }
        for name in ["GLIBC_2.35", "GLIBC_2.100", "GLIBC_3.0", "GLIBC_ABI_DT_RELR", "GLIBC_"] {
            assert!(needed(name).is_too_new(), "{name}");
        }
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for bytes in [&b""[..], b"#!/bin/sh\n", &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]] {
            let error = check(bytes, Architecture::Arm64).expect_err("it is none");
            assert!(error.contains("no program of Linux"), "{error}");
        }
    }

    /// This test itself is a program.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_program_is_for_one_architecture_and_names_the_glibc_that_it_needs() {
        let program = std::env::current_exe().expect("it runs");
        let program = std::fs::read(program).expect("it can be read");
        let (own, other) = match cfg!(target_arch = "aarch64") {
            true => (Architecture::Arm64, Architecture::X86_64),
            false => (Architecture::X86_64, Architecture::Arm64),
        };
        let error = check(&program, other).expect_err("it is for another one");
        assert!(error.contains(&format!("not built for {}", other.name())), "{error}");
        let (_, versions) = read(&program).expect("it is a program");
        let newest = versions.iter().max_by_key(|needed| needed.version()).expect("it has glibc");
        assert!(!newest.symbols.is_empty(), "{newest:?}");
        // Whether it would run on Lambda depends on this machine.
        match check(&program, own) {
            Ok(needs) => assert_eq!(needs.glibc, newest.version()),
            Err(error) => assert!(error.contains(&newest.to_string()), "{error}"),
        }
    }
}
