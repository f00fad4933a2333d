//! The zip: one file, which depends on nothing but the program.

use std::io::{Cursor, Write as _};

use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// What Lambda's runtimes without a language start.
const NAME: &str = "bootstrap";

/// A file that all may read and run.
const MODE: u32 = 0o755;

/// As small as deflate makes it.
const LEVEL: i64 = 9;

/// A zip with a program.
pub(super) fn zip(program: &[u8]) -> ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(LEVEL))
        // The first time that there is, whenever it was built.
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(MODE);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(NAME, options)?;
    zip.write_all(program)?;
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn a_zip_has_the_program_and_is_the_same_each_time() {
        let program = b"a program ".repeat(1_000);
        let bytes = zip(&program).expect("memory takes it");
        assert!(bytes.len() < program.len() / 10, "it is compressed");
        let mut archive = ZipArchive::new(Cursor::new(&bytes)).expect("it is a zip");
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_name("bootstrap").expect("it is there");
        assert_eq!(file.unix_mode().map(|mode| mode & 0o777), Some(MODE));
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).expect("it can be read");
        assert_eq!(contents, program);
        assert_eq!(zip(&program).expect("memory takes it"), bytes);
    }
}
