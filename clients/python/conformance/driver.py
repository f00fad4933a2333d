"""The conformance driver: `driver.py sync` or `driver.py asyncio`.

Reads operations from standard input and writes answers to standard output, as lines of JSON;
conformance/README.md has what they are.
"""

import asyncio
import contextvars
import json
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.message_factory import GetMessageClass
from opentelemetry import context
from opentelemetry.propagate import extract

import callboard
import callboard.aio

sys.path.insert(0, str(Path(__file__).parent.parent / "gen"))
from conformance_pb2 import DESCRIPTOR
from conformance_pb2_grpc import InterpreterStub

TYPE = "callboard.conformance.v1.Interpreter"

# As many operations wait at the same time with the client without asyncio.
THREADS = 256

Json = dict[str, Any]


class Driver:
    """One client at a time, and what it has open."""

    def __init__(self, kind: str) -> None:
        self._library: Any = callboard if kind == "sync" else callboard.aio
        self._threads = ThreadPoolExecutor(THREADS) if kind == "sync" else None
        self._client: Any = None
        self._futures: dict[str, tuple[Any, str]] = {}
        self._streams: dict[int, tuple[Any, asyncio.Lock]] = {}

    async def connect(self, args: Json) -> Json:
        await self.close({})
        retry = {
            name: args[f"retry_{written}"] / scale
            for name, written, scale in (("base", "base_ms", 1_000), ("cap", "cap_ms", 1_000))
            if f"retry_{written}" in args
        }
        if "retry_attempts" in args:
            retry["attempts"] = args["retry_attempts"]
        options: Json = {
            name: args[name]
            for name in ("token", "api_key", "ca_file", "cert_file", "key_file")
            if name in args
        }
        for name in ("ask_timeout", "tell_timeout"):
            if f"{name}_ms" in args:
                options[name] = args[f"{name}_ms"] / 1_000
        self._client = self._library.connect(args["url"], retry=callboard.Retry(**retry), **options)
        return {}

    async def ask(self, args: Json) -> Json:
        actor, request = self._actor(args)
        answer = await self._run(actor.ask, args["method"], request, **_how(args))
        return _answer(args["method"], answer)

    async def tell(self, args: Json) -> Json:
        actor, request = self._actor(args)
        if "delay_ms" in args:
            delay = timedelta(milliseconds=args["delay_ms"])
            sending = self._run(actor.send_after, delay, args["method"], request, **_how(args))
        elif "deliver_at" in args:
            time = datetime.fromisoformat(args["deliver_at"])
            sending = self._run(actor.send_at, time, args["method"], request, **_how(args))
        else:
            sending = self._run(actor.tell, args["method"], request, **_how(args))
        return _receipt(await sending)

    async def start(self, args: Json) -> Json:
        actor, request = self._actor(args)
        future = await self._run(actor.start, args["method"], request, **_how(args))
        self._futures[future.message_id] = future, args["method"]
        return {"message_id": future.message_id}

    async def result(self, args: Json) -> Json:
        future, method = self._futures[args["message_id"]]
        response = await self._run(future.result, **_timeout(args))
        receipt = future.receipt
        return {"response": _response(method, response)} | _receipt(receipt)

    async def abandon(self, args: Json) -> Json:
        self._futures[args["message_id"]][0].cancel()
        return {}

    async def pick_up(self, args: Json) -> Json:
        actor = self._client.actor(InterpreterStub, _key(args))
        future = actor.pick_up(args["method"], args["message_id"])
        response = await self._run(future.result, **_timeout(args))
        return {"response": _response(args["method"], response)}

    async def cancel(self, args: Json) -> Json:
        actor = self._client.actor(InterpreterStub, _key(args))
        return {"cancelled": await self._run(actor.cancel, args["message_id"])}

    async def ask_many(self, args: Json) -> Json:
        messages = [self._message(ask) for ask in args["asks"]]
        results = await self._run(self._client.ask_many, messages, **_timeout(args))
        return {
            "results": [
                {"error": _error(result)}
                if isinstance(result, callboard.CallboardError)
                else {"ok": _answer(ask["method"], result)}
                for ask, result in zip(args["asks"], results, strict=True)
            ]
        }

    async def stream_open(self, _: Json) -> Json:
        number = len(self._streams) + 1
        self._streams[number] = self._client.tell_stream(), asyncio.Lock()
        return {"stream": number}

    async def stream_tell(self, args: Json) -> Json:
        stream, in_order = self._streams[args["stream"]]
        async with in_order:
            receipt = await self._run(stream.tell, self._message(args))
        waiting: Any = asyncio.wrap_future(receipt) if self._threads else receipt
        return _receipt(await waiting)

    async def stream_close(self, args: Json) -> Json:
        await self._run(self._streams[args["stream"]][0].close)
        return {}

    async def close(self, _: Json) -> Json:
        if self._client is not None:
            await self._run(self._client.close)
        return {}

    def _actor(self, args: Json) -> tuple[Any, Any]:
        """The actor, and the request as it takes it."""
        if args.get("via", "generic") == "generic":
            return self._client.actor(TYPE, _key(args)), args["request"]
        method = DESCRIPTOR.services_by_name["Interpreter"].methods_by_name[args["method"]]
        request = json_format.ParseDict(args["request"], GetMessageClass(method.input_type)())
        return self._client.actor(InterpreterStub, _key(args)), request

    def _message(self, args: Json) -> callboard.Message[Any]:
        actor, request = self._actor(args)
        message_id = args.get("message_id")
        return actor.message(args["method"], request, message_id=message_id)  # type: ignore[no-any-return]

    async def _run(self, call: Callable[..., Any], *args: Any, **how: Any) -> Any:
        """Calls the client; without asyncio in a thread that has the context of the caller."""
        if self._threads is None:
            return await call(*args, **how)
        run = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: run(call, *args, **how))


