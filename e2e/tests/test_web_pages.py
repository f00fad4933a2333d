"""Which web pages may call: those that are allowed, and nobody else's."""

import json

import pytest

from harness.web import JSON, Answer, ask, send, start

PATH = "/probe.v1.Probe/Add"
APP = "https://app.example"


def preflight(port: int, origin: str, **headers: str) -> Answer:
    asks = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,callboard-message-id",
    }
    return send(port, "OPTIONS", PATH, None, asks | headers)


def add(port: int, name: str, **headers: str) -> Answer:
    body = json.dumps({"probe": name, "delta": 1}).encode()
    return send(port, "POST", PATH, body, JSON | headers)


@pytest.fixture(scope="module")
def open_to_app(_shared_devs):
    """A `callboard dev` that one page of others may call."""
    return start(_shared_devs.probe(), f"--allow-origin={APP}")


def test_a_page_that_is_allowed_asks_and_calls(open_to_app, key):
    port = open_to_app.port
    answer = preflight(port, APP)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["access-control-allow-headers"] == "content-type,callboard-message-id"
    assert "origin" in answer.headers["vary"]

    answer = add(port, key(), origin=APP)
    assert (answer.status, answer.json) == (200, {"value": "1"})
    assert answer.headers["access-control-allow-origin"] == APP
    exposed = answer.headers["access-control-expose-headers"]
    assert "callboard-message-id" in exposed and "grpc-status" in exposed

    # It may read errors, too.
    answer = ask(open_to_app, "Probe/Add", {}, origin=APP)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (400, APP)


def test_every_page_is_allowed_only_when_that_is_asked_for(devs, key):
    dev = start(devs.probe(), "--allow-origin=*")
    assert preflight(dev.port, "https://any.example").status == 204
    assert add(dev.port, key(), origin="null").headers["access-control-allow-origin"] == "null"
    # But its name must not be made to be this machine's.
    assert add(dev.port, key(), host="any.example").status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_no_other_page_is_allowed(shared, open_to_app, key, origin):
    for dev in (shared, open_to_app):
        answer = preflight(dev.port, origin)
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
        name = key()
        assert add(dev.port, name, origin=origin).status == 403
        assert add(dev.port, name).json == {"value": "1"}, "nothing had been added"


def test_a_page_of_the_gateway_itself_may_call(shared, key):
    host = f"localhost:{shared.port}"
    answer = add(shared.port, key(), host=host, origin=f"http://{host}")
    assert (answer.status, answer.json) == (200, {"value": "1"})


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:7070"])
@pytest.mark.parametrize("content_type", ["application/json", "application/grpc"])
def test_a_name_that_was_made_to_point_here_does_not_help(shared, key, host, content_type):
    # To the browser it is the page's own origin, so that it asks nobody.
    headers = {"host": host, "origin": f"http://{host}", "content-type": content_type}
    answer = add(shared.port, key(), **headers)
    assert answer.status == 403


def test_a_name_that_is_allowed_is_a_host(devs, key):
    dev = start(devs.probe(), "--allow-host=gateway.example")
    assert add(dev.port, key(), host="gateway.example").status == 200
    assert add(dev.port, key(), host="evil.example").status == 403


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
@pytest.mark.parametrize(
    "path", [PATH, "/callboard.v1.Gateway/Tell", "/grpc.health.v1.Health/Check"]
)
def test_what_a_form_may_send_is_not_taken(shared, path, content_type):
    body = json.dumps({"probe": "form", "delta": 1}).encode()
    answer = send(shared.port, "POST", path, body, {"content-type": content_type})
    assert answer.status == 415
    assert "application/json" in answer.headers["accept-post"]


def test_a_picture_on_another_page_is_no_call(shared):
    path = "/probe.v1.Probe/Look?connect=v1&encoding=json&message=%7B%22probe%22%3A%22a%22%7D"
    assert send(shared.port, "GET", path, None, {"sec-fetch-site": "cross-site"}).status == 403
    assert send(shared.port, "GET", path, None, {"sec-fetch-site": "none"}).status == 200
