"""A client's driver: a process that reads operations and writes answers, as lines of
JSON. README.md has what they look like."""

import itertools
import json
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

READY_SECONDS = 60
EXIT_SECONDS = 20


class Died(Exception):
    """The driver has ended, or said something that is no answer."""


class Driver:
    """One run of a driver."""

    def __init__(self, command: tuple[str, ...], log: Path) -> None:
        self._ids = itertools.count(1)
        self._open: dict[int, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._ready: Future[dict[str, Any]] = Future()
        self.log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                bufsize=1,
            )
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.language = self._ready.result(READY_SECONDS)["language"]
        except BaseException:
            self.kill()
            raise

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, op: str, args: dict[str, Any]) -> Future[dict[str, Any]]:
        """Sends an operation; its answer comes as `ok`, `error` or `unsupported`."""
        answer: Future[dict[str, Any]] = Future()
        with self._lock:
            number = next(self._ids)
            self._open[number] = answer
        line = json.dumps({"id": number, "op": op, "args": args})
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Died(self._last_words()) from error
        return answer

    def end(self) -> int:
        """Says that there is nothing more to do; the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            return self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Died(f"it did not end within {EXIT_SECONDS} s of EOF") from None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                answer = json.loads(line)
                waiting = self._ready if "ready" in answer else self._take(answer["id"])
            except (ValueError, KeyError, TypeError):
                self._fail(f"it wrote what is no answer: {line!r}")
                continue
            waiting.set_result(answer)
        self._fail(self._last_words())

    def _take(self, number: int) -> Future[dict[str, Any]]:
        with self._lock:
            return self._open.pop(number)

    def _fail(self, why: str) -> None:
        with self._lock:
            waiting = [*self._open.values(), self._ready]
            self._open.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(Died(why))

    def _last_words(self) -> str:
        words = self.log.read_text(errors="replace")[-2_000:]
        return f"the driver has ended with {self._process.poll()}:\n{words}"
