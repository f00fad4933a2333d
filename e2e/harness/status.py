"""What an error of a call carries."""

from collections.abc import Callable, Iterable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

DOMAIN = "callboard.dev"


class Explained:
    """An error with details, whoever has read it."""

    # Of gRPC's numbers, or of grpcio's names for them.
    code: int | grpc.StatusCode

    def details(self) -> Iterable[Any]:
        """The details as they are packed."""
        raise NotImplementedError

    def detail(self, kind: type[Message]) -> Message | None:
        """The detail of a kind, if the error has one."""
        for packed in self.details():
            if packed.Is(kind.DESCRIPTOR):
                detail = kind()
                packed.Unpack(detail)
                return detail
        return None

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        info = self.detail(error_details_pb2.ErrorInfo)
        assert info is not None, f"no ErrorInfo: {self}"
        return info

    def is_ours(self, code: int | grpc.StatusCode, reason: str) -> None:
        """It is an error that Callboard itself makes, and of this kind."""
        assert self.code == code, self
        assert (self.info.reason, self.info.domain) == (reason, DOMAIN), self


class Refused(Explained):
    """An error of a call, its details unpacked."""

    def __init__(self, error: grpc.RpcError) -> None:
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details()
        self.trailers: dict[str, str] = dict(error.trailing_metadata() or ())
        self._status = rpc_status.from_call(error)

    def details(self) -> Iterable[Any]:
        return self._status.details if self._status else ()

    @property
    def metadata(self) -> dict[str, str]:
        return dict(self.info.metadata)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}\n{self._status}"


# How often a deadline is tried, should the client's own timer be first.
DEADLINE_TRIES = 5


def timed_out(call: Callable[[], Refused]) -> Refused:
    """Makes a call that must run into its deadline, until it is the gateway that says so."""
    for _ in range(DEADLINE_TRIES):
        error = call()
        assert error.code == grpc.StatusCode.DEADLINE_EXCEEDED, error
        # The client's own timer gives no details.
        if error.detail(error_details_pb2.ErrorInfo):
            break
    return error


def refused(call, *arguments, **options) -> Refused:
    """Makes a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return Refused(caught.value)
