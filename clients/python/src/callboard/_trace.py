"""The trace context of the caller, where OpenTelemetry's API is installed."""

from collections.abc import Iterable

try:
    from opentelemetry.propagate import inject
except ImportError:
    inject = None  # type: ignore[assignment]

# What the gateway lets travel with a message.
_TRAVELLING = ("traceparent", "tracestate", "baggage")

# The most bytes of names and values that the headers of a message may have.
_HEADER_BYTES_MAX = 8 * 1024


def context() -> Iterable[tuple[str, str]]:
    """The metadata of the current context."""
    if inject is None:
        return ()
    carrier: dict[str, str] = {}
    inject(carrier)
    return [(name, value) for name, value in carrier.items() if name in _TRAVELLING and value]


def of_message() -> dict[str, str]:
    """The current context as headers of a message. The gateway refuses a message with more than
    fits, so that loses the trace, and not the message."""
    found = dict(context())
    headers: dict[str, str] = {}
    room = _HEADER_BYTES_MAX
    for name in _TRAVELLING:
        size = len(name) + len(found.get(name, ""))
        if name in found and size <= room:
            headers[name] = found[name]
            room -= size
    return headers
