//! A hub and its sensors in memory, with a clock that the tests move.

use std::collections::HashMap;
use std::time::Duration;

use callboard_lambda_sdk::testing::{ActorTest, Asked};
use callboard_lambda_sdk::{Code, prost_types};

use crate::hub::Hub;
use crate::report_request::Report;
use crate::sensor::Sensor;
use crate::{
    GatherRequest, GatherResponse, HubRef, MeasureRequest, MeasureResponse, ReadRequest,
    ReportRequest, SensorRef,
};

const WAIT: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

/// The hub of a house.
struct House(ActorTest<Hub>);

impl House {
    fn new() -> Self {
        Self(ActorTest::new("house").with::<Sensor>())
    }

    async fn report(&mut self, sensor: &str, report: Report) {
        let report = ReportRequest { report: Some(report), ..Default::default() };
        self.0.tell(SensorRef::new(sensor).report(report)).await;
    }

    async fn gather(&mut self, sensors: &[String]) -> Asked<GatherResponse> {
        let wait = Some(WAIT.try_into().expect("five seconds are a duration"));
        let request = GatherRequest { sensors: sensors.to_vec(), wait, ..Default::default() };
        self.0.begin(HubRef::new("house").gather(request)).await
    }

    async fn read(&mut self, sensor: &str) -> Asked<MeasureResponse> {
        let request = ReadRequest { sensor: sensor.to_owned(), ..Default::default() };
        self.0.begin(HubRef::new("house").read(request)).await
    }

    fn gathered(&self, asked: &Asked<GatherResponse>) -> GatherResponse {
        self.0.answer(asked).expect("an answer").expect("what was gathered")
    }
}

fn sensors(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("sensor-{n}")).collect()
}

