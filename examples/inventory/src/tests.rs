use std::time::Duration;

use callboard_lambda_sdk::testing::{ActorTest, Asked};
use callboard_lambda_sdk::{Code, Request};

use super::*;

fn product() -> ActorTest<Product> {
    // As in the .proto.
    ActorTest::new("bolt").attempts(4)
}

fn arrive(label: &str) -> Request<()> {
    let label = label.to_owned();
    ProductRef::new("bolt").arrive(ArriveRequest { label, ..Default::default() })
}

fn depart(units: u32) -> Request<DepartResponse> {
    ProductRef::new("bolt").depart(DepartRequest { units, ..Default::default() })
}

/// How many units are left after a departure; `None` while it waits.
fn left(test: &ActorTest<Product>, asked: &Asked<DepartResponse>) -> Option<u64> {
    test.answer(asked).map(|answer| answer.expect("it is served").units)
}

#[tokio::test]
async fn a_departure_waits_until_enough_has_arrived() {
    let mut test = product();
    test.tell(arrive("3")).await;
    let asked = test.begin(depart(5)).await;
    assert_eq!(left(&test, &asked), None);
    test.tell(arrive("1")).await;
    assert_eq!(left(&test, &asked), None);
    test.tell(arrive("2")).await;
    assert_eq!(left(&test, &asked), Some(1));
}

#[tokio::test]
async fn departures_are_served_in_the_order_of_asking() {
    let mut test = product();
    test.tell(arrive("3")).await;
    let large = test.begin(depart(5)).await;
    // There is enough for this one, but it came later.
    let small = test.begin(depart(1)).await;
    assert_eq!((left(&test, &large), left(&test, &small)), (None, None));
    test.tell(arrive("4")).await;
    assert_eq!((left(&test, &large), left(&test, &small)), (Some(2), Some(1)));
}

#[tokio::test]
async fn more_departures_are_served_than_one_handler_may_answer() {
    let mut test = product();
    let mut asked = Vec::new();
    for _ in 0..2 * SERVED_MAX + 1 {
        asked.push(test.begin(depart(1)).await);
    }
    test.tell(arrive("200")).await;
    for (n, asked) in (1..).zip(&asked) {
        assert_eq!(left(&test, asked), Some(200 - n));
    }
}

#[tokio::test]
async fn a_departure_of_nothing_is_refused() {
    let error = product().ask(depart(0)).await.expect_err("it is nothing");
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_label_that_is_no_number_is_set_aside_and_the_next_one_counts() {
    let mut test = product();
    test.tell(arrive("4O")).await;
    let asked = test.begin(depart(2)).await;
    test.tell(arrive("5")).await;
    assert_eq!(left(&test, &asked), None);
    test.advance(Duration::from_secs(60)).await;
    assert_eq!(left(&test, &asked), Some(3));
    let [letter] = &test.dead_letters()[..] else { panic!("one label is bad") };
    assert_eq!((letter.method.as_str(), letter.attempts), ("Arrive", 4));
}
