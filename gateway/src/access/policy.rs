//! What the policy allows: which principals may send which methods to which actors.
//! What no rule allows is denied.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::glob::Glob;
use super::key_pattern::{KeyPattern, is_name};
use super::principal::Principal;
use crate::admin;

/// The most rules that a policy has: each call looks at all of them.
const RULES_MAX: usize = 1_000;

/// The claims that need not be declared: whom a token is about, or the name of an API
/// key; and those of certificates.
const KNOWN_CLAIMS: [&str; 4] = ["sub", "uri", "dns", "cn"];

/// What principals are allowed.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    who: Vec<Glob>,
    when: BTreeMap<String, String>,
    actors: Vec<Glob>,
    methods: Vec<Glob>,
    keys: Vec<KeyPattern>,
    new_keys: bool,
    admin: Vec<Glob>,
    reflection: bool,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// The actor type.
    pub actor_type: &'a str,
    /// The method; of what a call does without one, the path of that call.
    pub method: &'a str,
    /// The actor's key; `None` when the gateway makes it.
    pub key: Option<&'a str>,
    /// How many key fields the actor type has.
    pub key_fields: usize,
}

/// How far the rule got that got farthest: the check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failed {
    /// No rule is for this principal.
    Principal,
    /// None of those that are is for this actor type.
    ActorType,
    /// None of those that are is for this method.
    Method,
    /// None of those that are is for this key.
    Key,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// What is wrong with it, and in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut claims: BTreeSet<&str> = KNOWN_CLAIMS.into();
        for claim in &file.claims {
            if !is_name(claim.get_ref()) {
                return Err(at(text, claim.span(), "this cannot be the name of a claim"));
            }
            claims.insert(claim.get_ref());
        }
        if file.allow.len() > RULES_MAX {
            return Err(format!("it has {} rules, and at most {RULES_MAX}", file.allow.len()));
        }
        let rules = file.allow.iter().map(|rule| read(text, rule, &claims));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Whether a principal may do something.
    ///
    /// # Errors
    /// The check that failed.
    pub fn allows(&self, principal: &Principal, deed: &Deed<'_>) -> Result<(), Failed> {
        self.first(|rule| rule.allows(principal, deed))
    }

    /// Whether a principal may send a method to some actor.
    ///
    /// # Errors
    /// The check that failed.
    pub fn allows_method(
        &self,
        principal: &Principal,
        actor_type: &str,
        method: &str,
    ) -> Result<(), Failed> {
        self.first(|rule| rule.allows_method(principal, actor_type, method))
    }

    /// Whether a rule allows something; else how far the best of them gets.
    fn first(&self, check: impl Fn(&Rule) -> Result<(), Failed>) -> Result<(), Failed> {
        let mut farthest = Failed::Principal;
        for rule in &self.rules {
            match check(rule) {
                Ok(()) => return Ok(()),
                Err(failed) => farthest = farthest.max(failed),
            }
        }
        Err(farthest)
    }

    /// Whether a principal may make an operator's call.
    #[must_use]
    pub fn allows_admin(&self, principal: &Principal, method: &str) -> bool {
        self.rules.iter().any(|rule| rule.is_for(principal) && any(&rule.admin, method))
    }

    /// Whether a principal may ask what the gateway serves.
    #[must_use]
    pub fn allows_reflection(&self, principal: &Principal) -> bool {
        self.rules.iter().any(|rule| rule.reflection && rule.is_for(principal))
    }
}

impl Rule {
    fn is_for(&self, principal: &Principal) -> bool {
        any(&self.who, &principal.name)
            && self.when.iter().all(|(claim, wanted)| principal.has(claim, wanted))
    }

    fn allows_method(
        &self,
        principal: &Principal,
        actor_type: &str,
        method: &str,
    ) -> Result<(), Failed> {
        if !self.is_for(principal) {
            return Err(Failed::Principal);
        }
        if !any(&self.actors, actor_type) {
            return Err(Failed::ActorType);
        }
        if any(&self.methods, method) { Ok(()) } else { Err(Failed::Method) }
    }

