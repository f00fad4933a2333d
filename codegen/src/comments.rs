//! The comments of a .proto file, made safe to be Rust documentation.
//!
//! rustdoc takes an indented example, and one in a fence that names no
//! language, for Rust: `cargo test` of the user's crate would compile it.

use prost_types::FileDescriptorProto;

/// Marks what looks like code in the comments as plain text.
pub(crate) fn tame(file: &mut FileDescriptorProto) {
    let locations = file.source_code_info.iter_mut().flat_map(|info| &mut info.location);
    for location in locations {
        let comments = [&mut location.leading_comments, &mut location.trailing_comments];
        for comment in comments.into_iter().flatten() {
            *comment = tamed(comment);
        }
    }
}

/// Where a line is.
#[derive(PartialEq)]
enum Within {
    Text,
    /// Between fences; the string is how they begin.
    Fence(&'static str),
    /// In a block that is indented by 4 or more.
    Indented,
}

fn tamed(comment: &str) -> String {
    // As Markdown counts them.
    let comment = comment.replace('\t', "    ");
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let is_blank = |line: &str| line.trim().is_empty();
    let margin = comment.lines().filter(|line| !is_blank(line)).map(indent).min();
    let margin = margin.unwrap_or_default();

    let mut tamed: Vec<String> = Vec::new();
    let mut within = Within::Text;
    let mut after_blank = true;
    for line in comment.lines() {
        let text = line.trim();
        let code = !is_blank(line) && indent(line) >= margin + 4;
        if within == Within::Indented && !code && !is_blank(line) {
            // The end belongs before the blank lines that follow the block.
            let end = tamed.iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
            tamed.insert(end, format!("{}```", " ".repeat(margin)));
            within = Within::Text;
        }
        let fence = ["```", "~~~"].into_iter().find(|fence| text.starts_with(fence));
        match (&within, fence) {
            (Within::Text, Some(fence)) => {
                tamed.push(opened(line, fence));
                within = Within::Fence(fence);
            }
            (Within::Fence(open), Some(fence)) if *open == fence => {
                tamed.push(line.to_owned());
                within = Within::Text;
            }
            (Within::Text, _) if code && after_blank => {
                tamed.push(format!("{}```text", " ".repeat(margin)));
                tamed.push(line[4..].to_owned());
                within = Within::Indented;
            }
            (Within::Indented, _) if code => tamed.push(line[4..].to_owned()),
            _ => tamed.push(line.to_owned()),
        }
        after_blank = is_blank(line);
    }
    if within == Within::Indented {
        tamed.push(format!("{}```", " ".repeat(margin)));
    }
    tamed.join("\n")
}

/// The opening line of a fence, with a language that rustdoc does not compile.
fn opened(line: &str, fence: &str) -> String {
    let (before, language) = line.split_once(fence).expect("the line has the fence");
    match language.trim() {
        "" => format!("{before}{fence}text"),
        "rust" => format!("{before}{fence}rust,ignore"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::tamed;

    #[test]
    fn code_becomes_text() {
        let cases = [
            ("plain", " One.\n\n Two.\n   Three.", " One.\n\n Two.\n   Three."),
            (
                "indented",
                " Like this:\n\n     call()\n\n     again()\n\n Done.",
                " Like this:\n\n ```text\n call()\n\n again()\n ```\n\n Done.",
            ),
            ("indented at the end", " A\n\n     b()", " A\n\n ```text\n b()\n ```"),
            ("tabs", "\tA:\n\n\t\tb()", "    A:\n\n    ```text\n    b()\n    ```"),
            ("a list goes on", " - one\n       more", " - one\n       more"),
            ("a fence", " ```\n a()\n ```\n b", " ```text\n a()\n ```\n b"),
            ("a fence of Rust", " ~~~rust\n a()\n ~~~", " ~~~rust,ignore\n a()\n ~~~"),
            ("a fence of JSON", " ```json\n {}\n ```", " ```json\n {}\n ```"),
            ("indented in a fence", " ```\n\n     a\n ```", " ```text\n\n     a\n ```"),
        ];
        for (name, comment, expected) in cases {
            assert_eq!(tamed(comment), expected, "{name}");
        }
    }
}
