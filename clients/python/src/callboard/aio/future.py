"""Answers that are fetched later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

import grpc

from callboard.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Generator

    from callboard.aio.client import Client
    from callboard.message import Message, Receipt

Res = TypeVar("Res")


class Future(Generic[Res]):
    """The answer to a message that was sent. `Actor.start` and `Actor.pick_up` make it.

    It can be awaited, by several tasks, and more than once. The message is handled whether or not
    somebody waits; its answer is kept for a day.
    """

    def __init__(self, client: Client, message: Message[Res], receipt: Receipt | None) -> None:
        self._client = client
        self._message = message
        self._waits: set[asyncio.Task[Res]] = set()
        self._is_cancelled = False
        self.receipt = receipt
        """What became of the message; `None` for one that was picked up."""

    @property
    def message_id(self) -> str:
        """The id of the message, by which the answer can be picked up anywhere."""
        return self._message.message_id

    def __await__(self) -> Generator[None, None, Res]:
        return self.result().__await__()

    async def result(self, timeout: float | None = None) -> Res:
        """Waits for the answer.

        Args:
            timeout: How long, in seconds; the client's `ask_timeout` if it is not given.

        Raises:
            DeadlineExceededError: It did not come in time. It may be waited for again.
            CancelledError: Somebody has called `cancel`.
            CallboardError: The message failed, as the ask would have.
        """
        if self._is_cancelled:
            raise self._given_up()
        call = self._client._calls.wait(self._message, timeout)
        wait = asyncio.create_task(self._client._perform(call))
        self._waits.add(wait)
        try:
            return await wait
        except asyncio.CancelledError:
            if self._is_cancelled and wait.cancelled():
                raise self._given_up() from None
            # The task that waits here was cancelled, and nobody else waits for this call.
            wait.cancel()
            raise
        finally:
            self._waits.discard(wait)

    def cancel(self) -> None:
        """Gives up waiting, in all tasks. It does not unsend the message."""
        self._is_cancelled = True
        for wait in self._waits:
            wait.cancel()

    def _given_up(self) -> CancelledError:
        text = "nobody waits for it any more"
        return CancelledError(grpc.StatusCode.CANCELLED, text, message_id=self.message_id)
