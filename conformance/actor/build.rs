//! Generates the trait of the handlers.

fn main() -> Result<(), callboard_build::Error> {
    callboard_build::compile_dir("../proto")
}
