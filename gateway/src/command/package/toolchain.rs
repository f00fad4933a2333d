//! How this machine builds for Lambda, or what it lacks for that.

use std::process::Stdio;

use tokio::process::Command;

use super::Architecture;
use crate::command::Failure;

/// The settings of a function that is small, so that a cold start has little to load. They are
/// given to cargo, since a user's workspace need not have them.
const PROFILE: [&str; 5] = [
    r#"profile.function.inherits="release""#,
    r#"profile.function.opt-level="s""#,
    r#"profile.function.lto="fat""#,
    "profile.function.codegen-units=1",
    "profile.function.strip=true",
];

/// The glibc that cargo-zigbuild links for.
const GLIBC: &str = "2.34";

/// How to build for an architecture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Toolchain {
    arch: Architecture,
    way: Way,
}

#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// As always: this machine is like the function's.
    Native,
    /// Across, with a linker that cargo has been told of.
    Told,
    /// Across, with this linker.
    Linker(String),
    /// With cargo-zigbuild.
    Zigbuild,
}

/// What this machine has.
#[derive(Clone, Debug, Default)]
struct Machine {
    /// It is like the function's.
    is_alike: bool,
    /// Rust's standard library for the target is there.
    has_target: bool,
    /// The environment names a linker for the target.
    is_told: bool,
    has_gcc: bool,
    has_zigbuild: bool,
    /// `apt-get` is there: Debian, Ubuntu and the like.
    has_apt: bool,
}

impl Toolchain {
    /// Finds a way.
    pub(super) async fn find(arch: Architecture, zigbuild: bool) -> Result<Self, Failure> {
        let machine = Machine {
            is_alike: cfg!(all(target_os = "linux", target_env = "gnu"))
                && std::env::consts::ARCH == arch.machine(),
            has_target: has_target(arch).await,
            is_told: std::env::var_os(linker_variable(arch)).is_some(),
            has_gcc: is_program(&gcc(arch)),
            has_zigbuild: is_program("cargo-zigbuild"),
            has_apt: is_program("apt-get"),
        };
        Self::choose(arch, zigbuild, &machine).map_err(Failure::new)
    }

    fn choose(arch: Architecture, zigbuild: bool, machine: &Machine) -> Result<Self, String> {
        let way = match machine {
            Machine { has_zigbuild, .. } if zigbuild => has_zigbuild.then_some(Way::Zigbuild),
            Machine { is_alike: true, .. } => return Ok(Self { arch, way: Way::Native }),
            Machine { is_told: true, .. } => Some(Way::Told),
            Machine { has_gcc: true, .. } => Some(Way::Linker(gcc(arch))),
            Machine { has_zigbuild, .. } => has_zigbuild.then_some(Way::Zigbuild),
        };
        let mut missing = Vec::new();
        if !machine.has_target {
            missing.push(format!("rustup target add {}", triple(arch)));
        }
        match way {
            Some(way) if machine.has_target => return Ok(Self { arch, way }),
            Some(_) => {}
            None if machine.has_apt && !zigbuild => missing.push(match arch {
                Architecture::Arm64 => {
                    "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross".to_owned()
                }
                Architecture::X86_64 => {
                    "apt-get install gcc-x86-64-linux-gnu libc6-dev-amd64-cross".to_owned()
                }
            }),
            None => missing.push("pip install cargo-zigbuild".to_owned()),
        }
        Err(format!(
            "this machine lacks what builds for {}; install it:\n  {}\nA linker of yours goes into \
             {}",
            arch.name(),
            missing.join("\n  "),
            linker_variable(arch)
        ))
    }

    /// The command of cargo that builds a binary.
    pub(super) fn command(&self, bin: &str, profile: Option<&str>) -> Vec<String> {
        let triple = triple(self.arch);
        let mut command = match self.way {
            Way::Native => vec!["build".to_owned()],
            Way::Told | Way::Linker(_) => vec!["build".to_owned(), format!("--target={triple}")],
            Way::Zigbuild => vec!["zigbuild".to_owned(), format!("--target={triple}.{GLIBC}")],
        };
        command.push(format!("--bin={bin}"));
        command.push(format!("--profile={}", profile.unwrap_or("function")));
        if profile.is_none() {
            command.extend(PROFILE.map(|setting| format!("--config={setting}")));
        }
        command
    }

