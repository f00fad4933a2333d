//! The names that prost-build gives to what is in a .proto file.
//!
//! prost-build keeps the functions to itself; the golden files tell when its
//! names become others.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// The name of a field, a method or a module.
pub(crate) fn snake(name: &str) -> String {
    sanitized(name.to_snake_case())
}

/// The name of a message or an enum.
pub(crate) fn upper_camel(name: &str) -> String {
    sanitized(name.to_upper_camel_case())
}

/// The name of a constant, made from that of a method.
pub(crate) fn screaming(method: &str) -> String {
    method.trim_start_matches("r#").to_uppercase()
}

fn sanitized(name: String) -> String {
    match name.as_str() {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => format!("r#{name}"),
        // No raw identifiers.
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        number if number.starts_with(char::is_numeric) => format!("_{name}"),
        _ => name,
    }
}
