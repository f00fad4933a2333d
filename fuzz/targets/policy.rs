//! The policy: a text that is no policy is refused, an empty one allows nothing, a rule
//! more takes nothing away; and what patterns mean is what a simple reading says. The
//! input is lines: a pattern, a key or a name, what the caller claims, and the policy's
//! text.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use callboard_gateway::access::policy::{Deed, Policy};
use callboard_gateway::access::{Claim, Principal};
use libfuzzer_sys::fuzz_target;

const ONE_MORE: &str = "\n[[allow]]\nwho = [\"key:somebody-else\"]\nreflection = true\n";

static NOTHING: LazyLock<Policy> = LazyLock::new(|| Policy::parse("").expect("it may be empty"));

/// Everybody may call the actor that has his name; or those whose key begins with it.
static OWN: LazyLock<Policy> =
    LazyLock::new(|| policy("*", "*", "${sub}").expect("it is a policy"));
static OWN_AND_MORE: LazyLock<Policy> =
    LazyLock::new(|| policy("*", "*", "${sub}/*").expect("it is a policy"));

fn quoted(text: &str) -> String {
    let escaped = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => character.to_string(),
        other => format!("\\U{:08X}", u32::from(other)),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

fn policy(who: &str, methods: &str, keys: &str) -> Result<Policy, String> {
    Policy::parse(&format!(
        "[[allow]]\nwho = [{}]\nactors = [\"a.B\"]\nmethods = [{}]\nkeys = [{}]\n",
        quoted(who),
        quoted(methods),
        quoted(keys)
    ))
}

/// Whether a pattern with stars means a text, told one character after the other.
fn means(pattern: &[char], text: &[char]) -> bool {
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for one in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match one {
                '*' => fits[at] || (at > 0 && next[at - 1]),
                one => at > 0 && fits[at - 1] && text[at - 1] == *one,
            };
        }
        fits = next;
    }
    fits[text.len()]
}

fn deed<'a>(method: &'a str, key: &'a str, key_fields: usize) -> Deed<'a> {
    Deed { actor_type: "a.B", method, key: Some(key), key_fields }
}

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (pattern, text, sub, file) = (line(), line(), line(), line());
    let claims = BTreeMap::from([("sub".to_owned(), Claim::Text(sub.to_owned()))]);
    let caller = Principal { name: format!("jwt:{sub}").as_str().into(), claims, expires: None };

    let wanted = deed(text, text, 1);
    assert!(NOTHING.allows(&caller, &wanted).is_err());
    assert!(!NOTHING.allows_admin(&caller, text) && !NOTHING.allows_reflection(&caller));

    // Whatever file it is, one more rule for somebody else changes nothing for this one.
    if let Ok(parsed) = Policy::parse(file)
        && let Ok(more) = Policy::parse(&format!("{file}{ONE_MORE}"))
    {
        for fields in [1, 2] {
            let wanted = deed(pattern, text, fields);
            assert_eq!(
                parsed.allows(&caller, &wanted).is_ok(),
                more.allows(&caller, &wanted).is_ok()
            );
        }
        assert_eq!(parsed.allows_admin(&caller, text), more.allows_admin(&caller, text));
        let asks = [parsed.allows_reflection(&caller), more.allows_reflection(&caller)];
        assert_eq!(asks[0], asks[1]);
    }

    // A star in the name of a method.
    if let Ok(policy) = policy("*", pattern, "*") {
        let (pattern, chars): (Vec<_>, Vec<_>) =
            (pattern.chars().collect(), text.chars().collect());
        let is_allowed = policy.allows(&caller, &deed(text, "k", 1)).is_ok();
        assert_eq!(is_allowed, means(&pattern, &chars));
    }

    // A claim stands for itself alone, whatever it has in it.
    let is_own = !sub.is_empty() && !text.contains('/') && text == sub;
    assert_eq!(OWN.allows(&caller, &deed("M", text, 1)).is_ok(), is_own);
    let parts = callboard_proto::key::split(text, 2);
    let is_own = !sub.is_empty() && parts.is_some_and(|parts| parts[0] == sub);
    assert_eq!(OWN_AND_MORE.allows(&caller, &deed("M", text, 2)).is_ok(), is_own);

    // Any pattern: it is refused, or it means something without harm.
    if let Ok(policy) = policy("*", "*", pattern) {
        for fields in [1, 2, 3] {
            let _ = policy.allows(&caller, &deed("M", text, fields));
        }
    }
});
