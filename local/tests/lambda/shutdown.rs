//! How a host ends, and that nothing outlives it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_sdk_lambda::operation::invoke::InvokeError;
use rustix::process::{Pid, Signal};
use serde_json::json;

use crate::support::{
    PATIENCE, Stage, client, example, invoke, probe, probe_that_starts, runs, until,
};

#[tokio::test]
async fn shutdown_finishes_what_is_running_and_refuses_what_is_new() {
    let stage = Stage::new(probe(2));
    let idle = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    let (gate, wait) = stage.gate("gate");
    let running = stage.start(wait);
    stage.logs.wait_for("waiting", 1).await;

    let shutdown = tokio::spawn(stage.host.shutdown(PATIENCE));
    let mut refused = None;
    while refused.is_none() {
        refused = invoke(&stage.client, json!({ "do": "print", "lines": [] })).await.err();
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status, 503);
    assert!(matches!(*refused.error, InvokeError::ServiceException(_)), "{refused:?}");
    assert!(!shutdown.is_finished());

    std::fs::write(gate, "").unwrap();
    let finished = running.await.unwrap().unwrap().pid();
    tokio::time::timeout(PATIENCE, shutdown).await.unwrap().unwrap();
    assert!(!runs(idle) && !runs(finished));
}

#[tokio::test]
async fn shutdown_cuts_off_what_outlasts_the_grace() {
    let stage = Stage::new(probe(1));
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    let running = stage.start(json!({ "do": "hang" }));
    stage.logs.wait_for("waiting", 1).await;
    stage.host.shutdown(Duration::from_millis(50)).await;
    assert!(!runs(pid));
    let refused = running.await.unwrap().unwrap_err();
    assert_eq!(refused.status, 503);
}

#[tokio::test]
async fn shutdown_lets_a_process_say_goodbye() {
    let stage = Stage::with(probe_that_starts("graceful"), |config| config.stop_wait = PATIENCE);
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    stage.host.shutdown(PATIENCE).await;
    assert!(!runs(pid));
    assert_eq!(stage.logs.count("goodbye"), 1);
}

#[tokio::test]
async fn shutdown_ends_frozen_processes_too() {
    let mut function = probe_that_starts("graceful");
    function.freeze = true;
    let stage = Stage::with(function, |config| config.stop_wait = PATIENCE);
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    stage.host.shutdown(PATIENCE).await;
    assert!(!runs(pid));
    assert_eq!(stage.logs.count("goodbye"), 1);
}

#[tokio::test]
async fn a_dropped_host_leaves_no_process() {
    let stage = Stage::new(probe(2));
    let idle = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    let running = stage.start(json!({ "do": "hang" }));
    stage.logs.wait_for("waiting", 1).await;
    // The hanging one took the idle process: start another.
    let other = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    assert_ne!(idle, other);
    drop(stage);
    until("both are dead", || !runs(idle) && !runs(other)).await;
    assert!(running.await.unwrap().is_err());
}

// The client must run while this waits for the host's log.
#[tokio::test(flavor = "multi_thread")]
async fn orphans_exit() {
    let mut host = Command::new(example("serve"))
        .arg(format!("probe={}", example("probe").display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let client = client(url.trim());

    let busy = invoke(&client, json!({ "do": "print", "lines": [] })).await.unwrap().pid();
    let hanging = {
        let client = client.clone();
        tokio::spawn(async move { invoke(&client, json!({ "do": "hang" })).await })
    };
    let log = BufReader::new(host.stderr.take().unwrap());
    let waits = log.lines().map_while(Result::ok).any(|line| line == "probe 1 | waiting");
    assert!(waits);
    let idle = invoke(&client, json!({ "do": "print", "lines": [] })).await.unwrap().pid();
    assert_ne!(busy, idle);

    rustix::process::kill_process(Pid::from_child(&host), Signal::KILL).unwrap();
    host.wait().unwrap();
    until("both are dead", || !runs(busy) && !runs(idle)).await;
    hanging.abort();
}
