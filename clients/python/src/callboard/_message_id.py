"""Ids of messages."""

import os
import time


def new_message_id() -> str:
    """A new message id: a UUID of version 7, whose order is that of time (RFC 9562, 5.7)."""
    millis = time.time_ns() // 1_000_000
    number = (millis & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10))
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def checked(message_id: str | None) -> str:
    """The id that a caller gives, or a new one. What it may be is the gateway's to say, as long
    as it can be sent.
    """
    if message_id is None:
        return new_message_id()
    if not (message_id and message_id.isascii() and message_id.isprintable()):
        raise ValueError("a message id has 1 to 128 visible ASCII characters other than `/`")
    return message_id
