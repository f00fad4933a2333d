//! What a policy allows: every principal with every deed, against what its rules say in
//! plain Rust. Nothing here uses the gateway's patterns.

use callboard_gateway::access::policy::{Deed, Failed, Policy};
use callboard_gateway::access::{Claim, Principal};

const POLICY: &str = r#"
claims = ["tenant", "roles", "region"]

# 0: people at their own accounts.
[[allow]]
who = ["jwt:*"]
actors = ["bank.v1.Account"]
methods = ["Deposit", "Get*"]
keys = ["${sub}"]

# 1: support reads everything of its tenant, whose keys have two parts.
[[allow]]
who = ["jwt:*"]
when = { roles = "support" }
actors = ["crm.v1.*"]
methods = ["Get*", "callboard.v1.Gateway/Await"]
keys = ["${tenant}/*"]

# 2: one service writes everywhere in its region, however deep.
[[allow]]
who = ["key:billing"]
actors = ["bank.v1.*", "crm.v1.Case"]
methods = ["*"]
keys = ["eu/**", "region-${region}"]

# 3: machines make new carts, and know their keys afterwards.
[[allow]]
who = ["cert:uri:spiffe://example/shop/*"]
actors = ["shop.v1.Cart"]
methods = ["Open"]
new_keys = true

# 4: and everybody who is known may look at the shop.
[[allow]]
who = ["*"]
actors = ["shop.v1.Shop"]
methods = ["Look"]
keys = ["*"]

# 5: operators.
[[allow]]
who = ["jwt:root"]
admin = ["Describe*", "ListActorTypes"]
reflection = true
"#;

fn principals() -> Vec<Principal> {
    let principal = |name: &str, claims: &[(&str, Claim)]| Principal {
        name: name.into(),
        claims: claims.iter().map(|(name, claim)| ((*name).to_owned(), claim.clone())).collect(),
        expires: None,
    };
    let text = |text: &str| Claim::Text(text.to_owned());
    let list = |texts: &[&str]| Claim::List(texts.iter().map(|text| (*text).to_owned()).collect());
    vec![
        principal("anonymous", &[]),
        principal("jwt:alice", &[("sub", text("alice"))]),
        principal(
            "jwt:*",
            &[("sub", text("*")), ("tenant", text("*")), ("roles", text("support"))],
        ),
        principal("jwt:", &[("sub", text(""))]),
        principal("jwt:nobody", &[]),
        principal(
            "jwt:a/b",
            &[("sub", text("a/b")), ("tenant", text("a/b")), ("roles", text("support"))],
        ),
        principal(
            "jwt:ann",
            &[("sub", text("ann")), ("tenant", text("acme")), ("roles", list(&["x", "support"]))],
        ),
        principal(
            "jwt:bo",
            &[("sub", text("bo")), ("tenant", text("acme")), ("roles", list(&["supporter"]))],
        ),
        principal(
            "jwt:cy",
            &[("sub", text("cy")), ("tenant", list(&["acme", "b"])), ("roles", text("support"))],
        ),
        principal("key:billing", &[("sub", text("billing")), ("region", text("eu"))]),
        principal("key:billing2", &[("sub", text("billing")), ("region", text("eu"))]),
        principal("KEY:billing", &[("region", text("eu"))]),
        principal("cert:uri:spiffe://example/shop/1", &[("uri", text("spiffe://example/shop/1"))]),
        principal("cert:cn:spiffe://example/shop/1", &[("cn", text("spiffe://example/shop/1"))]),
        principal("jwt:root", &[("sub", text("root"))]),
    ]
}

const TYPES: [(&str, usize); 6] = [
    ("bank.v1.Account", 1),
    ("bank.v1.Ledger", 2),
    ("crm.v1.Case", 2),
    ("shop.v1.Cart", 1),
    ("shop.v1.Shop", 1),
    ("bank.v1x.Account", 1),
];

const METHODS: [&str; 7] =
    ["Deposit", "Get", "GetAll", "get", "Open", "Look", "callboard.v1.Gateway/Await"];

