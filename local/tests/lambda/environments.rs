//! Which processes run, and what becomes of those that do not behave.

use std::collections::HashSet;
use std::time::Duration;

use callboard_local::FunctionConfig;
use serde_json::json;

use crate::support::{PROBE, Stage, example, probe, probe_that_starts, runs, state, until};

#[tokio::test]
async fn a_warm_environment_is_reused() {
    let stage = Stage::new(frozen_probe(4));
    let mut pids = HashSet::new();
    for _ in 0..10 {
        let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
        until_idle(pid).await;
        pids.insert(pid);
    }
    assert_eq!(pids.len(), 1);
}

#[tokio::test]
async fn the_environment_used_last_is_reused_first() {
    let stage = Stage::new(frozen_probe(2));
    let mut invocations = Vec::new();
    for name in ["first", "second"] {
        let (gate, wait) = stage.gate(name);
        invocations.push((gate, stage.start(wait)));
        stage.logs.wait_for("waiting", invocations.len()).await;
    }
    let mut pids = Vec::new();
    for (gate, invocation) in invocations {
        std::fs::write(gate, "").unwrap();
        let pid = invocation.await.unwrap().unwrap().pid();
        until_idle(pid).await;
        pids.push(pid);
    }
    assert_ne!(pids[0], pids[1]);
    for _ in 0..3 {
        let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
        assert_eq!(pid, pids[1]);
        until_idle(pid).await;
    }
}

#[tokio::test]
async fn a_process_leads_a_group_of_its_own() {
    let stage = Stage::new(probe(1));
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    let pid = rustix::process::Pid::from_raw(pid);
    assert_eq!(rustix::process::getpgid(pid).ok(), pid, "or Ctrl-C would reach it");
}

#[tokio::test]
async fn what_a_process_started_ends_with_it() {
    let mut function = FunctionConfig::new(PROBE, "/bin/sh");
    let probe = example("probe").to_str().unwrap().to_owned();
    function.args = vec!["-c".into(), "\"$0\"; exit $?".into(), probe];
    function.timeout = Duration::from_millis(250);
    let stage = Stage::new(function);
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    assert_eq!(stage.invoke(json!({ "do": "hang" })).await.failure().0, "Sandbox.Timedout");
    until("the shell's child is dead", || !runs(pid)).await;
}

#[tokio::test]
async fn concurrent_invocations_use_several_processes_up_to_the_limit() {
    let stage = Stage::with(probe(3), |config| config.queue_wait = Duration::from_secs(60));
    let (gate, wait) = stage.gate("gate");
    let invocations: Vec<_> = (0..9).map(|_| stage.start(wait.clone())).collect();
    stage.logs.wait_for("waiting", 3).await;
    std::fs::write(gate, "").unwrap();
    let mut pids = HashSet::new();
    for invocation in invocations {
        pids.insert(invocation.await.unwrap().unwrap().pid());
    }
    assert_eq!(pids.len(), 3);
    let environments: HashSet<_> = stage.logs.all().iter().map(|line| line.environment).collect();
    assert_eq!(environments, HashSet::from([1, 2, 3]));
}

#[tokio::test]
async fn a_time_out_kills() {
    let mut function = probe(1);
    function.timeout = Duration::from_millis(250);
    let stage = Stage::new(function);
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();

    let reply = stage.invoke(json!({ "do": "hang" })).await;
    let (kind, message) = reply.failure();
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(message.starts_with("RequestId: "), "{message}");
    assert!(message.ends_with(" Error: Task timed out after 0.25 seconds"), "{message}");
    assert!(!runs(pid));

    let next = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    assert_ne!(next, pid);
}

#[tokio::test]
async fn a_crash_is_an_exit_error_and_the_next_invocation_works() {
    let stage = Stage::new(probe(1));
    let crashes = [
        (json!({ "do": "exit", "code": 0 }), "Runtime exited without providing a reason"),
        (json!({ "do": "exit", "code": 1 }), "Runtime exited with error: exit status 1"),
        (json!({ "do": "kill" }), "Runtime exited with error: signal: killed"),
    ];
    let mut pids = HashSet::new();
    for (order, reason) in crashes {
        let reply = stage.invoke(order).await;
        let (kind, message) = reply.failure();
        assert_eq!(kind, "Runtime.ExitError");
        assert!(message.ends_with(&format!(" Error: {reason}")), "{message}");
        pids.insert(stage.invoke(json!({ "do": "print", "lines": [] })).await.pid());
    }
    assert_eq!(pids.len(), 3);
}

#[tokio::test]
async fn a_process_that_died_while_idle_is_not_used() {
    let stage = Stage::new(probe(1));
    let first = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    let pid = rustix::process::Pid::from_raw(first).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    until("the idle process is dead", || !runs(first)).await;
    let second = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    assert_ne!(first, second);
}

