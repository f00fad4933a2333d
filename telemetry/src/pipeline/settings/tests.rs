use super::*;

const BASE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

fn read(variables: &[(&str, &str)]) -> Result<Settings, Error> {
    Settings::read("gateway", &|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn nothing_set_is_off() {
    let settings = read(&[]).expect("nothing is wrong");
    assert_eq!((settings.traces, settings.metrics), (None, None));
    assert_eq!(settings.sampling, Sampling { ratio: 1.0, follows_caller: true });
}

#[test]
fn an_empty_value_is_unset() {
    assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).expect("valid").traces, None);
}

#[test]
fn one_endpoint_serves_both_and_one_signal_may_have_its_own() {
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces/in");
    let settings = read(&[BASE, own]).expect("valid");
    let (traces, metrics) = (settings.traces.expect("on"), settings.metrics.expect("on"));
    assert_eq!(traces.endpoint, "https://traces/in");
    assert_eq!(metrics.endpoint, "http://collector:4318/v1/metrics");
    assert_eq!(metrics.protocol, Protocol::Http);
}

#[test]
fn what_is_asked_for_without_endpoint_goes_to_this_machine() {
    let grpc = [("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let settings = read(&grpc).expect("valid");
    assert_eq!(settings.traces.expect("on").endpoint, "http://localhost:4317");
    assert_eq!(settings.metrics, None);
}

#[test]
fn the_whole_can_be_switched_off_and_each_signal_too() {
    let disabled = read(&[BASE, ("OTEL_SDK_DISABLED", "true")]).expect("valid");
    // As the standard has it: what the caller sent is passed on all the same.
    assert_eq!((disabled.traces, disabled.propagates), (None, true));
    let metrics = read(&[BASE, ("OTEL_TRACES_EXPORTER", "none")]).expect("valid");
    assert!(metrics.traces.is_none() && metrics.metrics.is_some());
    let text = read(&[BASE, ("OTEL_METRICS_EXPORTER", "prometheus")]).expect("valid");
    assert!(text.metrics.is_none() && text.traces.is_some());
}

#[test]
fn how_it_is_sent_can_be_set_for_both_and_for_one() {
    let settings = read(&[
        BASE,
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x = 1"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "y=2"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]);
    let settings = settings.expect("valid");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (traces, metrics) = (settings.traces.expect("on"), settings.metrics.expect("on"));
    assert_eq!(traces.headers, [pair("api-key", "a b"), pair("x", "1")]);
    assert_eq!(metrics.headers, [pair("y", "2")]);
    assert_eq!(traces.timeout, Duration::from_millis(1_500));
    assert!(traces.gzip && !metrics.gzip && settings.delta);
    assert_eq!(settings.queue.delay, Duration::from_millis(50));
}

#[test]
fn samplers_are_those_of_the_standard() {
    let of = |name, argument| {
        let set = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)];
        read(&set).expect("valid").sampling
    };
    let expect = |ratio, follows_caller| Sampling { ratio, follows_caller };
    assert_eq!(of("parentbased_traceidratio", "0.01"), expect(0.01, true));
    assert_eq!(of("traceidratio", "0.5"), expect(0.5, false));
    assert_eq!(of("parentbased_always_off", ""), expect(0.0, true));
    assert_eq!(of("always_on", "7"), expect(1.0, false));
}

#[test]
fn what_is_not_known_is_an_error_that_says_what_is() {
    let cases = [
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_TRACES_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_PROPAGATORS", "baggage,xray"),
        ("OTEL_SDK_DISABLED", "yes"),
        ("CALLBOARD_TRACE_TELLS", "parents"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a"),
    ];
    for (name, value) in cases {
        match read(&[BASE, (name, value)]) {
            Err(Error::Unknown { variable, .. }) => assert_eq!(variable, name),
            other => panic!("{name}={value}: {other:?}"),
        }
    }
    let ratio = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    let error = read(&ratio).expect_err("2 is no ratio");
    assert_eq!(
        error.to_string(),
        "OTEL_TRACES_SAMPLER_ARG is \"2\", and it can be a number from 0 to 1"
    );
    let certificate = read(&[BASE, ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem")]);
    assert!(matches!(certificate, Err(Error::Unsupported { .. })));
}

#[test]
fn no_key_is_in_an_error_or_in_what_is_printed() {
    let bad = [
        "Authorization: Bearer SECRET",
        "Authorization: Bearer SECRET==",
        "Authorization:Bearer-SECRET==",
        "api-key=SECRET%0A",
        "api-key=SECRET%",
    ];
    for variable in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
        for value in bad {
            let error = read(&[BASE, (variable, value)]).expect_err(value);
            assert_eq!(error, Error::Headers { variable: variable.to_owned() });
            assert!(!error.to_string().contains("SECRET"), "{error}");
        }
    }
    let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    for value in ["ftp://me:SECRET@host", "me:SECRET@host:4318", "host:4318/?key=SECRET"] {
        let error = read(&[(endpoint, value)]).expect_err(value).to_string();
        assert!(error.contains("host") && !error.contains("SECRET"), "{error}");
    }
    let settings = read(&[
        (endpoint, "https://me:SECRET@host/a?key=SECRET"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=SECRET"),
    ]);
    let settings = format!("{:?}", settings.expect("valid"));
    assert!(settings.contains("api-key") && settings.contains("host"), "{settings}");
    assert!(!settings.contains("SECRET"), "{settings}");
}

#[test]
fn propagators_of_others_are_ignored_beside_those_that_are_known() {
    let settings = read(&[("OTEL_PROPAGATORS", "tracecontext, baggage,xray, b3")]);
    let settings = settings.expect("a layer for Lambda sets it so");
    assert!(settings.propagates);
    assert_eq!(settings.ignored, ["xray", "b3"]);
    let known = read(&[("OTEL_PROPAGATORS", "tracecontext,baggage")]).expect("valid");
    assert!(known.propagates && known.ignored.is_empty());
    assert!(!read(&[("OTEL_PROPAGATORS", "none")]).expect("valid").propagates);
}

#[test]
fn keys_are_left_out_and_tells_are_linked_unless_asked_otherwise() {
    assert_eq!(read(&[]).expect("valid").habits, Habits::default());
    let set = [("CALLBOARD_TRACE_TELLS", "children"), ("CALLBOARD_TRACE_KEYS", "true")];
    let expected = Habits { tells: Tells::Children, keys: true };
    assert_eq!(read(&set).expect("valid").habits, expected);
}
