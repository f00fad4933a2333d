"""When a call is made again."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from callboard.errors import CallboardError, HandlerError

# How much longer than the gateway asks for a wait may get, as a part of it.
_SPREAD = 0.2


@dataclass(frozen=True)
class Retry:
    """How often a call is made again, and how long to wait before.

    It is made again after UNAVAILABLE, and after a status with a `google.rpc.RetryInfo`, whose
    delay is then waited for, with up to a fifth more. It is never made again after its deadline,
    nor after an answer of the actor's own. Each attempt has the same message id, so a message is
    handled once, however often it is sent.
    """

    attempts: int = 5
    """The most attempts, the first one included; at least 1. 1 is never to try again."""

    base: float = 0.1
    """The longest first wait, in seconds; each further one may be twice as long. How long a wait
    is between nothing and this is left to chance, lest all callers come back at once."""

    cap: float = 2.0
    """The longest of these waits, in seconds."""

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("there is at least 1 attempt")
        if self.base < 0 or self.cap < 0:
            raise ValueError("a wait is not negative")


def is_retried(error: CallboardError) -> bool:
    """Whether a call that ended so may be made again."""
    if isinstance(error, HandlerError) or error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return False
    return error.code is grpc.StatusCode.UNAVAILABLE or error.retry_delay is not None


class Attempts:
    """The attempts at one call."""

    def __init__(
        self,
        retry: Retry,
        timeout: float | None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._retry = retry
        self._clock = clock
        self._chance = chance
        self._deadline = None if timeout is None else clock() + timeout
        self._made = 0

    def remaining(self) -> float | None:
        """How long the next attempt may take, in seconds; without a deadline `None`."""
        if self._deadline is None:
            return None
        return max(self._deadline - self._clock(), 0.001)

    def start_anew(self) -> None:
        """Forgets the attempts so far: something has succeeded."""
        self._made = 0

    def wait_after(self, error: CallboardError) -> float | None:
        """How long to wait before the next attempt, in seconds; `None` when there is none."""
        self._made += 1
        if not is_retried(error) or self._made >= self._retry.attempts:
            return None
        if error.retry_delay is not None:
            wait = error.retry_delay * (1 + _SPREAD * self._chance())
        else:
            # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
            doubled = self._retry.base * 2 ** min(self._made - 1, 32)
            wait = min(self._retry.cap, doubled) * self._chance()
        if self._deadline is not None and self._clock() + wait >= self._deadline:
            return None
        return wait
