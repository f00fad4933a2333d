//! Are the tables as they must be?

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndexDescription, IndexStatus,
    KeySchemaElement, KeyType, PointInTimeRecoveryStatus, ProjectionType, TableDescription,
    TableStatus, TimeToLiveDescription, TimeToLiveStatus,
};

use super::definition::{Definition, Key, Type};
use super::{Error, Tables, failed};
use crate::item;

/// Something about a table that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The table's name.
    pub table: String,
    /// How bad it is.
    pub weight: Weight,
    /// What it is.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Callboard needs it.
    Needed,
    /// Callboard works without it.
    Advised,
}

impl Tables {
    /// Compares the tables in DynamoDB with what Callboard needs. Nothing is changed.
    ///
    /// # Errors
    /// When DynamoDB does not describe a table that is there.
    pub async fn check(&self, client: &Client) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for (name, definition) in self.defined() {
            let mut look = Look { table: name, findings: Vec::new() };
            let described = client.describe_table().table_name(name).send().await;
            let table = match described {
                Ok(output) => output.table.unwrap_or_else(|| TableDescription::builder().build()),
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|e| e.is_resource_not_found_exception()) =>
                {
                    let help = "make it with deploy/tables.yaml or `callboard tables create`";
                    look.needed("there is no such table", help);
                    findings.append(&mut look.findings);
                    continue;
                }
                Err(error) => return Err(failed("describe", name, &error)),
            };
            look.at(&definition, &table);
            match client.describe_time_to_live().table_name(name).send().await {
                Ok(output) => look.at_expiry(output.time_to_live_description.as_ref()),
                Err(error) => look.is_not_told("whether expired items are deleted", error.code()),
            }
            match client.describe_continuous_backups().table_name(name).send().await {
                Ok(output) => {
                    let backups = output.continuous_backups_description;
                    let recovery = backups.and_then(|b| b.point_in_time_recovery_description);
                    look.at_recovery(recovery.and_then(|r| r.point_in_time_recovery_status));
                }
                Err(error) => look.is_not_told("whether it can be restored", error.code()),
            }
            findings.append(&mut look.findings);
        }
        Ok(findings)
    }
}

/// A look at a table.
struct Look<'a> {
    table: &'a str,
    findings: Vec<Finding>,
}