    /// Variables that go with it.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        match &self.way {
            Way::Linker(linker) => vec![(linker_variable(self.arch), linker.clone())],
            Way::Native | Way::Told | Way::Zigbuild => Vec::new(),
        }
    }
}

fn triple(arch: Architecture) -> String {
    format!("{}-unknown-linux-gnu", arch.machine())
}

fn gcc(arch: Architecture) -> String {
    format!("{}-linux-gnu-gcc", arch.machine())
}

/// The variable that tells cargo which linker to use.
fn linker_variable(arch: Architecture) -> String {
    format!("CARGO_TARGET_{}_LINKER", triple(arch).to_uppercase().replace('-', "_"))
}

/// Whether Rust can build for it, with or without rustup.
async fn has_target(arch: Architecture) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target"]).arg(triple(arch));
    let output = rustc.stdin(Stdio::null()).stderr(Stdio::null()).output().await;
    output.is_ok_and(|output| {
        let path = String::from_utf8_lossy(&output.stdout);
        output.status.success() && std::path::Path::new(path.trim()).is_dir()
    })
}

/// Whether a program is on the path.
fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARM64: Architecture = Architecture::Arm64;

    fn way(zigbuild: bool, machine: Machine) -> Result<Way, String> {
        Toolchain::choose(ARM64, zigbuild, &machine).map(|toolchain| toolchain.way)
    }

    #[test]
    fn the_nearest_way_is_taken() {
        let all = Machine {
            is_alike: true,
            has_target: true,
            is_told: true,
            has_gcc: true,
            has_zigbuild: true,
            has_apt: true,
        };
        assert_eq!(way(false, all.clone()), Ok(Way::Native));
        assert_eq!(way(true, all.clone()), Ok(Way::Zigbuild));
        let other = Machine { is_alike: false, ..all };
        assert_eq!(way(false, other.clone()), Ok(Way::Told));
        let untold = Machine { is_told: false, ..other };
        assert_eq!(way(false, untold.clone()), Ok(Way::Linker("aarch64-linux-gnu-gcc".to_owned())));
        assert_eq!(way(false, Machine { has_gcc: false, ..untold }), Ok(Way::Zigbuild));
    }

    #[test]
    fn what_is_missing_is_told_as_commands() {
        let debian = Machine { has_apt: true, ..Machine::default() };
        let error = way(false, debian.clone()).expect_err("nothing is there");
        for line in [
            "for arm64",
            "\n  rustup target add aarch64-unknown-linux-gnu\n",
            "\n  apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross\n",
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
        ] {
            assert!(error.contains(line), "{line} is missing in {error}");
        }
        let error = way(false, Machine { has_target: true, ..debian.clone() }).expect_err("no gcc");
        assert!(error.contains("apt-get") && !error.contains("rustup"), "{error}");
        let error = way(false, Machine { has_gcc: true, ..debian.clone() }).expect_err("no target");
        assert!(error.contains("rustup") && !error.contains("apt-get"), "{error}");
        for (zigbuild, machine) in [(false, Machine::default()), (true, debian)] {
            let error = way(zigbuild, machine).expect_err("nothing is there");
            assert!(error.contains("pip install cargo-zigbuild"), "{error}");
        }
    }

    #[test]
    fn cargo_is_told_the_profile_unless_the_user_has_one() {
        let native = Toolchain { arch: ARM64, way: Way::Native };
        let command = native.command("counter", None).join(" ");
        assert!(
            command.starts_with("build --bin=counter --profile=function --config="),
            "{command}"
        );
        assert!(command.contains(r#"--config=profile.function.lto="fat""#), "{command}");
        assert_eq!(native.command("a", Some("b")), ["build", "--bin=a", "--profile=b"]);
        let zig = Toolchain { arch: ARM64, way: Way::Zigbuild }.command("a", Some("b"));
        assert_eq!(zig[..2], ["zigbuild", "--target=aarch64-unknown-linux-gnu.2.34"]);
        let across = Toolchain { arch: ARM64, way: Way::Linker("ld".to_owned()) };
        assert_eq!(across.command("a", Some("b"))[1], "--target=aarch64-unknown-linux-gnu");
        let variable = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER";
        assert_eq!(across.environment(), [(variable.to_owned(), "ld".to_owned())]);
    }
}