fn map<V>(entries: impl IntoIterator<Item = (&'static str, V)>) -> HashMap<String, V> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[tokio::test]
async fn a_gather_of_a_hundred_ends_when_all_have_answered() {
    let mut house = House::new();
    let all = sensors(100);
    for sensor in &all {
        house.report(sensor, Report::Celsius(20.5)).await;
    }
    let asked = house.gather(&all).await;
    let gathered = house.gathered(&asked);
    assert_eq!(gathered.celsius.len(), 100);
    assert_eq!(gathered.missing.len(), 0);
    assert_eq!(house.0.timers(), [], "there is nothing left to wait for");
}

#[tokio::test]
async fn what_is_missing_at_the_deadline_is_told() {
    let mut house = House::new();
    house.report("sensor-0", Report::Celsius(20.5)).await;
    house.report("sensor-1", Report::Fault("no battery".to_owned())).await;
    let asked = house.gather(&sensors(4)).await;
    house.0.advance(SECOND).await;
    house.report("sensor-2", Report::Celsius(-3.0)).await;
    house.0.advance(WAIT - 2 * SECOND).await;
    assert!(house.0.answer(&asked).is_none());
    house.0.advance(SECOND).await;
    let gathered = house.gathered(&asked);
    assert_eq!(gathered.celsius, map([("sensor-0", 20.5), ("sensor-2", -3.0)]));
    let missing = [("sensor-1", "no battery"), ("sensor-3", "no answer in time")];
    assert_eq!(gathered.missing, map(missing.map(|(sensor, why)| (sensor, why.to_owned()))));
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_dropped() {
    let mut house = House::new();
    let late = house.gather(&sensors(1)).await;
    house.0.advance(WAIT).await;
    let next = house.gather(&sensors(2)).await;
    house.report("sensor-0", Report::Celsius(20.5)).await;
    assert_eq!(house.gathered(&late).missing.len(), 1);
    // It counts for the one that is under way, which has asked for it as well.
    house.0.advance(WAIT).await;
    assert_eq!(house.gathered(&next).celsius, map([("sensor-0", 20.5)]));
    assert_eq!(house.0.dead_letters(), []);
}

#[tokio::test]
async fn gathers_of_one_hub_do_not_wait_for_each_other() {
    let mut house = House::new();
    house.report("sensor-0", Report::Celsius(20.5)).await;
    let slow = house.gather(&sensors(2)).await;
    let quick = house.gather(&sensors(1)).await;
    assert_eq!(house.gathered(&quick).celsius.len(), 1);
    assert!(house.0.answer(&slow).is_none());
}

#[tokio::test]
async fn a_gather_outlives_a_crash() {
    for crash in [ActorTest::crash_before_commit, ActorTest::crash_after_commit] {
        let mut house = House::new();
        let all = sensors(100);
        for sensor in &all {
            house.report(sensor, Report::Celsius(20.5)).await;
        }
        crash(&mut house.0);
        let asked = house.gather(&all).await;
        house.0.advance(SECOND).await;
        assert_eq!(house.gathered(&asked).celsius.len(), 100);
    }
}

#[tokio::test]
async fn a_sensor_that_is_named_twice_is_asked_once() {
    let mut house = House::new();
    house.report("sensor-0", Report::Celsius(20.5)).await;
    let asked = house.gather(&[sensors(1), sensors(1)].concat()).await;
    assert_eq!(house.gathered(&asked).celsius.len(), 1);
}

#[tokio::test]
async fn a_gather_is_bounded() {
    let mut house = House::new();
    let refused = [Vec::new(), sensors(401), vec![String::new()], vec!["x".repeat(101)]];
    for sensors in refused {
        let asked = house.gather(&sensors).await;
        let status = house.0.answer(&asked).expect("an answer").expect_err("it is refused");
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    }
    for wait in [None, Some(prost_types::Duration { seconds: -1, nanos: 0 })] {
        let request = GatherRequest { sensors: sensors(1), wait, ..Default::default() };
        let refused = house.0.ask(HubRef::new("house").gather(request)).await;
        assert_eq!(refused.expect_err("it is refused").code(), Code::InvalidArgument);
    }
    assert!(!house.0.has_state());
}

#[tokio::test]
async fn the_largest_gather_is_answered() {
    let mut house = House::new();
    let all: Vec<_> = (0..400).map(|n| format!("{n:0100}")).collect();
    for sensor in &all {
        house.report(sensor, Report::Fault("€".repeat(1_000))).await;
    }
    let asked = house.gather(&all).await;
    assert_eq!(house.gathered(&asked).missing.len(), 400);
}

#[tokio::test]
async fn a_sensor_answers_the_caller_of_the_hub_itself() {
    let mut house = House::new();
    let asked = house.read("attic").await;
    assert!(house.0.answer(&asked).is_none(), "it has nothing to tell yet");
    house.report("attic", Report::Celsius(31.0)).await;
    let response = house.0.answer(&asked).expect("an answer").expect("a temperature");
    assert_eq!(response.celsius, 31.0);
    house.report("attic", Report::Fault("no battery".to_owned())).await;
    let asked = house.read("attic").await;
    let status = house.0.answer(&asked).expect("an answer").expect_err("it has a fault");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "no battery"));
}

#[tokio::test]
async fn as_many_may_wait_for_a_sensor_as_can_be_answered() {
    let mut house = House::new();
    let mut waiting = Vec::new();
    for _ in 0..64 {
        waiting.push(house.read("attic").await);
    }
    let one_more = house.read("attic").await;
    let status = house.0.answer(&one_more).expect("an answer").expect_err("it is refused");
    assert_eq!(status.code(), Code::ResourceExhausted);
    house.report("attic", Report::Celsius(31.0)).await;
    for asked in &waiting {
        assert!(house.0.answer(asked).expect("an answer").is_ok());
    }
}

#[tokio::test]
async fn what_is_no_temperature_is_a_fault() {
    let mut house = House::new();
    for celsius in [f64::NAN, f64::INFINITY] {
        house.report("attic", Report::Celsius(celsius)).await;
        let measure = SensorRef::new("attic").measure(MeasureRequest::default());
        let status = house.0.ask(measure).await.expect_err("there is no temperature");
        assert_eq!(status.code(), Code::Unavailable);
    }
}
