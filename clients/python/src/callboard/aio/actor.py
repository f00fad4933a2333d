"""A reference to one actor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from callboard._binding import NameBinding, StubBinding
from callboard.aio.future import Future

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callboard._binding import Binding
    from callboard.aio.client import Client
    from callboard.message import Answer, Delivery, Message, Receipt

S = TypeVar("S")
Req = TypeVar("Req")
Res = TypeVar("Res")


class Actor(Generic[S]):
    """One actor: its type and its key. `Client.actor` makes it.

    Its methods can be called by their names: `await account.Deposit(request)` asks, and gives the
    response. Everything else takes a method, as its name (`"Deposit"`) or, so that type checkers
    know request and response, as that of the stub (`account.stub.Deposit`).

    Each call raises `CallboardError` when it fails, and takes

    - `timeout`: how long it may take with all its attempts, in seconds; the client's
      `ask_timeout` or `tell_timeout` if it is not given;
    - `message_id`: the id of the message, 1 to 128 visible ASCII characters other than `/`, unique
      among the actor's messages. A new one is made if it is not given.
    """

    stub: S
    """The stub, whose methods ask this actor; `None` for an actor by name."""

    def __init__(self, client: Client, stub: str | Callable[[Any], Any], key: str | None) -> None:
        self._client = client
        self._key = key or ""
        self._binding: Binding
        if isinstance(stub, str):
            binding: Any = NameBinding(stub, self._response)
        else:
            binding = StubBinding(stub, self._response)
        self._binding, self.stub = binding, binding.stub

    @property
    def type(self) -> str:
        """The actor's type: `bank.v1.Account`."""
        return self._binding.actor_type

    @property
    def key(self) -> str:
        """The actor's key; empty when the request has it."""
        return self._key

    def __getattr__(self, name: str) -> Any:
        # Python asks for names of its own, too, also before there is a binding.
        if name.startswith("_"):
            raise AttributeError(name)
        return self._binding.method(name)

    def __repr__(self) -> str:
        return f"Actor({self.type!r})"

    @overload
    def message(
        self,
        method: Callable[[Req], Awaitable[Res]],
        request: Req,
        *,
        message_id: str | None = None,
    ) -> Message[Res]: ...
    @overload
    def message(
        self, method: Callable[[Req], Res], request: Req, *, message_id: str | None = None
    ) -> Message[Res]: ...
    @overload
    def message(
        self, method: str, request: Any, *, message_id: str | None = None
    ) -> Message[Any]: ...
    def message(self, method: Any, request: Any, *, message_id: str | None = None) -> Message[Any]:
        """A message to this actor, for `Client.ask_many` and `TellStream.tell`."""
        return self._binding.message(self._key, method, request, message_id)

    @overload
    async def ask(
        self,
        method: Callable[[Req], Awaitable[Res]],
        request: Req,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Answer[Res]: ...
    @overload
    async def ask(
        self,
        method: Callable[[Req], Res],
        request: Req,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Answer[Res]: ...
    @overload
    async def ask(
        self,
        method: str,
        request: Any,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Answer[Any]: ...
    async def ask(
        self,
        method: Any,
        request: Any,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Answer[Any]:
        """Sends a message, and waits for the answer: the response, and a receipt."""
        message = self.message(method, request, message_id=message_id)
        return await self._client._perform(self._client._calls.ask(message, timeout))

    async def tell(
        self,
        method: str | Callable[[Req], Any],
        request: Req,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Receipt:
        """Sends a message, and waits until it is stored. The actor handles it later."""
        return await self._tell(method, request, None, timeout, message_id)

    async def send_after(
        self,
        delay: timedelta,
        method: str | Callable[[Req], Any],
        request: Req,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Receipt:
        """As `tell`, delivered after a delay of at most 366 days, to the millisecond."""
        return await self._tell(method, request, delay, timeout, message_id)

    async def send_at(
        self,
        time: datetime,
        method: str | Callable[[Req], Any],
        request: Req,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Receipt:
        """As `tell`, delivered at a time, at most 366 days from now; at once when it is over. The
        time has a time zone.
        """
        return await self._tell(method, request, time, timeout, message_id)

    @overload
    async def start(
        self,
        method: Callable[[Req], Awaitable[Res]],
        request: Req,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Future[Res]: ...
    @overload
    async def start(
        self,
        method: Callable[[Req], Res],
        request: Req,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Future[Res]: ...
    @overload
    async def start(
        self,
        method: str,
        request: Any,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Future[Any]: ...
    async def start(
        self,
        method: Any,
        request: Any,
        *,
        timeout: float | None = None,
        message_id: str | None = None,
    ) -> Future[Any]:
        """Sends an ask, and waits until it is stored; the future waits for the answer."""
        message = self.message(method, request, message_id=message_id)
        receipt = await self._client._perform(self._client._calls.tell(message, None, timeout))
        return Future(self._client, message, receipt)

    @overload
    def pick_up(self, method: Callable[[Any], Awaitable[Res]], message_id: str) -> Future[Res]: ...
    @overload
    def pick_up(self, method: Callable[[Any], Res], message_id: str) -> Future[Res]: ...
    @overload
    def pick_up(self, method: str, message_id: str) -> Future[Any]: ...
    def pick_up(self, method: Any, message_id: str) -> Future[Any]:
        """The answer to a message that was sent to this actor, by whichever program.

        Nothing is sent until somebody waits for it. The message need not have arrived yet.
        """
        message = self._binding.message(self._key, method, None, message_id)
        return Future(self._client, message, None)

    async def cancel(self, message_id: str, *, timeout: float | None = None) -> bool:
        """Cancels a delayed message that is not yet due.

        Returns:
            False when no such message waits: it is delivered already, or cancelled, or was never
            sent.
        """
        call = self._client._calls.cancel(self.type, self._key, message_id, timeout)
        return await self._client._perform(call)

    async def _response(self, method: Any, request: Any, **how: Any) -> Any:
        answer = await self.ask(method, request, **how)
        return answer.response

    async def _tell(
        self,
        method: Any,
        request: Any,
        delivery: Delivery,
        timeout: float | None,
        message_id: str | None,
    ) -> Receipt:
        message = self.message(method, request, message_id=message_id)
        return await self._client._perform(self._client._calls.tell(message, delivery, timeout))
