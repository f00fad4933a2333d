//! What a program sees that has the host in its own process.

use std::time::Duration;

use bytes::Bytes;
use callboard_local::lambda::{Answer, Refusal};
use serde_json::{Value, json};

use crate::support::{PATIENCE, PROBE, Stage, probe, runs, until};

async fn invoke(stage: &Stage, order: Value) -> Result<Answer, Refusal> {
    stage.host.invoker().invoke(PROBE, order.to_string().into()).await
}

fn body(answer: Result<Answer, Refusal>) -> Value {
    match answer {
        Ok(Answer::Response(body)) => serde_json::from_slice(&body).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_answer_comes_back_and_so_does_an_error() {
    let stage = Stage::new(probe(1));
    let answer = body(invoke(&stage, json!({ "do": "echo", "value": [1, "zwei"] })).await);
    assert_eq!(answer["value"], json!([1, "zwei"]));
    assert_eq!(answer["context"]["request_id"].as_str().unwrap().len(), 36);

    let failed = invoke(&stage, json!({ "do": "fail", "message": "no funds" })).await;
    let Ok(Answer::FunctionError(error)) = failed else { panic!("{failed:?}") };
    let error: Value = serde_json::from_slice(&error).unwrap();
    assert!(error["errorMessage"].as_str().unwrap().contains("no funds"), "{error}");
}

#[tokio::test]
async fn what_the_invoke_api_refuses_is_refused() {
    const LIMIT: usize = 6 * 1024 * 1024;
    let stage = Stage::new(probe(1));
    let invoker = stage.host.invoker();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:nobody".to_owned();
    let unknown = invoker.invoke("nobody", Bytes::new()).await;
    assert_eq!(unknown, Err(Refusal::UnknownFunction { arn }));
    let broken = invoker.invoke(PROBE, Bytes::from_static(b"{\"do\":")).await;
    assert!(matches!(broken, Err(Refusal::InvalidContent(_))), "{broken:?}");
    let too_large = invoker.invoke(PROBE, vec![b' '; LIMIT + 1].into()).await;
    assert_eq!(too_large, Err(Refusal::RequestTooLarge));
    assert_eq!(stage.logs.all(), []);
}

#[tokio::test]
async fn who_finds_no_free_environment_in_time_is_throttled() {
    let stage = Stage::with(probe(1), |config| config.queue_wait = Duration::from_millis(20));
    let (gate, wait) = stage.gate("gate");
    let running = stage.start(wait);
    stage.logs.wait_for("waiting", 1).await;
    let order = json!({ "do": "print", "lines": [] });
    assert_eq!(invoke(&stage, order).await, Err(Refusal::FunctionBusy));
    std::fs::write(gate, "").unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_the_invocation() {
    let stage = Stage::new(probe(1));
    let (gate, wait) = stage.gate("gate");
    tokio::select! {
        answer = invoke(&stage, wait) => panic!("{answer:?}"),
        () = stage.logs.wait_for("waiting", 1) => {}
    }
    std::fs::write(gate, "").unwrap();
    let next = body(invoke(&stage, json!({ "do": "print", "lines": ["next"] })).await);
    assert!(runs(next["pid"].as_i64().unwrap().try_into().unwrap()));
    stage.logs.wait_for("next", 1).await;
    assert_eq!(stage.logs.all().last().unwrap().environment, 1, "it was not started again");
}

#[tokio::test]
async fn an_invoker_does_not_keep_its_host_alive() {
    let order = || json!({ "do": "print", "lines": [] });
    let stage = Stage::new(probe(1));
    let invoker = stage.host.invoker();
    let pid = body(invoke(&stage, order()).await)["pid"].as_i64().unwrap().try_into().unwrap();
    tokio::time::timeout(PATIENCE, stage.host.shutdown(PATIENCE)).await.unwrap();
    let refused = invoker.invoke(PROBE, order().to_string().into()).await;
    assert_eq!(refused, Err(Refusal::Stopping));
    until("the process is stopped", || !runs(pid)).await;
}
