//! What is different between two schemas, for whoever reloads one.

use std::fmt;

use callboard_proto::schema::{ActorType, Method, Schema};

/// How one schema differs from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The actor types that are new.
    pub new_types: Vec<String>,
    /// The actor types that are no longer there.
    pub gone_types: Vec<String>,
    /// What happened to methods of those that stay, `bank.v1.Account has a new method Close`.
    pub methods: Vec<String>,
}

impl Changes {
    /// The changes from one schema to the next.
    #[must_use]
    pub fn between(before: &Schema, after: &Schema) -> Self {
        let mut changes = Self::default();
        for actor in after.actors() {
            let name = actor.type_name();
            match before.actor(name) {
                None => changes.new_types.push(name.to_owned()),
                Some(old) => changes.methods(old, actor),
            }
        }
        let gone = before.actors().iter().map(ActorType::type_name);
        let gone = gone.filter(|name| after.actor(name).is_none());
        changes.gone_types = gone.map(str::to_owned).collect();
        changes
    }

    fn methods(&mut self, before: &ActorType, after: &ActorType) {
        let name = after.type_name();
        for method in after.methods() {
            let told = match before.method(method.name()) {
                None => "has a new method",
                Some(old) if !is_same(old, method) => "has another method",
                Some(_) => continue,
            };
            self.methods.push(format!("{name} {told} {}", method.name()));
        }
        for method in before.methods() {
            if after.method(method.name()).is_none() {
                self.methods.push(format!("{name} has lost its method {}", method.name()));
            }
        }
    }
}

/// In one line.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let new = self.new_types.iter().map(|name| format!("{name} is new"));
        let gone = self.gone_types.iter().map(|name| format!("{name} is gone"));
        let all: Vec<_> = new.chain(gone).chain(self.methods.iter().cloned()).collect();
        match all.is_empty() {
            true => f.write_str("no actor type has come or gone, and no method"),
            false => f.write_str(&all.join("; ")),
        }
    }
}

/// Whether a method is called as before. What is in its messages is not looked at.
fn is_same(before: &Method, after: &Method) -> bool {
    let of = |method: &Method| {
        let names = (method.input().full_name().to_owned(), method.output().full_name().to_owned());
        (method.kind(), method.is_read_only(), method.is_internal(), names)
    };
    of(before) == of(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(services: &str) -> Schema {
        let source = format!(
            r#"syntax = "proto3"; package t; import "callboard/v1/options.proto";
            message Request {{ string key = 1 [(callboard.v1.field) = {{ key: true }}]; }}
            message Response {{}}
            {services}"#
        );
        Schema::compile_sources(&[("t.proto", &source)]).expect("valid")
    }

    fn actor(name: &str, methods: &[&str]) -> String {
        let rpc = |name: &&str| format!("rpc {name}(Request) returns (Response);");
        let methods: String = methods.iter().map(rpc).collect();
        format!("service {name} {{ option (callboard.v1.actor) = {{}}; {methods} }}")
    }

    #[test]
    fn types_and_methods_that_come_and_go_are_told_in_one_line() {
        let before = schema(&(actor("A", &["One", "Two"]) + &actor("B", &["One"])));
        let after = schema(&(actor("A", &["One", "Three"]) + &actor("C", &["One"])));
        let changes = Changes::between(&before, &after);
        assert_eq!(changes.new_types, ["t.C"]);
        assert_eq!(changes.gone_types, ["t.B"]);
        assert_eq!(
            changes.to_string(),
            "t.C is new; t.B is gone; t.A has a new method Three; t.A has lost its method Two"
        );
        let none = Changes::between(&before, &before);
        assert_eq!(none, Changes::default());
        assert!(none.to_string().starts_with("no actor type"));
    }

    #[test]
    fn an_ask_that_becomes_a_tell_is_another_method() {
        let tell = "service A { option (callboard.v1.actor) = {}; rpc One(Request) returns \
                    (Response) { option (callboard.v1.handler) = { tell: true }; } }";
        let changes = Changes::between(&schema(&actor("A", &["One"])), &schema(tell));
        assert_eq!(changes.methods, ["t.A has another method One"]);
    }
}
