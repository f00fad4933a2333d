"""What goes with a call, and what comes with its answer."""

import grpc


def with_id(message_id: str) -> list[tuple[str, str]]:
    """The metadata that gives the message an id."""
    return [("callboard-message-id", message_id)]


def headers(call: grpc.Call) -> dict[str, str]:
    """The headers of an answer."""
    return dict(call.initial_metadata())
