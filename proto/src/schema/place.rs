//! Where an element of a .proto file is, and what its comment says.

use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::prost_types::source_code_info::Location;

/// The line and the column, from 1, of an element of a file, given its path in
/// the file's descriptor; of the closest parent whose place is known.
pub(super) fn place(file: &FileDescriptorProto, path: &[i32]) -> Option<(u32, u32)> {
    let parents = (1..=path.len()).rev().map(|length| &path[..length]);
    let location = parents.filter_map(|path| location(file, path)).next()?;
    match location.span[..] {
        [line, column, ..] => Some((from_one(line)?, from_one(column)?)),
        _ => None,
    }
}

/// The comment above an element, without the space that follows `//`; empty if
/// there is none.
pub(super) fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let comment = location(file, path).map(Location::leading_comments);
    let lines = comment.unwrap_or_default().lines();
    let lines: Vec<_> =
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

fn location<'a>(file: &'a FileDescriptorProto, path: &[i32]) -> Option<&'a Location> {
    let locations = &file.source_code_info.as_ref()?.location;
    locations.iter().find(|location| location.path == path)
}

fn from_one(number: i32) -> Option<u32> {
    u32::try_from(number).ok()?.checked_add(1)
}
