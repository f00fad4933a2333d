"""A collector of OpenTelemetry's: takes spans in over HTTP, and keeps them."""

import gzip
import itertools
import random
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import rotel
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Otlp
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from harness.until import until


@dataclass
class Span:
    """A span as it was exported."""

    service: str
    otlp: Otlp
    attributes: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        self.attributes = {
            each.key: getattr(each.value, each.value.WhichOneof("value"))
            for each in self.otlp.attributes
        }

    @property
    def name(self) -> str:
        return self.otlp.name

    @property
    def kind(self) -> str:
        return Otlp.SpanKind.Name(self.otlp.kind).removeprefix("SPAN_KIND_")

    @property
    def trace(self) -> str:
        return self.otlp.trace_id.hex()

    @property
    def id(self) -> str:
        return self.otlp.span_id.hex()

    @property
    def parent(self) -> str:
        return self.otlp.parent_span_id.hex()

    @property
    def links(self) -> list[str]:
        return [link.span_id.hex() for link in self.otlp.links]

    @property
    def error(self) -> str | None:
        """The kind of its error, if it failed."""
        if self.otlp.status.code != Status.STATUS_CODE_ERROR:
            return None
        return str(self.attributes["error.type"])


class Collector:
    """Listens on a port of its own until it is closed."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers["content-encoding"] == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/traces", self.path
                collector._take(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to export its spans here."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "20",
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            service = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                with self._lock:
                    self._spans += [Span(service["service.name"], span) for span in scope.spans]

    def all(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    def of(self, trace: str) -> list[Span]:
        """The spans of a trace, and of those that are linked to it, directly or not."""
        found: list[Span] = []
        known: set[str] = set()
        traces = {trace}
        every = self.all()
        while traces:
            here = [span for span in every if span.trace in traces]
            found += here
            known |= traces
            ids = {span.id for span in here}
            linked = {span.trace for span in every if ids & set(span.links)}
            traces = linked - known
        return found

    def until(self, trace: str, *names: str) -> "Story":
        """The story of a trace, when all spans of these names are there, and as often."""

        def complete() -> Story | None:
            story = Story(self.of(trace))
            return story if all(story.count(n) >= names.count(n) for n in names) else None

        try:
            return until(f"{names} in trace {trace}", complete)
        except AssertionError as missing:
            raise AssertionError(f"{missing}; there are\n{Story(self.of(trace))}") from None


class Agent:
    """Rotel, an agent of OpenTelemetry's as others run it: takes in what it gets by gRPC or HTTP,
    and sends it on to a collector."""

    def __init__(self, collector: Collector, ports: tuple[int, int], log: Path) -> None:
        self.grpc, self.http = (f"127.0.0.1:{port}" for port in ports)
        to = collector.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
        command = [
            Path(rotel.__file__).parent / "rotel-agent",
            "start",
            f"--otlp-grpc-endpoint={self.grpc}",
            f"--otlp-http-endpoint={self.http}",
            "--exporter=otlp",
            f"--otlp-exporter-endpoint={to}",
            "--otlp-exporter-protocol=http",
            f"--pid-file={log.with_suffix('.pid')}",
        ]
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        until("the agent listens", lambda: all(_is_open(port) for port in ports))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Story:
    """The spans of a trace and of those that are linked to it."""

    def __init__(self, spans: list[Span]) -> None:
        self.spans = sorted(spans, key=lambda span: span.otlp.start_time_unix_nano)

    def named(self, name: str) -> list[Span]:
        """Those of a name, in the order of their beginnings."""
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> Span:
        [span] = self.named(name)
        return span

    def count(self, name: str) -> int:
        return len(self.named(name))

    def below(self, span: Span) -> list[str]:
        """The names of those right below a span."""
        return [each.name for each in self.spans if each.parent == span.id]

    def __str__(self) -> str:
        return "\n".join(
            f"{s.service} {s.name} [{s.kind}] trace={s.trace} id={s.id} parent={s.parent} "
            f"links={s.links} error={s.error}"
            for s in self.spans
        )


_ids: Iterator[int] = itertools.count(random.getrandbits(60))


@dataclass
class Caller:
    """A caller who traces: his span's ids, and the header that tells them."""

    is_sampled: bool = True
    trace: str = field(default_factory=lambda: f"{next(_ids) << 60 | 7:032x}")
    span: str = field(default_factory=lambda: f"{next(_ids) | 1:016x}")

    @property
    def metadata(self) -> list[tuple[str, str]]:
        return [("traceparent", f"00-{self.trace}-{self.span}-{int(self.is_sampled):02x}")]
