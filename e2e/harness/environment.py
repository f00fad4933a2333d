"""An environment of Lambda that does to its function what a test wants: it may refuse the
extension, and it never takes the response to an invocation, so that nothing comes after it."""

import base64
import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness.stubs import activation
from harness.until import until

# What its database answers. It has no such tables.
REFUSED = {
    "__type": "com.amazonaws.dynamodb.v20120810#ValidationException",
    "message": "the disk of frau-mueller is full",
}


class Environment:
    """A function with one invocation: a read of an actor."""

    def __init__(self, function: Path, log: Path, address: str, register: int = 200, **more: str):
        self.log = log
        # What the function has asked for, in order.
        self.asked: list[str] = []
        self._register = register
        read = activation.Read(address=address)
        invocation = activation.Invocation(read=read).SerializeToString()
        self._payload = {"callboard": base64.b64encode(invocation).decode()}
        self._ends = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        here = f"127.0.0.1:{self._server.server_port}"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [function],
                stdout=output,
                stderr=output,
                env={
                    "AWS_LAMBDA_RUNTIME_API": here,
                    "AWS_LAMBDA_FUNCTION_NAME": "function",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                    "AWS_LAMBDA_FUNCTION_VERSION": "1",
                    "AWS_ENDPOINT_URL_DYNAMODB": f"http://{here}",
                    "AWS_REGION": "eu-central-1",
                    "AWS_ACCESS_KEY_ID": "a",
                    "AWS_SECRET_ACCESS_KEY": "b",
                    **more,
                },
            )

    def has_asked(self, path: str) -> None:
        """Waits until it has."""

        def asked() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return any(path in each for each in self.asked)

        until(f"the function asks for {path}", asked)

    def close(self) -> None:
        self._ends.set()
        self.process.kill()
        self.process.wait(10)
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        environment = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                is_first = self.path not in environment.asked
                environment.asked.append(self.path)
                if self.path.endswith("/runtime/invocation/next") and is_first:
                    self._answer(200, environment._payload)
                else:
                    environment._ends.wait()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                environment.asked.append(self.path)
                if self.path.endswith("/extension/register"):
                    body = {"functionName": "function", "functionVersion": "1", "handler": "none"}
                    self._answer(environment._register, body)
                elif self.path == "/":
                    self._answer(400, REFUSED)
                else:
                    environment._ends.wait()

            def _answer(self, code: int, body: dict) -> None:
                text = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.send_header("lambda-extension-identifier", "an-extension")
                self.send_header("lambda-runtime-aws-request-id", "an-invocation")
                self.send_header("lambda-runtime-deadline-ms", str(2**41))
                self.send_header("lambda-runtime-invoked-function-arn", "arn:function")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
