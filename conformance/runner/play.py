"""Plays a case: sends its operations to a driver, and compares what comes."""

import copy
import re
import time
import uuid
from concurrent.futures import Future
from itertools import pairwise
from typing import Any

from runner.case import Case, fill
from runner.driver import Driver
from runner.expect import differences, kind
from runner.proxy import Attempt, Proxy

# How long anything may take that a case does not time itself.
ANSWER_SECONDS = 40

# By how much a busy machine may lengthen a wait.
SLACK_MS = 250

# How long to wait for what the proxy is about to see.
SEEN_SECONDS = 15

OPERATIONS = (
    "connect", "ask", "tell", "start", "result", "abandon", "pick_up", "cancel", "ask_many",
    "stream_open", "stream_tell", "stream_close", "close",
)  # fmt: skip

# What each answer has, whatever the case says of it.
_RECEIPT = {
    "message_id": {"$present": True},
    "duplicate": {"$one_of": [True, False]},
}
_ALWAYS: dict[str, dict[str, Any]] = {
    "ask": {"response": {"$present": True}, "duplicate": {"$one_of": [True, False]}},
    "result": {"response": {"$present": True}},
    "tell": _RECEIPT,
    "start": {"message_id": {"$present": True}},
    "stream_tell": _RECEIPT,
}
_EXPECTATIONS = ("gets", "fails", "as", "background", "within_ms", "repeat")


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


class Failed(AssertionError):
    """Something is not as the case expects it."""