#[tokio::test]
async fn dying_at_start_gives_the_last_words_in_the_message() {
    let stage = Stage::new(probe_that_starts("die"));
    for _ in 0..2 {
        let reply = stage.invoke(json!({ "do": "print", "lines": [] })).await;
        let (kind, message) = reply.failure();
        assert_eq!(kind, "Runtime.ExitError");
        let expected = " Error: Runtime exited with error: exit status 3\nthe map is missing";
        assert!(message.ends_with(expected), "{message}");
    }
    let logged: Vec<_> = stage.logs.all();
    assert_eq!(logged.len(), 2);
    assert_eq!((&*logged[1].function, logged[1].environment), (PROBE, 2));
}

#[tokio::test]
async fn never_getting_ready_is_a_time_out_of_its_own() {
    let adjusted =
        |config: &mut callboard_local::HostConfig| config.init_limit = Duration::from_secs(1);
    let stage = Stage::with(probe_that_starts("hang"), adjusted);
    let reply = stage.invoke(json!({ "do": "print", "lines": [] })).await;
    let (kind, message) = reply.failure();
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(message.contains("Init timed out"), "{message}");
    assert!(message.contains("within 1.00 seconds\nlooking for the map"), "{message}");
}

#[tokio::test]
async fn a_runtime_may_report_a_failed_start() {
    let stage = Stage::new(probe_that_starts("init error"));
    let reply = stage.invoke(json!({ "do": "print", "lines": [] })).await;
    assert_eq!(reply.failure(), ("NoMap", "the map is missing"));
}

#[tokio::test]
async fn a_binary_that_cannot_be_started_is_an_invalid_entrypoint() {
    let not_a_binary = tempfile::NamedTempFile::new().unwrap();
    for path in ["/nowhere/bootstrap", not_a_binary.path().to_str().unwrap()] {
        let stage = Stage::new(FunctionConfig::new(PROBE, path));
        let reply = stage.invoke(json!({ "do": "print", "lines": [] })).await;
        let (kind, message) = reply.failure();
        assert_eq!(kind, "Runtime.InvalidEntrypoint");
        assert!(message.contains(path), "{message}");
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_stop_the_invocation() {
    let stage = Stage::new(probe(1));
    let (gate, wait) = stage.gate("gate");
    let caller = stage.start(wait);
    stage.logs.wait_for("waiting", 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    std::fs::write(gate, "").unwrap();
    let environment = stage.invoke(json!({ "do": "print", "lines": ["next"] })).await;
    environment.pid();
    stage.logs.wait_for("next", 1).await;
    assert_eq!(stage.logs.all().last().unwrap().environment, 1);
}

#[tokio::test]
async fn an_extension_keeps_its_environment_after_the_answer() {
    let gates = tempfile::tempdir().unwrap();
    let gate = gates.path().join("extension");
    let mut function = probe_that_starts("extension");
    function.env.push(("PROBE_GATE".into(), gate.to_str().unwrap().into()));
    let stage = Stage::with(function, |config| config.queue_wait = Duration::from_secs(60));

    let first = stage.invoke(json!({ "do": "print", "lines": ["first"] })).await.pid();
    stage.logs.wait_for("extension works", 1).await;
    assert_eq!(stage.logs.count("extension done"), 0, "the answer does not wait for it");

    let second = stage.start(json!({ "do": "print", "lines": ["second"] }));
    std::fs::write(gate, "").unwrap();
    assert_eq!(second.await.unwrap().unwrap().pid(), first);
    stage.logs.wait_for("second", 1).await;
    let lines: Vec<_> = stage.logs.all().into_iter().map(|line| line.line).collect();
    let position = |line: &str| lines.iter().position(|logged| logged == line).unwrap();
    assert!(position("extension done") < position("second"), "{lines:?}");
}

#[tokio::test]
async fn a_frozen_environment_stands_still_between_invocations_and_not_in_them() {
    let stage = Stage::new(frozen_probe(1));
    let (gate, wait) = stage.gate("gate");
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    until_idle(pid).await;
    let running = stage.start(wait);
    stage.logs.wait_for("waiting", 1).await;
    assert_ne!(state(pid).as_deref(), Some("T"));
    std::fs::write(gate, "").unwrap();
    assert_eq!(running.await.unwrap().unwrap().pid(), pid);
    until_idle(pid).await;
}

#[tokio::test]
async fn a_function_can_be_replaced() {
    let stage = Stage::new(probe(2));
    let (gate, wait) = stage.gate("gate");
    let busy = stage.start(wait);
    stage.logs.wait_for("waiting", 1).await;
    let idle = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();

    let mut new = probe(1);
    new.env = vec![("COLOUR".into(), "green".into())];
    stage.host.replace(new).unwrap();
    until("the idle process is stopped", || !runs(idle)).await;

    let reply = stage.invoke(json!({ "do": "echo", "value": 1 })).await;
    assert_eq!(reply.body["variables"]["COLOUR"], "green");
    std::fs::write(gate, "").unwrap();
    let busy = busy.await.unwrap().unwrap().pid();
    until("the busy process is stopped", || !runs(busy)).await;
    let again = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    assert_eq!(again, reply.pid());
}

/// The probe with environments that show when they are idle: they stand still.
fn frozen_probe(concurrency: usize) -> FunctionConfig {
    let mut function = probe(concurrency);
    function.freeze = true;
    function
}

async fn until_idle(pid: i32) {
    until("it stands still", || state(pid).as_deref() == Some("T")).await;
}