const KEYS: [Option<&str>; 14] = [
    None,
    Some("alice"),
    Some("Alice"),
    Some("*"),
    Some("a/b"),
    Some("acme/1"),
    Some("acme/1/2"),
    Some("a%2Fb/1"),
    Some("acme%2F1/x"),
    Some("eu/1"),
    Some("eu/1/2"),
    Some("eu"),
    Some("region-eu"),
    Some("${sub}"),
];

/// The parts of a key of two fields, by hand.
fn two_parts(key: &str) -> Option<(String, String)> {
    let (first, second) = key.split_once('/')?;
    let plain = |part: &str| part.replace("%2F", "/").replace("%25", "%");
    (!second.contains('/')).then(|| (plain(first), plain(second)))
}

/// What the rules say.
fn is_allowed(principal: &Principal, deed: &Deed<'_>) -> bool {
    let name = &*principal.name;
    let one = |claim: &str| match principal.claims.get(claim) {
        Some(Claim::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let has_role = |role: &str| match principal.claims.get("roles") {
        Some(Claim::Text(text)) => text == role,
        Some(Claim::List(texts)) => texts.contains(&role.to_owned()),
        None => false,
    };
    let Deed { actor_type, method, key, key_fields } = *deed;
    let is_person = name.starts_with("jwt:");
    let own = is_person
        && actor_type == "bank.v1.Account"
        && ["Deposit", "Get", "GetAll"].contains(&method)
        && key.is_some_and(|key| !key.contains('/') && one("sub").as_deref() == Some(key));
    let support = is_person
        && has_role("support")
        && actor_type == "crm.v1.Case"
        && ["Get", "GetAll", "callboard.v1.Gateway/Await"].contains(&method)
        && key.and_then(two_parts).is_some_and(|(first, _)| one("tenant") == Some(first));
    let billing = name == "key:billing"
        && ["bank.v1.Account", "bank.v1.Ledger", "crm.v1.Case"].contains(&actor_type)
        && key.is_some_and(|key| match key_fields {
            1 => key.starts_with("eu/") || key == "region-eu",
            _ => two_parts(key).is_some_and(|(first, _)| first == "eu"),
        });
    let shop = name.starts_with("cert:uri:spiffe://example/shop/")
        && (actor_type, method, key) == ("shop.v1.Cart", "Open", None);
    // Who is anonymous is never asked; the rule is for all names.
    let look = (actor_type, method) == ("shop.v1.Shop", "Look");
    own || support || billing || shop || look
}

#[test]
fn every_deed_is_allowed_that_a_rule_allows_and_no_other() {
    let policy = Policy::parse(POLICY).expect("it is one");
    let (mut cases, mut allowed) = (0, 0);
    for principal in principals() {
        for (actor_type, key_fields) in TYPES {
            for method in METHODS {
                for key in KEYS {
                    let deed = Deed { actor_type, method, key, key_fields };
                    let expected = is_allowed(&principal, &deed);
                    let got = policy.allows(&principal, &deed).is_ok();
                    assert_eq!(got, expected, "{} {deed:?}", principal.name);
                    let of_method = policy.allows_method(&principal, actor_type, method);
                    assert!(of_method.is_ok() || !expected, "{} {deed:?}", principal.name);
                    cases += 1;
                    allowed += usize::from(expected);
                }
            }
        }
    }
    assert!(cases > 8_000, "{cases}");
    // An oracle that denies everything would be no oracle.
    assert!((250..cases / 10).contains(&allowed), "{allowed} of {cases}");
}

#[test]
fn the_log_tells_how_far_a_deed_got() {
    let policy = Policy::parse(POLICY).expect("it is one");
    let all = principals();
    let of = |name: &str| all.iter().find(|principal| &*principal.name == name).expect(name);
    let deed = |actor_type, method, key| Deed { actor_type, method, key, key_fields: 1 };
    let alice = of("jwt:alice");
    for (deed, failed) in [
        (deed("crm.v1.None", "Get", Some("alice")), Failed::ActorType),
        (deed("bank.v1.Account", "Close", Some("alice")), Failed::Method),
        (deed("bank.v1.Account", "Get", Some("bob")), Failed::Key),
        (deed("bank.v1.Account", "Get", None), Failed::Key),
    ] {
        assert_eq!(policy.allows(alice, &deed), Err(failed), "{deed:?}");
    }
    let empty = Policy::parse("").expect("it allows nothing");
    let any = deed("a", "b", Some("c"));
    assert_eq!(empty.allows(alice, &any), Err(Failed::Principal));
}

#[test]
fn operators_and_reflection_are_for_whom_the_rules_say() {
    let policy = Policy::parse(POLICY).expect("it is one");
    for principal in principals() {
        let is_root = &*principal.name == "jwt:root";
        for method in ["DescribeMailbox", "ListActorTypes"] {
            assert_eq!(policy.allows_admin(&principal, method), is_root, "{}", principal.name);
        }
        for method in ["Purge", "ListActors", "DeleteActor", "", "describeMailbox"] {
            assert!(!policy.allows_admin(&principal, method), "{} {method}", principal.name);
        }
        assert_eq!(policy.allows_reflection(&principal), is_root, "{}", principal.name);
    }
    // To send to every actor is not to look into mailboxes.
    let every = "[[allow]]\nwho = [\"*\"]\nactors = [\"*\"]\nmethods = [\"*\"]\nkeys = [\"*\"]\n";
    let policy = Policy::parse(every).expect("it is one");
    for principal in principals() {
        assert!(!policy.allows_admin(&principal, "Purge"));
        assert!(!policy.allows_reflection(&principal));
    }
}

#[test]
fn mistakes_are_told_with_their_line() {
    let rule = |more: &str| format!("\n[[allow]]\nwho = [\"jwt:*\"]\n{more}");
    let whole = |more: &str| rule(&format!("actors = [\"*\"]\nmethods = [\"*\"]\n{more}"));
    for (text, line, word) in [
        (rule(""), 2, "allows nothing"),
        (rule("actors = [\"*\"]"), 2, "belong together"),
        (rule("actors = [\"*\"]\nmethods = [\"*\"]"), 2, "belong together"),
        (rule("keys = [\"*\"]"), 2, "belong together"),
        (whole("keys = [\"*\",\n  \"${tenant}\"]"), 7, "tenant is not known"),
        (whole("keys = [\"${sub\"]"), 6, "${claim}"),
        (whole("keys = [\"${sub}*\"]"), 6, "not both"),
        (whole("keys = [\"\"]"), 6, "empty"),
        (whole("keys = [\"*\"]\nwhen = { role = \"x\" }"), 7, "role is not known"),
        (whole("keys = [\"*\"]\nkey = \"a\""), 7, "unknown field"),
        (whole("keys = \"*\""), 6, "invalid type"),
        (rule("admin = [\"Perge\"]"), 4, "no such method"),
        (rule("reflection = \"yes\""), 4, "invalid type"),
        ("[[allow]]\nreflection = true".into(), 1, "who"),
        ("[[allow]]\nwho = []\nreflection = true".into(), 1, "nobody"),
        ("[[allow]]\nwho = [\"alice\"]\nreflection = true".into(), 2, "jwt:"),
        ("[[deny]]\nwho = [\"*\"]".into(), 1, "unknown field"),
        ("claims = [\"a b\"]".into(), 1, "name of a claim"),
        ("allow = 1".into(), 1, "invalid type"),
        ("\n\nwho".into(), 3, ""),
    ] {
        let error = Policy::parse(&text).expect_err(&text);
        assert!(error.contains(&format!("line {line}")) && error.contains(word), "{text}\n{error}");
    }
    let many = "[[allow]]\nwho = [\"*\"]\nreflection = true\n".repeat(1_001);
    assert!(Policy::parse(&many).expect_err("they are too many").contains("1000"));
}
