"""What the proxy does to a call instead of only passing it on."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

# Where gRPC has the details of a status.
DETAILS = "grpc-status-details-bin"

Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass
class Status:
    """A status that the proxy answers with."""

    code: str
    message: str = "as the case wants it"
    reason: str | None = None
    domain: str = "callboard.dev"
    metadata: dict[str, str] = field(default_factory=dict)
    retry_delay_ms: int | None = None
    violations: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def grpc_code(self) -> grpc.StatusCode:
        return grpc.StatusCode[self.code]

    def trailing_metadata(self) -> Metadata:
        trailers: list[tuple[str, str | bytes]] = [
            (name, value.encode("latin-1") if name.endswith("-bin") else value)
            for name, value in self.trailers.items()
        ]
        details = list(self._details())
        if details:
            status = status_pb2.Status(
                code=self.grpc_code.value[0], message=self.message, details=details
            )
            trailers.append((DETAILS, status.SerializeToString()))
        return tuple(trailers)

    def _details(self) -> list[any_pb2.Any]:
        details = []
        if self.reason is not None:
            info = error_details_pb2.ErrorInfo(
                reason=self.reason, domain=self.domain, metadata=self.metadata
            )
            details.append(info)
        if self.retry_delay_ms is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(self.retry_delay_ms)
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        if self.violations:
            request = error_details_pb2.BadRequest()
            for name, description in self.violations.items():
                request.field_violations.add(field=name, description=description)
            details.append(request)
        packed = []
        for detail in details:
            packed.append(any_pb2.Any())
            packed[-1].Pack(detail)
        return packed


@dataclass
class Fault:
    """What happens to some of the calls of a method.

    Without anything but `method` and `attempts` a call is passed on as it is."""

    # A pattern of the name of the gRPC method (`Run`, `TellStream`), or of the actor's
    # method in a call by name.
    method: str = "*"
    # Which of these calls, from 1; all of them when it is absent.
    attempts: list[int] | None = None
    # How long to wait first.
    delay_ms: int = 0
    # Passes the call on, and after so many responses goes on as the rest says.
    after_responses: int | None = None
    # Passes the call on, waits for its end, and goes on as the rest says.
    lose_answer: bool = False
    # Keeps responses back until the case has the step `release`.
    withhold: bool = False
    # Answers with this status.
    status: Status | None = None
    # Answers with these bytes, in hexadecimal digits.
    body: str | None = None
    # Breaks all connections.
    cut: bool = False
    # Does not answer at all.
    hang: bool = False

    @staticmethod
    def parse(written: dict[str, Any]) -> "Fault":
        status = written.get("status")
        attempts = written.get("attempts")
        if isinstance(attempts, int):
            attempts = [attempts]
        changed = {
            "attempts": attempts,
            "status": Status(**status) if status is not None else None,
        }
        return Fault(**(written | changed))

    def is_for(self, method: str, actor_method: str) -> bool:
        return fnmatchcase(method, self.method) or fnmatchcase(actor_method, self.method)
