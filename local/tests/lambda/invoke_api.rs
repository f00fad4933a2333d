//! What an AWS SDK sees.

use std::time::Duration;

use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, ThrottleReason};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use callboard_local::{FunctionConfig, HostConfig, LambdaHost, lambda};
use serde_json::json;

use crate::support::{PROBE, Stage, probe, reply, variables};

#[tokio::test]
async fn the_function_gets_the_payload_and_its_answer_comes_back() {
    let stage = Stage::new(probe(1));
    let value = json!({ "text": "grüezi \u{1f4de}", "numbers": [1, 2.5, -3], "none": null });
    let reply = stage.invoke(json!({ "do": "echo", "value": value })).await;
    assert_eq!(reply.body["value"], value);
    assert_eq!(reply.output.status_code(), 200);
    assert_eq!(reply.output.executed_version(), Some("$LATEST"));
    assert_eq!(reply.output.function_error(), None);
}

#[tokio::test]
async fn the_function_gets_a_context_and_variables_as_in_aws() {
    let mut function = probe(1);
    function.memory_mb = 512;
    function.env = vec![
        ("COLOUR".into(), "red".into()),
        ("AWS_REGION".into(), "eu-central-1".into()),
        ("AWS_LAMBDA_FUNCTION_NAME".into(), "another".into()),
    ];
    let stage = Stage::new(function);
    let client = json!({
        "installation_id": "1", "app_title": "app", "app_version_name": "one",
        "app_version_code": "1", "app_package_name": "org.example.app",
    });
    let client_context = json!({ "client": client, "custom": { "language": "de" } }).to_string();
    let client_context = BASE64_STANDARD.encode(client_context);
    let request = stage.client.invoke().function_name(PROBE).tenant_id("blue");
    let request = request.client_context(client_context);
    let order = json!({ "do": "echo", "value": null }).to_string();
    let reply = reply(request.payload(Blob::new(order)).send().await).unwrap();

    let context = &reply.body["context"];
    assert_eq!(
        context["invoked_function_arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:probe"
    );
    assert_eq!(context["tenant_id"], "blue");
    assert_eq!(context["client_context"]["custom"]["language"], "de");
    assert_eq!(context["request_id"].as_str().unwrap().len(), 36);
    assert!(context["xray_trace_id"].as_str().unwrap().starts_with("Root=1-"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let left = u128::from(context["deadline"].as_u64().unwrap()) - now.as_millis();
    assert!((25_000..=30_000).contains(&left), "{left} ms are left of 30 s");

    let variables = variables(&reply);
    let expected = [
        ("AWS_LAMBDA_FUNCTION_NAME", "probe"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/probe"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("TZ", ":UTC"),
        ("COLOUR", "red"),
    ];
    for (name, value) in expected {
        assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!variables.contains_key("CARGO_MANIFEST_DIR"), "the host's variables do not leak");
}

#[tokio::test]
async fn an_unknown_function_is_not_found() {
    let stage = Stage::new(probe(1));
    let result = reply(stage.client.invoke().function_name("nobody").send().await);
    let refused = result.unwrap_err();
    assert_eq!(refused.status, 404);
    let InvokeError::ResourceNotFoundException(error) = *refused.error else {
        panic!("{:?}", refused.error);
    };
    let message = "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody";
    assert_eq!(error.message(), Some(message));
    assert_eq!(error.r#type(), Some("User"));
}

#[tokio::test]
async fn a_function_answers_to_its_arn_and_to_any_qualifier() {
    let stage = Stage::new(probe(1));
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:probe";
    let names = [arn.to_owned(), format!("{arn}:live"), "probe:$LATEST".to_owned()];
    for name in names {
        let order = Blob::new(json!({ "do": "print", "lines": [] }).to_string());
        let request = stage.client.invoke().function_name(&name).qualifier("live");
        reply(request.payload(order).send().await).unwrap().pid();
    }
}

#[tokio::test]
async fn a_payload_must_be_json() {
    let stage = Stage::new(probe(1));
    let request = stage.client.invoke().function_name(PROBE);
    let refused = reply(request.payload(Blob::new("{\"do\":")).send().await).unwrap_err();
    assert_eq!(refused.status, 400);
    assert!(
        matches!(*refused.error, InvokeError::InvalidRequestContentException(_)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn payloads_are_limited_as_in_aws() {
    const MIB: usize = 1024 * 1024;
    let stage = Stage::new(probe(1));
    let sizes = [
        (InvocationType::RequestResponse, 6 * MIB, true),
        (InvocationType::RequestResponse, 6 * MIB + 1, false),
        (InvocationType::Event, MIB, true),
        (InvocationType::Event, MIB + 1, false),
    ];
    for (kind, size, fits) in sizes {
        let mut order = json!({ "do": "print", "lines": [], "padding": "" }).to_string();
        let padding = "x".repeat(size - order.len());
        order = order.replace(r#""padding":"""#, &format!(r#""padding":"{padding}""#));
        assert_eq!(order.len(), size);
        let request = stage.client.invoke().function_name(PROBE).invocation_type(kind.clone());
        match reply(request.payload(Blob::new(order)).send().await) {
            Ok(reply) => assert!(fits, "{kind} of {size} bytes: {reply:?}"),
            Err(refused) => {
                assert!(!fits, "{kind} of {size} bytes: {refused:?}");
                assert_eq!(refused.status, 413);
                assert!(
                    matches!(*refused.error, InvokeError::RequestTooLargeException(_)),
                    "{refused:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn answers_are_limited_as_in_aws() {
    const LIMIT: usize = 6 * 1024 * 1024 + 100;
    let stage = Stage::new(probe(1));
    let frame = stage.invoke(json!({ "do": "large", "bytes": 0 })).await.body.to_string().len();
    let fits = stage.invoke(json!({ "do": "large", "bytes": LIMIT - frame })).await;
    assert_eq!(fits.output.payload().unwrap().as_ref().len(), LIMIT);
    let pid = fits.pid();

    let too_large = stage.invoke(json!({ "do": "large", "bytes": LIMIT - frame + 1 })).await;
    assert_eq!(too_large.failure().0, "Function.ResponseSizeTooLarge");

    let next = stage.invoke(json!({ "do": "print", "lines": [] })).await;
    assert_eq!(next.pid(), pid, "the environment survives");
}

#[tokio::test]
async fn a_function_that_fails_or_panics_says_so_and_lives_on() {
    let stage = Stage::new(probe(1));
    let pid = stage.invoke(json!({ "do": "print", "lines": [] })).await.pid();
    let failures = [
        (json!({ "do": "fail", "message": "no funds" }), "no funds"),
        (json!({ "do": "panic", "message": "no floor" }), "no floor"),
        (json!({ "do": "nonsense" }), "nonsense"),
    ];
    for (order, message) in failures {
        let reply = stage.invoke(order).await;
        assert!(reply.failure().1.contains(message), "{:?}", reply.body);
    }
    assert_eq!(stage.invoke(json!({ "do": "print", "lines": [] })).await.pid(), pid);
}

#[tokio::test]
async fn an_event_is_accepted_at_once_and_runs_later() {
    let stage = Stage::new(probe(1));
    let (gate, wait) = stage.gate("gate");
    let running = stage.start(wait);
    stage.logs.wait_for("waiting", 1).await;

    // The only environment is busy: events wait longer than callers would.
    for number in 1..=3 {
        let order = json!({ "do": "print", "lines": [format!("event {number}")] }).to_string();
        let request = stage.client.invoke().function_name(PROBE);
        let request = request.invocation_type(InvocationType::Event).payload(Blob::new(order));
        let reply = reply(request.send().await).unwrap();
        assert_eq!(reply.output.status_code(), 202);
        assert!(reply.body.is_null(), "{:?}", reply.body);
    }
    assert_eq!(stage.logs.count("event 1"), 0);

    std::fs::write(gate, "").unwrap();
    running.await.unwrap().unwrap();
    stage.logs.wait_for("event 3", 1).await;
    let lines: Vec<_> = stage.logs.all().into_iter().map(|line| line.line).collect();
    assert_eq!(lines, ["waiting", "event 1", "event 2", "event 3"], "first come, first served");
}

#[tokio::test]
async fn a_dry_run_runs_nothing() {
    let stage = Stage::new(probe(1));
    for (name, status) in [(PROBE, Ok(204)), ("nobody", Err(404))] {
        let request = stage.client.invoke().function_name(name);
        let result = reply(request.invocation_type(InvocationType::DryRun).send().await);
        let actual =
            result.map(|reply| reply.output.status_code()).map_err(|refused| refused.status);
        assert_eq!(actual, status, "{name}");
    }
    assert_eq!(stage.logs.all(), []);
}

#[tokio::test]
async fn who_finds_no_free_environment_in_time_is_throttled() {
    let stage = Stage::with(probe(1), |config| config.queue_wait = Duration::from_millis(20));
    let (gate, wait) = stage.gate("gate");
    let running = stage.start(wait);
    stage.logs.wait_for("waiting", 1).await;

    let refused = stage.start(json!({ "do": "print", "lines": [] })).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 429);
    let InvokeError::TooManyRequestsException(error) = *refused.error else {
        panic!("{:?}", refused.error);
    };
    let reason = ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded;
    assert_eq!(error.reason(), Some(&reason));

    std::fs::write(gate, "").unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_host_refuses_what_makes_no_sense() {
    let nameless = FunctionConfig::new("", "x");
    let spaced = FunctionConfig::new("a b", "x");
    let mut idle = FunctionConfig::new("idle", "x");
    idle.concurrency = 0;
    let mut hasty = FunctionConfig::new("hasty", "x");
    hasty.timeout = Duration::ZERO;
    let twin = FunctionConfig::new("twin", "x");
    for functions in
        [vec![nameless], vec![spaced], vec![idle], vec![hasty], vec![twin.clone(), twin]]
    {
        let config = HostConfig { functions, ..HostConfig::default() };
        let refused = LambdaHost::start(config, "127.0.0.1:0".parse().unwrap()).err();
        assert!(matches!(refused, Some(lambda::Error::Function { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_region_is_one_word() {
    let config = HostConfig { region: "two\nlines".into(), ..HostConfig::default() };
    let refused = LambdaHost::start(config, "127.0.0.1:0".parse().unwrap()).err();
    assert!(matches!(refused, Some(lambda::Error::Region { .. })), "{refused:?}");
}

#[test]
fn a_host_needs_a_runtime() {
    let refused = LambdaHost::start(HostConfig::default(), "127.0.0.1:0".parse().unwrap()).err();
    assert!(matches!(refused, Some(lambda::Error::NoRuntime)), "{refused:?}");
}
