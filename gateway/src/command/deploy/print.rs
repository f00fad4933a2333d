//! A plan as people read it.

use super::cost::{HOURS, Item};
use super::load::Load;
use super::plan::Plan;

pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("What the templates create, in {}:\n", plan.region);
    let resources = plan.stacks.iter().flat_map(|stack| &stack.resources);
    let width = resources.map(|resource| resource.of.len()).max().unwrap_or_default();
    for stack in &plan.stacks {
        text += &format!("\n{} ({})\n", stack.name, stack.template);
        for resource in &stack.resources {
            text += &format!("  {:width$}  {}\n", resource.of, resource.what);
        }
    }
    text += &format!(
        "\nWhat it costs a month of {HOURS} h, in USD, at {}:\n{}\n\n",
        plan.prices_from,
        load(&plan.load)
    );
    text += &row("", "units", "", "price", "a month");
    for item in &plan.bill.items {
        text += &line(item);
    }
    text += &row("together", "", "", "", &grouped(plan.bill.usd_per_month, 2));
    if plan.load.messages_per_second > 0.0 {
        let (all, more) =
            (plan.bill.usd_per_million_messages, plan.bill.usd_per_million_more_messages);
        text += &row("for a million messages", "", "", "", &grouped(all, 2));
        text += &row("for a million more", "", "", "", &grouped(more, 2));
    }
    for note in &plan.notes {
        text += &format!("\n{note}");
    }
    text + "\n"
}

/// What is assumed of the messages.
fn load(load: &Load) -> String {
    let percent = |part: f64| (part * 1_000.0).round() / 10.0;
    format!(
        "{} messages a second, {} % of them asks, {} % with an id, {} to a run; requests and answers\n\
         of {} bytes, states of {} bytes; handlers of {} ms; {} % of the runs wake an actor that slept.",
        load.messages_per_second,
        percent(load.ask_share),
        percent(load.id_share),
        load.batch,
        load.message_bytes,
        load.state_bytes,
        load.handler_ms,
        percent(load.asleep_share),
    )
}

fn line(item: &Item) -> String {
    let (units, usd) = (grouped(item.units, 3), grouped(item.usd, 2));
    row(item.what, &units, item.unit, &item.price.to_string(), &usd)
}

fn row(what: &str, units: &str, unit: &str, price: &str, usd: &str) -> String {
    let row = format!("{what:<32}{units:>12} {unit:<14}{price:>9}{usd:>14}");
    format!("{}\n", row.trim_end())
}

/// A number with its thousands apart.
fn grouped(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in
            [(0.0, "0.00"), (999.994, "999.99"), (1_000.0, "1,000.00"), (1234567.5, "1,234,567.50")]
        {
            assert_eq!(grouped(number, 2), text);
        }
        assert_eq!(grouped(12_345.6, 0), "12,346");
    }
}