    fn allows(&self, principal: &Principal, deed: &Deed<'_>) -> Result<(), Failed> {
        self.allows_method(principal, deed.actor_type, deed.method)?;
        let is_fine = match deed.key {
            Some(key) => {
                let mut keys = self.keys.iter();
                keys.any(|pattern| pattern.matches(principal, key, deed.key_fields))
            }
            None => self.new_keys || self.keys.contains(&KeyPattern::Any),
        };
        if is_fine { Ok(()) } else { Err(Failed::Key) }
    }
}

fn any(globs: &[Glob], text: &str) -> bool {
    globs.iter().any(|glob| glob.matches(text))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Claims that rules may name.
    #[serde(default)]
    claims: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<RuleText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    who: Vec<Spanned<String>>,
    #[serde(default)]
    when: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    actors: Vec<Spanned<String>>,
    #[serde(default)]
    methods: Vec<Spanned<String>>,
    #[serde(default)]
    keys: Vec<Spanned<String>>,
    #[serde(default)]
    new_keys: bool,
    #[serde(default)]
    admin: Vec<Spanned<String>>,
    #[serde(default)]
    reflection: bool,
}

fn read(text: &str, rule: &Spanned<RuleText>, claims: &BTreeSet<&str>) -> Result<Rule, String> {
    let whole = rule.span();
    let rule = rule.get_ref();
    let wrong = |what: &str| Err(at(text, whole.clone(), what));
    if rule.who.is_empty() {
        return wrong("who is nobody; write who = [\"jwt:*\"], for example");
    }
    for name in &rule.who {
        let is_known =
            ["jwt:", "key:", "cert:"].iter().any(|kind| name.get_ref().starts_with(kind));
        if !is_known && name.get_ref() != "*" {
            let what = "a principal is jwt:…, key:… or cert:…, or * for all of them";
            return Err(at(text, name.span(), what));
        }
    }
    let of_actors = [!rule.actors.is_empty(), !rule.methods.is_empty()];
    let has_keys = !rule.keys.is_empty() || rule.new_keys;
    let is_whole = of_actors == [true; 2] && has_keys;
    let is_none = of_actors == [false; 2] && !has_keys;
    if !is_whole && !is_none {
        return wrong("actors, methods, and keys (or new_keys = true) belong together");
    }
    if is_none && rule.admin.is_empty() && !rule.reflection {
        return wrong("it allows nothing; write actors, methods and keys, or admin, or reflection");
    }
    let unknown = |claim: &str| {
        format!("the claim {claim} is not known; declare it with claims = [\"{claim}\"] at the top")
    };
    let mut when = BTreeMap::new();
    for (claim, wanted) in &rule.when {
        if !claims.contains(claim.get_ref().as_str()) {
            return Err(at(text, claim.span(), &unknown(claim.get_ref())));
        }
        when.insert(claim.get_ref().clone(), wanted.clone());
    }
    let mut keys = Vec::new();
    for key in &rule.keys {
        let pattern = KeyPattern::parse(key.get_ref());
        let pattern = pattern.map_err(|what| at(text, key.span(), &what))?;
        if let Some(claim) = pattern.claims().find(|claim| !claims.contains(claim)) {
            return Err(at(text, key.span(), &unknown(claim)));
        }
        keys.push(pattern);
    }
    for method in &rule.admin {
        if !admin::methods().any(|known| Glob::new(method.get_ref()).matches(known)) {
            return Err(at(text, method.span(), "callboard.v1.Admin has no such method"));
        }
    }
    let globs = |texts: &[Spanned<String>]| {
        texts.iter().map(|text| Glob::new(text.get_ref())).collect::<Vec<_>>()
    };
    Ok(Rule {
        who: globs(&rule.who),
        when,
        actors: globs(&rule.actors),
        methods: globs(&rule.methods),
        keys,
        new_keys: rule.new_keys,
        admin: globs(&rule.admin),
        reflection: rule.reflection,
    })
}

/// What is wrong in which line.
fn at(text: &str, span: Range<usize>, what: &str) -> String {
    let before = text.get(..span.start).unwrap_or_default();
    format!("line {}: {what}", before.matches('\n').count() + 1)
}
