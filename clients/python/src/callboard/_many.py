"""Several asks at once, without I/O: who has no result yet, and what the results are."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import grpc
from google.protobuf.message import DecodeError

from callboard import errors
from callboard.errors import CallboardError
from callboard.message import Answer, Message, answer_of, named
from callboard.v1 import gateway_pb2

Res = TypeVar("Res")


class Many(Generic[Res]):
    """The results of several asks, as they come."""

    def __init__(self, messages: Sequence[Message[Res]]) -> None:
        if not messages:
            raise ValueError("there is at least one ask")
        self._messages = messages
        self._results: list[Answer[Res] | CallboardError | None] = [None] * len(messages)
        # Which ask each message of the last request is.
        self._asked: list[int] = []

    def request(self) -> bytes:
        """The request for those that have no result yet."""
        self._asked = [index for index, result in enumerate(self._results) if result is None]
        messages = [named(self._messages[index]) for index in self._asked]
        return gateway_pb2.AskManyRequest(messages=messages).SerializeToString()

    def take(self, payload: bytes) -> None:
        """Takes one result."""
        told = gateway_pb2.AskManyResponse.FromString(payload)
        index = self._asked[told.index]
        message = self._messages[index]
        if told.WhichOneof("result") == "error":
            status = told.error
            self._results[index] = errors.of_status(
                status.code, status.message, status.details, message.message_id
            )
            return
        try:
            self._results[index] = answer_of(message, told.response)
        except (DecodeError, ValueError) as error:
            self._results[index] = errors.unreadable(error, message.message_id)

    def results(self, failure: errors.Failure | None) -> list[Answer[Res] | CallboardError]:
        """All results; those that did not come are told why."""
        return [
            self._missing(failure, message.message_id) if result is None else result
            for message, result in zip(self._messages, self._results, strict=True)
        ]

    def _missing(self, failure: errors.Failure | None, message_id: str) -> CallboardError:
        if failure is None:
            text = "the gateway has ended the call without a result"
            return errors.InternalError(grpc.StatusCode.INTERNAL, text, message_id=message_id)
        return errors.of_failure(failure, message_id)
