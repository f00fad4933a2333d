"""Plain HTTP/1.1 with Python's own client: what a browser or curl would send."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from harness.dev import READY_SECONDS, Dev
from harness.status import DOMAIN
from harness.until import until

JSON = {"content-type": "application/json"}
PROTO = {"content-type": "application/proto"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json", self
        return json.loads(self.body)

    def detail(self, kind: type[Message]) -> Message | None:
        """The detail of a kind that a Connect error carries, read from its bytes."""
        name = kind.DESCRIPTOR.full_name
        for detail in self.json.get("details", []):
            if detail["type"] == name:
                assert not detail["value"].endswith("=")
                return kind.FromString(base64.b64decode(detail["value"] + "=="))
        return None

    @property
    def info(self) -> dict[str, Any]:
        """The ErrorInfo, as it is written for people."""
        [info] = [d for d in self.json["details"] if d["type"] == "google.rpc.ErrorInfo"]
        return info["debug"]

    def is_ours(self, status: int, code: str, reason: str) -> None:
        """It is a Connect error that Callboard itself makes, and of this kind."""
        assert (self.status, self.json["code"]) == (status, code), self
        assert (self.info["reason"], self.info["domain"]) == (reason, DOMAIN), self


def send(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict | None = None
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        told: dict[str, str] = {}
        for name, value in response.getheaders():
            told[name.lower()] = ", ".join(filter(None, [told.get(name.lower()), value]))
        return Answer(response.status, told, response.read())
    finally:
        connection.close()


def ask(dev: Dev, method: str, request: dict, **headers: str) -> Answer:
    """Calls a method with JSON, `Probe/Add`; `callboard_delay="1s"` is a header."""
    service, _, _ = method.partition("/")
    package = {"Probe": "probe.v1", "Lenient": "trial.v1"}[service]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json.dumps(request).encode()
    return send(dev.port, "POST", f"/{package}.{method}", body, JSON | named)


def start(dev: Dev, *options: str) -> Dev:
    """Starts a `callboard dev` with options, and waits until it serves."""
    dev.spawn(*options)
    until("callboard dev serves", lambda: "Ctrl-C stops it" in dev.output_of_run(), READY_SECONDS)
    return dev
