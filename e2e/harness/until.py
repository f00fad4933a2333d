"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

PERIOD_SECONDS = 0.02

T = TypeVar("T")


def until(what: str, condition: Callable[[], T], seconds: float = 20) -> T:
    """The first value of `condition` that is true; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(PERIOD_SECONDS)
    return value
