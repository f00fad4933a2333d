use aws_sdk_dynamodb::primitives::DateTime;
use aws_sdk_dynamodb::types::builders::TableDescriptionBuilder;
use aws_sdk_dynamodb::types::{
    BillingModeSummary, Projection, ScalarAttributeType, SseDescription,
};

use super::super::definition::{MAILBOXES, REPLIES, key_schema};
use super::*;

/// A table as tables.yaml makes it.
fn right(definition: &Definition) -> TableDescriptionBuilder {
    let index = |(name, key): &(&str, Key)| index(name, key, ProjectionType::KeysOnly);
    TableDescription::builder()
        .table_status(TableStatus::Active)
        .set_key_schema(Some(key_schema(definition.key)))
        .set_attribute_definitions(Some(definition.attributes()))
        .set_global_secondary_indexes(Some(definition.indexes.iter().map(index).collect()))
        .billing_mode_summary(
            BillingModeSummary::builder().billing_mode(BillingMode::PayPerRequest).build(),
        )
        .deletion_protection_enabled(true)
}

fn index(name: &str, key: Key, projection: ProjectionType) -> GlobalSecondaryIndexDescription {
    GlobalSecondaryIndexDescription::builder()
        .index_name(name)
        .set_key_schema(Some(key_schema(key)))
        .projection(Projection::builder().projection_type(projection).build())
        .index_status(IndexStatus::Active)
        .build()
}

/// Each finding's weight and text.
fn found(definition: &Definition, table: TableDescriptionBuilder) -> Vec<(Weight, String)> {
    findings(|look| look.at(definition, &table.build()))
}

fn findings(look_at: impl FnOnce(&mut Look)) -> Vec<(Weight, String)> {
    let mut look = Look { table: "t", findings: Vec::new() };
    look_at(&mut look);
    assert!(look.findings.iter().all(|finding| finding.table == "t" && !finding.help.is_empty()));
    look.findings.into_iter().map(|finding| (finding.weight, finding.what)).collect()
}

fn assert_one(found: &[(Weight, String)], weight: Weight, words: &str) {
    let [(has, what)] = found else { panic!("one finding, {words}: {found:?}") };
    assert!(*has == weight && what.contains(words), "{words}: {found:?}");
}

#[test]
fn nothing_is_found_in_tables_that_are_right() {
    assert_eq!(found(&MAILBOXES, right(&MAILBOXES)), []);
    assert_eq!(found(&REPLIES, right(&REPLIES)), []);
}

#[test]
fn another_key_is_told() {
    let text = "its key is id: S, and must be a: S, k: S";
    let table = right(&MAILBOXES).set_key_schema(Some(key_schema(REPLIES.key)));
    let attributes = [MAILBOXES.attributes(), REPLIES.attributes()].concat();
    let table = table.set_attribute_definitions(Some(attributes));
    assert_one(&found(&MAILBOXES, table), Weight::Needed, text);
    let number = AttributeDefinition::builder()
        .attribute_name(item::REPLY_ID)
        .attribute_type(ScalarAttributeType::N)
        .build()
        .expect("it has a name and a type");
    let table = right(&REPLIES).set_attribute_definitions(Some(vec![number]));
    assert_one(&found(&REPLIES, table), Weight::Needed, "its key is id: N, and must be id: S");
}

#[test]
fn an_index_that_is_missing_or_another_is_told() {
    let with = |indexes: Vec<GlobalSecondaryIndexDescription>| {
        found(&MAILBOXES, right(&MAILBOXES).set_global_secondary_indexes(Some(indexes)))
    };
    let [(due, due_key), (directory, directory_key)] = MAILBOXES.indexes else {
        panic!("there are two")
    };
    let right = || index(due, due_key, ProjectionType::KeysOnly);
    assert_one(&with(vec![right()]), Weight::Needed, "the index directory is missing");
    let dear = index(directory, directory_key, ProjectionType::All);
    assert_one(&with(vec![right(), dear]), Weight::Advised, "directory has more than keys");
    let other = index(directory, due_key, ProjectionType::KeysOnly);
    assert_one(&with(vec![right(), other]), Weight::Needed, "is g: N, due: N, and must be y: S");
    let mut building = index(directory, directory_key, ProjectionType::KeysOnly);
    building.index_status = Some(IndexStatus::Creating);
    assert_one(&with(vec![right(), building]), Weight::Needed, "its status is CREATING");
    let all = vec![
        right(),
        index(directory, directory_key, ProjectionType::KeysOnly),
        index("more", &[("a", Type::Text)], ProjectionType::KeysOnly),
    ];
    assert_one(&with(all), Weight::Advised, "the index more is none of Callboard's");
}

#[test]
fn what_a_table_is_not_ready_for_or_protected_from_is_told() {
    let of = |change: fn(TableDescriptionBuilder) -> TableDescriptionBuilder| {
        found(&REPLIES, change(right(&REPLIES)))
    };
    let creating = of(|table| table.table_status(TableStatus::Creating));
    assert_one(&creating, Weight::Needed, "still being made");
    let archived = of(|table| table.table_status(TableStatus::Archived));
    assert_one(&archived, Weight::Needed, "ARCHIVED");
    let locked = of(|table| table.table_status(TableStatus::InaccessibleEncryptionCredentials));
    assert_one(&locked, Weight::Needed, "KMS");
    assert_eq!(of(|table| table.table_status(TableStatus::Updating)), []);
    let provisioned = of(|table| table.set_billing_mode_summary(None));
    assert_one(&provisioned, Weight::Advised, "provisioned");
    let unprotected = of(|table| table.set_deletion_protection_enabled(None));
    assert_one(&unprotected, Weight::Advised, "deleted");
    let lost = of(|table| {
        let since = DateTime::from_secs(1);
        let key = SseDescription::builder().inaccessible_encryption_date_time(since);
        table.sse_description(key.build())
    });
    assert_one(&lost, Weight::Needed, "cannot use the KMS key");
}

#[test]
fn expired_items_must_go_and_a_table_should_be_restorable() {
    let expiry = |status: TimeToLiveStatus, attribute: &str| {
        let description = TimeToLiveDescription::builder()
            .time_to_live_status(status)
            .attribute_name(attribute)
            .build();
        findings(|look| look.at_expiry(Some(&description)))
    };
    assert_eq!(expiry(TimeToLiveStatus::Enabled, "ttl"), []);
    assert_eq!(expiry(TimeToLiveStatus::Enabling, "ttl"), []);
    assert_one(&expiry(TimeToLiveStatus::Enabled, "x"), Weight::Needed, "by the attribute x");
    assert_one(&expiry(TimeToLiveStatus::Disabled, "ttl"), Weight::Needed, "not deleted");
    assert_one(&findings(|look| look.at_expiry(None)), Weight::Needed, "not deleted");
    let recovery = |status| findings(|look| look.at_recovery(status));
    assert_eq!(recovery(Some(PointInTimeRecoveryStatus::Enabled)), []);
    assert_one(&recovery(None), Weight::Advised, "restored");
    let unknown = findings(|look| look.is_not_told("whether it is", Some("UnknownOperation")));
    assert_one(&unknown, Weight::Advised, "whether it is is not told: UnknownOperation");
}