impl Look<'_> {
    fn needed(&mut self, what: impl Into<String>, help: impl Into<String>) {
        self.find(Weight::Needed, what.into(), help.into());
    }

    fn advised(&mut self, what: impl Into<String>, help: impl Into<String>) {
        self.find(Weight::Advised, what.into(), help.into());
    }

    fn find(&mut self, weight: Weight, what: String, help: String) {
        self.findings.push(Finding { table: self.table.to_owned(), weight, what, help });
    }

    /// Emulators do not answer all questions, and a role may not be let ask them.
    fn is_not_told(&mut self, what: &str, code: Option<&str>) {
        let code = code.unwrap_or("no answer");
        self.advised(format!("{what} is not told: {code}"), "look yourself");
    }

    /// The table's own description.
    fn at(&mut self, definition: &Definition, found: &TableDescription) {
        self.at_status(found.table_status());
        let (needed, has) = (needed_key(definition.key), found_key(found, found.key_schema()));
        if needed != has {
            let help = "a key cannot be changed: make other tables, with another prefix";
            self.needed(format!("its key is {has}, and must be {needed}"), help);
        }
        for (name, key) in definition.indexes {
            let mut indexes = found.global_secondary_indexes().iter();
            let index = indexes.find(|index| index.index_name() == Some(*name));
            self.at_index(name, key, found, index);
        }
        let is_unknown = |name: &&str| definition.indexes.iter().all(|(known, _)| known != name);
        let indexes = found.global_secondary_indexes().iter();
        for name in indexes.filter_map(|index| index.index_name()).filter(is_unknown) {
            let help = "each index makes writes dearer: delete it, if nobody else needs it";
            self.advised(format!("the index {name} is none of Callboard's"), help);
        }
        self.at_protection(found);
    }

    fn at_status(&mut self, status: Option<&TableStatus>) {
        match status {
            // It can be used while it is being updated.
            Some(TableStatus::Active | TableStatus::Updating) => {}
            Some(TableStatus::Creating) => {
                self.needed("it is still being made", "wait, and check again");
            }
            Some(TableStatus::InaccessibleEncryptionCredentials) => {
                let help = "enable the key, and let the account's roles use it";
                self.needed("the KMS key that encrypts it cannot be used", help);
            }
            Some(status) => self.needed(format!("its status is {status}"), "it must be ACTIVE"),
            None => self.is_not_told("its status", None),
        }
    }

    fn at_index(
        &mut self,
        name: &str,
        key: Key,
        table: &TableDescription,
        found: Option<&GlobalSecondaryIndexDescription>,
    ) {
        let remake = "delete it, and add it as deploy/tables.yaml has it";
        let Some(found) = found else {
            let what = format!("the index {name} is missing");
            return self.needed(what, "add it as deploy/tables.yaml has it");
        };
        let (needed, has) = (needed_key(key), found_key(table, found.key_schema()));
        if needed != has {
            self.needed(
                format!("the key of the index {name} is {has}, and must be {needed}"),
                remake,
            );
        }
        let projection = found.projection().and_then(|projection| projection.projection_type());
        if projection != Some(&ProjectionType::KeysOnly) {
            let projection = projection.map_or("not told", ProjectionType::as_str);
            let what = format!(
                "the index {name} has more than keys (its projection is {projection}), which makes \
                 writes dearer"
            );
            self.advised(what, remake);
        }
        match found.index_status() {
            Some(IndexStatus::Active | IndexStatus::Updating) => {}
            Some(status) => {
                let what = format!("the index {name} cannot be read, its status is {status}");
                self.needed(what, "wait until it is ACTIVE, and check again");
            }
            None => self.is_not_told(&format!("whether the index {name} can be read"), None),
        }
    }

    /// Billing, encryption, and protection against deletion.
    fn at_protection(&mut self, found: &TableDescription) {
        let table = self.table;
        let billing = found.billing_mode_summary().and_then(|summary| summary.billing_mode());
        // It is left out where it was never on demand.
        if billing != Some(&BillingMode::PayPerRequest) {
            let help = format!(
                "aws dynamodb update-table --table-name {table} --billing-mode PAY_PER_REQUEST"
            );
            self.advised("its capacity is provisioned: what is beyond it is throttled", help);
        }
        // Without a description the key is one of DynamoDB's own.
        let encryption = found.sse_description();
        if encryption.is_some_and(|key| key.inaccessible_encryption_date_time().is_some()) {
            let help = "enable the key before DynamoDB archives the table, seven days after that";
            self.needed("DynamoDB cannot use the KMS key that encrypts it", help);
        }
        if found.deletion_protection_enabled() != Some(true) {
            let help = format!(
                "aws dynamodb update-table --table-name {table} --deletion-protection-enabled"
            );
            self.advised("nothing keeps it from being deleted", help);
        }
    }

    fn at_expiry(&mut self, found: Option<&TimeToLiveDescription>) {
        let (table, ttl) = (self.table, item::TTL);
        let enable = format!(
            "aws dynamodb update-time-to-live --table-name {table} --time-to-live-specification \
             Enabled=true,AttributeName={ttl}"
        );
        let attribute = found.and_then(|found| found.attribute_name());
        match found.and_then(|found| found.time_to_live_status()) {
            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) => match attribute {
                Some(name) if name == ttl => {}
                other => {
                    let other = other.unwrap_or("none");
                    let what = format!("items expire by the attribute {other}, and must by {ttl}");
                    self.needed(what, format!("disable that, and then: {enable}"));
                }
            },
            _ => self.needed("expired items are not deleted, so it grows without end", enable),
        }
    }

    fn at_recovery(&mut self, status: Option<PointInTimeRecoveryStatus>) {
        if status != Some(PointInTimeRecoveryStatus::Enabled) {
            let help = format!(
                "aws dynamodb update-continuous-backups --table-name {} \
                 --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
                self.table
            );
            self.advised("it cannot be restored to an earlier time", help);
        }
    }
}

/// A key as text, `a: S, k: S`.
fn needed_key(key: Key) -> String {
    let part = |(name, of): &(&str, Type)| format!("{name}: {}", of.scalar());
    key.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The key that a table or an index has, as text.
fn found_key(table: &TableDescription, key: &[KeySchemaElement]) -> String {
    let of_type = |wanted: KeyType| key.iter().filter(move |part| *part.key_type() == wanted);
    let parts = of_type(KeyType::Hash).chain(of_type(KeyType::Range));
    let part = |part: &KeySchemaElement| {
        let name = part.attribute_name();
        let is_it = |attribute: &&AttributeDefinition| attribute.attribute_name() == name;
        let attribute = table.attribute_definitions().iter().find(is_it);
        let of = attribute.map_or("?", |attribute| attribute.attribute_type().as_str());
        format!("{name}: {of}")
    };
    parts.map(part).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
