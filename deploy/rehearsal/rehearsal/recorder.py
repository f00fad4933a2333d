"""Stands between who asks AWS for something, and the emulator.

It finds out who asks by the access key in the request's signature, asks the policies of his role whether he may, writes
it down, and answers as AWS would when he may not. What he may goes on to the emulator in the name of the account: that
would judge by its own idea of IAM, which has no `dynamodb:LeadingKeys`.
"""

import contextlib
import http.client
import json
import re
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

from rehearsal import asked
from rehearsal.asked import Account
from rehearsal.policy import Ask, Grant, Policy

# The account itself, which may do everything.
ROOT_KEY = "test"

KEY_OF_SIGNATURE = re.compile(r"(?<=Credential=)[^/]+")

# What is of one connection alone.
OF_CONNECTION = {"connection", "content-length", "host", "transfer-encoding"}


@dataclass
class Seen:
    """A request, and what the policies say of it."""

    scenario: str
    role: str
    operation: str
    asks: list[Ask]
    # For each ask by what it is allowed. The account itself is allowed everything by nothing.
    grants: list[list[Grant]]

    @property
    def denied(self) -> list[Ask]:
        return [ask for ask, grants in zip(self.asks, self.grants, strict=True) if not grants]


@dataclass
class Log:
    """What was seen, in the order in which it came."""

    seen: list[Seen] = field(default_factory=list)
    # What could not be judged; nothing of it went on.
    failures: list[str] = field(default_factory=list)
    # What goes on just now.
    scenario: str = ""


class Request(NamedTuple):
    """As it came."""

    method: str
    path: str
    headers: http.client.HTTPMessage
    body: bytes


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes


@dataclass
class Caller:
    """Who asks: the role, and its policy, or none for the account itself."""

    role: str
    policy: Policy | None


class Recorder:
    """For one service of AWS."""

    def __init__(
        self, upstream: str, log: Log, caller: Callable[[str], Caller], account: Account
    ) -> None:
        self._upstream = urlsplit(upstream)
        self._log = log
        self._caller = caller
        self.account = account
        # Operations of which one answer each gets lost after they were done.
        self.answers_to_lose: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def read(self, request: Request) -> tuple[str, list[Ask]]:
        """The operation, and what it asks for."""
        raise NotImplementedError

    def refusal(self, text: str) -> Answer:
        """What AWS answers to who may not."""
        raise NotImplementedError

    def answer(self, request: Request) -> Answer:
        try:
            key = KEY_OF_SIGNATURE.search(request.headers["authorization"]).group()
            caller = self._caller(key)
            operation, asks = self.read(request)
            grants = [caller.policy.allows(ask) if caller.policy else [] for ask in asks]
        except Exception:
            self._log.failures.append(f"{request}: {traceback.format_exc()}")
            return Answer(500, {}, b"{}")
        seen = Seen(self._log.scenario, caller.role, operation, asks, grants)
        self._log.seen.append(seen)
        if caller.policy and seen.denied:
            ask = seen.denied[0]
            text = f"{caller.role} is not authorized to perform: {ask.action} on {ask.resource}"
            return self.refusal(text)
        answer = self._go_on(request)
        if operation in self.answers_to_lose:
            self.answers_to_lose.remove(operation)
            return Answer(500, {}, b"{}")
        return answer

    def _go_on(self, request: Request) -> Answer:
        """In the name of the account, whose signature the emulator does not check."""
        passed = {
            name: KEY_OF_SIGNATURE.sub(ROOT_KEY, value)
            for name, value in request.headers.items()
            if name.lower() not in OF_CONNECTION | {"x-amz-security-token"}
        }
        host, port = self._upstream.hostname, self._upstream.port
        # A run of a function may take its time.
        connection = http.client.HTTPConnection(host, port, timeout=120)
        try:
            connection.request(request.method, request.path, request.body, passed)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()


class DynamoDb(Recorder):
    def read(self, request: Request) -> tuple[str, list[Ask]]:
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        return operation, asked.of_dynamodb(self.account, operation, request.body)

    def refusal(self, text: str) -> Answer:
        kind = "com.amazon.coral.service#AccessDeniedException"
        content = json.dumps({"__type": kind, "Message": text})
        return Answer(400, {"content-type": "application/x-amz-json-1.0"}, content.encode())


class Lambda(Recorder):
    def read(self, request: Request) -> tuple[str, list[Ask]]:
        return "Invoke", asked.of_lambda(self.account, request.method, request.path)

    def refusal(self, text: str) -> Answer:
        kind = {"x-amzn-errortype": "AccessDeniedException", "content-type": "application/json"}
        return Answer(403, kind, json.dumps({"Message": text}).encode())


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer in one packet, at once.
        wbufsize = 1 << 16
        disable_nagle_algorithm = True

        def handle(self) -> None:
            # Who was killed says no goodbye.
            with contextlib.suppress(ConnectionError):
                super().handle()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Request(self.command, self.path, self.headers, body)
            status, headers, content = recorder.answer(request)
            self.send_response_only(status)
            for name, value in headers.items():
                if name.lower() not in OF_CONNECTION:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
