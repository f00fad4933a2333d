//! What rustc says of the mistakes that an actor's author makes: each file in
//! `ui` is one, and beside it is what it gets to read.
//!
//! Another version of rustc may word it otherwise. To look at the messages and
//! take them over: `TRYBUILD=overwrite cargo test -p callboard-build --test ui`.

#[test]
fn mistakes_get_errors_that_teach() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
