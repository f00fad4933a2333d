"""From a method and a request to a message: by a stub, or by name."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from callboard import _message_id, _schema
from callboard.message import Message


class Method:
    """A method of an actor. Called with a request it asks, and gives the response."""

    def __init__(
        self,
        path: str,
        serialize: Callable[[Any], bytes],
        deserialize: Callable[[bytes], Any],
        ask: Callable[..., Any],
    ) -> None:
        self.path = path
        self.serialize = serialize
        self.deserialize = deserialize
        self._ask = ask

    def __call__(
        self, request: Any, timeout: float | None = None, *, message_id: str | None = None
    ) -> Any:
        """Asks, and gives the response, or what can be awaited for it.

        Args:
            request: The method's request; its key may be left out.
            timeout: How long it may take with all attempts, in seconds.
            message_id: The message's id, instead of a new one.
        """
        return self._ask(self, request, timeout=timeout, message_id=message_id)


class Binding(Protocol):
    """Makes the messages of one actor type."""

    @property
    def actor_type(self) -> str:
        """The actor type."""
        ...

    def method(self, name: str) -> Any:
        """A method by its name."""
        ...

    def message(self, key: str, method: Any, request: Any, message_id: str | None) -> Message[Any]:
        """A message, of which `request` is `None` when it was sent already."""
        ...


class StubBinding:
    """By a stub that grpcio-tools has generated."""

    def __init__(self, stub: Callable[[Any], Any], ask: Callable[..., Any]) -> None:
        channel = _StubChannel(ask)
        self.stub = stub(channel)
        if not channel.paths:
            raise TypeError(f"{stub!r} is no stub of a service")
        service, _ = _schema.split(channel.paths[0])
        self.actor_type = _schema.actor_type(service)

    def method(self, name: str) -> Method:
        method = getattr(self.stub, name, None)
        if not isinstance(method, Method):
            raise AttributeError(f"{self.actor_type} has no method {name}")
        return method

    def message(self, key: str, method: Any, request: Any, message_id: str | None) -> Message[Any]:
        found = method if isinstance(method, Method) else self.method(method)
        return Message(
            actor_type=self.actor_type,
            key=key,
            method=_schema.split(found.path)[1],
            payload=b"" if request is None else found.serialize(request),
            message_id=_message_id.checked(message_id),
            decode=found.deserialize,
            path=found.path,
        )


class NameBinding:
    """By names, without generated code."""

    stub = None

    def __init__(self, actor_type: str, ask: Callable[..., Any]) -> None:
        self.actor_type = actor_type
        self._ask = ask

    def method(self, name: str) -> Callable[..., Any]:
        def ask(
            request: Any, timeout: float | None = None, *, message_id: str | None = None
        ) -> Any:
            return self._ask(name, request, timeout=timeout, message_id=message_id)

        return ask

    def message(self, key: str, method: Any, request: Any, message_id: str | None) -> Message[Any]:
        is_encoded = isinstance(request, bytes)
        return Message(
            actor_type=self.actor_type,
            key=key,
            method=method,
            payload=request if is_encoded else _json(request),
            message_id=_message_id.checked(message_id),
            decode=bytes if is_encoded else json.loads,
            path="",
        )


class _StubChannel:
    """What a stub is made with: it learns what methods there are."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self.paths: list[str] = []
        self._ask = ask

    def unary_unary(
        self,
        method: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        **_: object,
    ) -> Method:
        self.paths.append(method)
        return Method(method, request_serializer, response_deserializer, self._ask)

    def _stream(self, method: str, **_: object) -> None:
        raise TypeError(f"{method} is a stream, and methods of actors are none")

    unary_stream = stream_unary = stream_stream = _stream


def _json(request: Mapping[str, Any] | None) -> str:
    return json.dumps({} if request is None else dict(request))
