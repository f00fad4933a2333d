//! What a request has consumed, as its answer tells.

use serde_json::Value;

use super::units::Units;

/// How many bytes one write unit writes, at most.
const WRITE_UNIT_BYTES: usize = 1_024;

/// How many times the units of a write a transaction takes.
const TRANSACTION_FACTOR: f64 = 2.0;

/// The operations of the store that read. All others write.
const READS: [&str; 3] = ["GetItem", "Query", "BatchGetItem"];

/// What a request has consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Consumed {
    /// All units.
    pub total: Units,
    /// Those among them that are for indexes.
    pub indexes: Units,
}

/// What the answer to a request says; `None` when it says nothing, and should.
pub(super) fn consumed(operation: &str, request: &Value, answer: &Value) -> Option<Consumed> {
    let capacities = match &answer["ConsumedCapacity"] {
        Value::Null => return failed(request, answer),
        Value::Array(capacities) => capacities.as_slice(),
        capacity => std::slice::from_ref(capacity),
    };
    let total: Units = capacities.iter().map(|capacity| units(operation, capacity)).sum();
    let indexes = capacities
        .iter()
        .filter_map(|capacity| capacity["GlobalSecondaryIndexes"].as_object())
        .flat_map(|indexes| indexes.values());
    Some(Consumed {
        total: Units { read: total.read.max(least_read_units(operation, request)), ..total },
        indexes: indexes.map(|capacity| units(operation, capacity)).sum(),
    })
}

/// DynamoDB charges a read that finds nothing like one that finds a small item
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>);
/// DynamoDB Local says of it that it is free.
fn least_read_units(operation: &str, request: &Value) -> f64 {
    let each = |request: &Value| match request["ConsistentRead"] {
        Value::Bool(true) => 1.0,
        _ => 0.5,
    };
    match operation {
        "GetItem" | "Query" => each(request),
        "BatchGetItem" => request["RequestItems"].as_object().map_or(0.0, |tables| {
            let keys = |table: &Value| table["Keys"].as_array().map_or(0, Vec::len);
            tables.values().flat_map(|table| vec![each(table); keys(table)]).sum()
        }),
        _ => 0.0,
    }
}

fn units(operation: &str, capacity: &Value) -> Units {
    let number = |name: &str| capacity[name].as_f64();
    match (number("WriteCapacityUnits"), number("ReadCapacityUnits")) {
        (None, None) => {
            let units = number("CapacityUnits").unwrap_or_default();
            match READS.contains(&operation) {
                true => Units { read: units, write: 0.0 },
                false => Units { write: units, read: 0.0 },
            }
        }
        (write, read) => Units { write: write.unwrap_or_default(), read: read.unwrap_or_default() },
    }
}

/// A write whose condition does not hold is charged like one that succeeds, by
/// the size of the item that is there or would be, and its answer does not say so
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>).
/// The answer holds the item because the store asks for it. Of a transaction it is
/// not documented; each of its items is counted, as if it had succeeded.
fn failed(request: &Value, answer: &Value) -> Option<Consumed> {
    let error = answer["__type"].as_str()?.rsplit('#').next()?;
    let write = match error {
        "ConditionalCheckFailedException" => {
            write_units(&request["Item"]).max(write_units(&answer["Item"]))
        }
        "TransactionCanceledException" => {
            let items = request["TransactItems"].as_array()?;
            let put = items.iter().map(|item| write_units(&item["Put"]["Item"]));
            TRANSACTION_FACTOR * put.sum::<f64>()
        }
        // Nothing was done, so nothing is charged.
        _ => 0.0,
    };
    Some(Consumed { total: Units { write, read: 0.0 }, ..Consumed::default() })
}

/// The units of one write of an item; 1 for an item that is not known.
fn write_units(item: &Value) -> f64 {
    let bytes = item.as_object().map_or(0, |attributes| {
        attributes.iter().map(|(name, value)| name.len() + size(value)).sum::<usize>()
    });
    bytes.div_ceil(WRITE_UNIT_BYTES).max(1) as f64
}

/// The bytes of an attribute's value, roughly: what stands in its JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(values) => values.values().map(size).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_indexes_take_is_part_of_the_total() {
        let answer = json!({"ConsumedCapacity": {
            "TableName": "t", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 1.0},
            "GlobalSecondaryIndexes": {"due": {"CapacityUnits": 2.0}},
        }});
        let units = |write| Units { write, read: 0.0 };
        let expected = Consumed { total: units(3.0), indexes: units(2.0) };
        assert_eq!(consumed("UpdateItem", &Value::Null, &answer), Some(expected));
    }

    #[test]
    fn the_tables_of_a_transaction_are_added_up() {
        let table = |write| json!({"CapacityUnits": write, "WriteCapacityUnits": write});
        let answer = json!({"ConsumedCapacity": [table(2.0), table(4.0)]});
        let total = consumed("TransactWriteItems", &Value::Null, &answer).map(|c| c.total);
        assert_eq!(total, Some(Units { write: 6.0, read: 0.0 }));
    }

    #[test]
    fn a_write_that_was_refused_counts_by_its_item() {
        let answer = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "Item": {"s": {"B": "x".repeat(3_000)}},
        });
        let total = consumed("UpdateItem", &Value::Null, &answer).map(|c| c.total);
        assert_eq!(total, Some(Units { write: 3.0, read: 0.0 }));
    }

    #[test]
    fn a_read_that_finds_nothing_is_not_free() {
        let answer = json!({"ConsumedCapacity": {"CapacityUnits": 0.0}});
        let read = |operation, request| {
            consumed(operation, &request, &answer).map(|consumed| consumed.total.read)
        };
        assert_eq!(read("Query", json!({"ConsistentRead": true})), Some(1.0));
        assert_eq!(read("Query", json!({"IndexName": "due"})), Some(0.5));
        let keys = json!({"RequestItems": {"t": {"Keys": [{}, {}, {}]}}});
        assert_eq!(read("BatchGetItem", keys), Some(1.5));
    }

    #[test]
    fn an_answer_that_tells_nothing_is_not_taken_for_free() {
        assert_eq!(consumed("GetItem", &Value::Null, &json!({"Item": {}})), None);
    }
}
