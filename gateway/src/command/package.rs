//! `callboard package`: an actor's program as the zip that Lambda wants.
//!
//! The same program makes the same zip, to the last byte.

mod archive;
mod elf;
mod toolchain;

use std::path::{Path, PathBuf};

use callboard_proto::schema::{ActorType, Schema};
use sha2::{Digest, Sha256};

use super::Failure;
use super::cargo::Crate;
use super::project::Project;
use toolchain::Toolchain;

/// What Lambda takes unzipped: 250 MB (it counts as `MiB` are counted). Zipped the limit is that
/// of a direct upload; from S3 there is none.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const UNZIPPED_BYTES_MAX: usize = 250 << 20;
const UPLOAD_BYTES_MAX: usize = 50 << 20;

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  callboard package examples/counter\n  \
    callboard package my-actors --bin billing --arch x86_64 --out billing.zip")]
pub(crate) struct Arguments {
    /// The folder with your actor's crate.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// What the function runs on.
    #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
    arch: Architecture,
    /// Which binary, when the crate has several.
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,
    /// A profile of your own, of the crate's Cargo.toml [default: optimised for size, with fat LTO
    /// and without symbols].
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Build with cargo-zigbuild, which links for the glibc of Lambda, whatever this machine has.
    #[arg(long)]
    zigbuild: bool,
    /// The zip [default: callboard/NAME-ARCH.zip in cargo's target folder].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The architectures that Lambda has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Architecture {
    #[value(name = "arm64")]
    Arm64,
    #[value(name = "x86_64")]
    X86_64,
}

impl Architecture {
    /// As Lambda calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// As compilers call it.
    fn machine(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64",
            Self::X86_64 => "x86_64",
        }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { dir, arch, bin, profile, zigbuild, out } = arguments;
    let this = Crate::open(&dir)?;
    let facts = this.facts().await?;
    let bin = which(&facts.binaries, bin)?;
    // What is missing is told before anything is built.
    let toolchain = Toolchain::find(arch, zigbuild).await?;
    let command = toolchain.command(&bin, profile.as_deref());
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    let built = this.build(&command, &toolchain.environment()).await?;
    let built = built.into_iter().find(|(name, _)| *name == bin);
    let (_, path) = built.ok_or_else(|| Failure::new(format!("cargo has not built {bin}")))?;
    let program = read(&path)?;
    let needs = elf::check(&program, arch)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    if program.len() > UNZIPPED_BYTES_MAX {
        return Err(Failure::new(format!(
            "{} has {}, and Lambda takes 250 MiB",
            path.display(),
            megabytes(program.len())
        )));
    }
    eprintln!("zipping {}", path.display());
    let zip = archive::zip(&program)?;
    let out = out.unwrap_or_else(|| {
        facts.target.join("callboard").join(format!("{bin}-{}.zip", arch.name()))
    });
    write(&out, &zip)?;

    let digest: String = Sha256::digest(&zip).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{}", out.display());
    println!("  runs on   {}, {needs}", arch.name());
    println!("  zipped    {}", megabytes(zip.len()));
    println!("  unzipped  {}", megabytes(program.len()));
    println!("  sha256    {digest}");
    if zip.len() > UPLOAD_BYTES_MAX {
        println!("  It is too large for a direct upload, which takes 50 MiB: use S3, as below.");
    }
    println!("\nnext, with a bucket of yours:\n{}", next(&dir, &bin, arch, &out, &digest));
    Ok(())
}

/// The binary that is wanted.
fn which(binaries: &[String], wanted: Option<String>) -> Result<String, Failure> {
    let all = binaries.join(", ");
    match (wanted, binaries) {
        (Some(wanted), _) if binaries.contains(&wanted) => Ok(wanted),
        (Some(wanted), _) => {
            Err(Failure::new(format!("the crate has no binary {wanted}; it has {all}")))
        }
        (None, [one]) => Ok(one.clone()),
        (None, _) => Err(Failure::new(format!("the crate has {all}; say which with --bin"))),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |error| Failure::new(format!("cannot read {}: {error}", path.display()));
    std::fs::read(path).map_err(cannot)
}

fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let cannot = |error| Failure::new(format!("cannot write {}: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), std::fs::create_dir_all).map_err(cannot)?;
    std::fs::write(path, contents).map_err(cannot)
}

fn megabytes(bytes: usize) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

/// The commands that make a function of it. Each build has a key of its own, so that a stack sees
/// that it is another one.
fn next(dir: &Path, bin: &str, arch: Architecture, zip: &Path, digest: &str) -> String {
    // Names of stacks have no underscore.
    let name = bin.replace('_', "-");
    let key = format!("{name}-{}.zip", &digest[..12]);
    let (types, arch) = (actor_types(dir, bin).unwrap_or_else(|| "TYPES".to_owned()), arch.name());
    format!(
        "  aws s3 cp {} s3://BUCKET/{key}\n  \
         aws cloudformation deploy --stack-name callboard-{name} \\\n    \
         --template-file deploy/actor.yaml --capabilities CAPABILITY_IAM --parameter-overrides \\\n    \
         FunctionName=callboard-{name} ActorTypes={types} Architecture={arch} \\\n    \
         CodeBucket=BUCKET CodeKey={key}",
        zip.display()
    )
}

/// The types that the function serves, as far as the folder tells.
fn actor_types(dir: &Path, bin: &str) -> Option<String> {
    let project = Project::open(dir).ok()?;
    let mut functions = project.functions.iter();
    let function = functions.find(|(name, entry)| entry.bin.as_ref().unwrap_or(name) == bin);
    if let Some((_, entry)) = function.filter(|(_, entry)| !entry.actors.is_empty()) {
        return Some(entry.actors.join(","));
    }
    let schema = Schema::load(&project.protos).ok()?;
    let types: Vec<_> = schema.actors().iter().map(ActorType::type_name).collect();
    Some(types.join(",")).filter(|types| !types.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_with_several_binaries_wants_to_be_told_which() {
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let of = |binaries: &[&str], wanted: Option<&str>| {
            let found = which(&names(binaries), wanted.map(str::to_owned));
            found.map_err(|Failure(text)| text)
        };
        assert_eq!(of(&["a"], None).as_deref(), Ok("a"));
        assert_eq!(of(&["a", "b"], Some("b")).as_deref(), Ok("b"));
        assert!(of(&["a", "b"], None).is_err_and(|e| e.contains("a, b") && e.contains("--bin")));
        assert!(of(&["a", "b"], Some("c")).is_err_and(|e| e.contains("no binary c")));
    }

    #[test]
    fn the_next_commands_name_what_was_made() {
        let counter = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/counter"));
        let (zip, digest) = (Path::new("a/my_counter.zip"), "0123456789abcdef");
        let text = next(counter, "my_counter", Architecture::X86_64, zip, digest);
        for part in [
            "aws s3 cp a/my_counter.zip s3://BUCKET/my-counter-0123456789ab.zip",
            "--stack-name callboard-my-counter",
            "ActorTypes=counter.v1.Counter Architecture=x86_64",
            "CodeKey=my-counter-0123456789ab.zip",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        let nowhere = next(Path::new("/nowhere"), "a", Architecture::Arm64, zip, digest);
        assert!(nowhere.contains("ActorTypes=TYPES"), "{nowhere}");
    }
}