def _key(args: Json) -> str | None:
    key: Any = args.get("key") or None
    return callboard.key(*cast("list[str]", key)) if isinstance(key, list) else key


def _timeout(args: Json) -> Json:
    return {"timeout": args["timeout_ms"] / 1_000} if "timeout_ms" in args else {}


def _how(args: Json) -> Json:
    return _timeout(args) | {"message_id": args.get("message_id")}


def _response(method: str, response: Any) -> Json:
    if isinstance(response, dict):
        return cast("Json", response)
    return json_format.MessageToDict(response, preserving_proto_field_name=True)


def _answer(method: str, answer: callboard.Answer[Any]) -> Json:
    return {"response": _response(method, answer.response)} | _receipt(answer.receipt)


def _receipt(receipt: callboard.Receipt | None) -> Json:
    if receipt is None:
        return {"message_id": None, "sequence": None, "duplicate": False, "new_key": None}
    return {
        "message_id": receipt.message_id,
        "sequence": receipt.sequence,
        "duplicate": receipt.duplicate,
        "new_key": receipt.new_key,
    }


def _error(error: callboard.CallboardError) -> Json:
    delay = error.retry_delay
    return {
        "code": error.code.name,
        "reason": error.reason,
        "domain": error.domain,
        "metadata": dict(error.metadata),
        "retry_delay_ms": None if delay is None else round(delay * 1_000),
        "message": error.message,
        "message_id": error.message_id,
        "type": type(error).__name__,
    }


async def _perform(driver: Driver, operation: Json) -> None:
    """Performs an operation, and writes its answer."""
    args = operation["args"]
    if "trace" in args:
        # Each operation is a task, and so has a context of its own.
        context.attach(extract(args["trace"]))
    perform = getattr(driver, operation["op"], None)
    answer: Json
    try:
        if perform is None:
            answer = {"unsupported": f"there is no operation {operation['op']}"}
        else:
            answer = {"ok": await perform(args)}
    except callboard.CallboardError as error:
        answer = {"error": _error(error)}
    except Exception as error:
        traceback.print_exc()
        answer = {"error": {"code": "UNKNOWN", "message": str(error), "type": type(error).__name__}}
    _write({"id": operation["id"]} | answer)


def _write(line: Json) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main(kind: str) -> None:
    driver = Driver(kind)
    operations: asyncio.Queue[Json | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(operations.put_nowait, json.loads(line))
        loop.call_soon_threadsafe(operations.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    _write({"ready": True, "language": "python" if kind == "sync" else "python-asyncio"})
    async with asyncio.TaskGroup() as running:
        while (operation := await operations.get()) is not None:
            running.create_task(_perform(driver, operation))
        running.create_task(driver.close({}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