class Play:
    """One run of one case."""

    def __init__(self, case: Case, driver: Driver, proxy: Proxy, values: dict[str, Any]) -> None:
        self._case = case
        self._driver = driver
        self._proxy = proxy
        token = uuid.uuid4().hex[:12]
        self._values = values | {"key": f"{case.name}-{token}", "unique": token}
        self._values |= fill(case.row, self._values)
        self._background: dict[str, list[tuple[dict[str, Any], str, Future[dict[str, Any]]]]] = {}

    def run(self) -> None:
        if self._case.client is not None:
            args = {"url": "${url}"} | self._case.client
            self._step({"connect": args})
        for number, step in enumerate(self._case.steps, 1):
            try:
                self._step(copy.deepcopy(step))
            except (Failed, ValueError) as error:
                raise Failed(f"step {number}, {next(iter(step))}: {error}") from None
        if self._background:
            raise ValueError(f"never joined: {', '.join(self._background)}")

    def _step(self, step: dict[str, Any]) -> None:
        step = {fill(name, self._values): value for name, value in step.items()}
        name, args = next(iter(step.items()))
        if name in OPERATIONS:
            self._operation(name, args or {}, step)
            return
        args = fill(args, self._values)
        match name:
            case "join":
                self._settle(self._background.pop(args), step)
            case "attempts":
                self._attempts(**args)
            case "seen":
                self._seen(**args)
            case "back_off":
                self._back_off(**args)
            case "connections":
                self._connections(args)
            case "cut":
                self._proxy.cut()
            case "refuse":
                self._proxy.refuse(args)
            case "release":
                self._proxy.release()
            case "pause_ms":
                time.sleep(args / 1_000)
            case "exit":
                if (code := self._driver.end()) != args:
                    raise Failed(f"it ended with {code}")
            case _:
                raise ValueError("there is no such step")

    def _operation(self, op: str, args: dict[str, Any], step: dict[str, Any]) -> None:
        unknown = set(step) - {op, *_EXPECTATIONS}
        if unknown:
            raise ValueError(f"no step has {', '.join(unknown)}")
        sent = []
        began = time.monotonic()
        for number in range(step.get("repeat", 1)):
            values = self._values | {"n": number}
            expected = fill(
                {name: step[name] for name in ("gets", "fails") if name in step}, values
            )
            sent.append((expected, op, self._driver.send(op, self._whole(op, fill(args, values)))))
        if "background" in step:
            self._background[step["background"]] = sent
            return
        self._settle(sent, step)
        if "within_ms" in step:
            took = (time.monotonic() - began) * 1_000
            self._check({"$range": step["within_ms"]}, took, "ms")

    def _whole(self, op: str, args: dict[str, Any]) -> dict[str, Any]:
        """Arguments, with those that the case leaves out."""
        key = {"key": self._values["key"]}
        if op in ("ask", "tell", "start"):
            return {"via": "typed", "request": {}} | key | args
        if op == "stream_tell":
            return {"request": {}} | key | args
        if op == "ask_many":
            return args | {"asks": [{"request": {}} | key | ask for ask in args["asks"]]}
        return key | args if op in ("pick_up", "cancel") else args

    def _settle(
        self, sent: list[tuple[dict[str, Any], str, Future[dict[str, Any]]]], step: dict[str, Any]
    ) -> None:
        """Waits for answers, and compares them."""
        for expected, op, future in sent:
            if not expected:
                wanted = {name: step[name] for name in ("gets", "fails") if name in step}
                expected = fill(wanted, self._values)
            try:
                answer = future.result(ANSWER_SECONDS)
            except TimeoutError:
                raise Failed(f"no answer came within {ANSWER_SECONDS} s") from None
            if "unsupported" in answer:
                raise Failed(f"the client cannot do that: {answer['unsupported']}")
            if "fails" in expected:
                if "error" not in answer:
                    raise Failed(f"it should fail, and answered {answer['ok']!r}"[:1_000])
                found = self._error(expected["fails"], answer["error"])
                answer = answer["error"]
            else:
                if "ok" not in answer:
                    raise Failed(f"it failed: {answer['error']}")
                answer = answer["ok"]
                found = differences(_ALWAYS.get(op, {}), answer, "ok")
                if op == "ask_many":
                    found += self._results(expected.get("gets", {}), answer)
                else:
                    found += self._ok(expected.get("gets", {}), answer, "ok")
            if found:
                raise Failed("; ".join(found) + f"\nof {answer!r}"[:2_000])
            if "as" in step:
                self._values[step["as"]] = answer

    def _ok(self, expected: Any, answer: dict[str, Any], where: str) -> list[str]:
        response = answer.get("response")
        if isinstance(response, dict):
            # Names as in the .proto, also from who writes them in protobuf's other way.
            answer = answer | {"response": {_snake(name): response[name] for name in response}}
        return differences(expected, answer, where)

    def _error(self, expected: Any, error: dict[str, Any], where: str = "error") -> list[str]:
        expected = dict(expected)
        wanted = expected.pop("kind", None)
        always = {"code": {"$present": True}, "message": {"$present": True}}
        found = differences(always, error, where) + differences(expected, error, where)
        kinds = [wanted] if isinstance(wanted, str) else wanted
        name = str(error.get("type"))
        if kinds and kind(name) not in map(kind, kinds):
            found.append(f"{where}.type: one of {kinds} is expected, and it is {name!r}")
        return found

    def _results(self, expected: dict[str, Any], answer: dict[str, Any]) -> list[str]:
        """Compares the results of several asks."""
        wanted, there = expected.get("results"), answer.get("results")
        if not isinstance(wanted, list) or not isinstance(there, list) or len(wanted) != len(there):
            return differences(expected, answer, "ok")
        found = []
        for index, (one, other) in enumerate(zip(wanted, there, strict=True)):
            where = f"ok.results[{index}]"
            if "error" in one and "error" in other:
                found += self._error(one["error"], other["error"], f"{where}.error")
            elif "ok" in one and "ok" in other:
                found += self._ok(one["ok"], other["ok"], f"{where}.ok")
            else:
                found.append(f"{where}: {one!r} is expected, and it is {other!r}"[:500])
        return found

    def _of(self, method: str) -> list[Attempt]:
        return [attempt for attempt in self._proxy.attempts if attempt.is_of(method)]

    def _seen(self, of: str, messages: int = 0, calls: int = 0) -> None:
        """Waits until the proxy has seen so much."""
        until = time.monotonic() + SEEN_SECONDS
        while True:
            attempts = self._of(of)
            count = sum(len(attempt.message_ids) for attempt in attempts)
            if count >= messages and len(attempts) >= calls:
                return
            if time.monotonic() > until:
                raise Failed(f"{len(attempts)} calls with {count} messages were seen")
            time.sleep(0.01)

    def _attempts(
        self,
        of: str,
        count: Any = None,
        messages: Any = None,
        message_ids: Any = None,
        same_id: bool | None = None,
        waits_ms: list[list[float]] | None = None,
        remaining_ms: list[Any] | None = None,
        metadata: dict[str, Any] | None = None,
        certificate: str | None = None,
        cancelled: bool | None = None,
    ) -> None:
        """Compares what the proxy has seen of a method's calls."""
        attempts = self._of(of)
        ids = [message_id for attempt in attempts for message_id in attempt.message_ids]
        if count is not None:
            self._check(count, len(attempts), "count")
        if messages is not None:
            self._check(messages, len(ids), "messages")
        if message_ids is not None:
            self._check(message_ids, ids, "message_ids")
        if same_id is not None and (len(set(ids)) == 1) is not same_id:
            raise Failed(f"message_ids: they are {ids}")
        if waits_ms is not None:
            pairs = list(pairwise(attempts))
            waits = [(two.began - (one.ended or two.began)) * 1_000 for one, two in pairs]
            self._check([{"$range": bounds} for bounds in waits_ms], waits, "waits_ms")
        if remaining_ms is not None:
            told = [attempt.remaining_ms for attempt in attempts]
            self._check([{"$range": bounds} for bounds in remaining_ms], told, "remaining_ms")
        for attempt in attempts:
            if metadata is not None:
                self._check(metadata, attempt.metadata, "metadata")
            if certificate is not None:
                self._check(certificate, attempt.certificate, "certificate")
        if cancelled is not None:
            until = time.monotonic() + SEEN_SECONDS
            while cancelled and not all(attempt.was_cancelled for attempt in attempts):
                if time.monotonic() > until:
                    break
                time.sleep(0.01)
            was = [attempt.was_cancelled for attempt in attempts]
            self._check([cancelled] * len(attempts), was, "cancelled")

    def _back_off(self, of: str, ceilings_ms: list[float]) -> None:
        """Compares the waits between the attempts at many messages with full jitter's: each
        at most its ceiling, and where the ceilings grow, the waits do on average."""
        by_id: dict[str, list[Attempt]] = {}
        for attempt in self._of(of):
            by_id.setdefault(attempt.message_ids[0], []).append(attempt)
        waits: list[list[float]] = [[] for _ in ceilings_ms]
        for attempts in by_id.values():
            self._check(len(ceilings_ms) + 1, len(attempts), "attempts")
            for index, (one, two) in enumerate(pairwise(attempts)):
                waits[index].append((two.began - (one.ended or two.began)) * 1_000)
        for index, ceiling in enumerate(ceilings_ms):
            longest = max(waits[index])
            self._check({"$range": [0, ceiling + SLACK_MS]}, longest, f"longest wait {index + 1}")
        if ceilings_ms[-1] >= 4 * ceilings_ms[0]:
            first, last = (sum(wait) / len(wait) for wait in (waits[0], waits[-1]))
            if last < 2 * first:
                raise Failed(f"waits grow from {first:.0f} to {last:.0f} ms on average only")

    def _connections(self, expected: dict[str, Any]) -> None:
        """Compares how many connections there are, once they had time to close."""
        until = time.monotonic() + SEEN_SECONDS
        while True:
            there = {"open": self._proxy.open_connections, "opened": self._proxy.connections}
            found = differences(expected, there)
            if not found:
                return
            if time.monotonic() > until:
                raise Failed("; ".join(found))
            time.sleep(0.02)

    def _check(self, expected: Any, actual: Any, what: str) -> None:
        if found := differences(expected, actual, what):
            raise Failed("; ".join(found))
