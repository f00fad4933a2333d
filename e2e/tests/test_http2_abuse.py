"""Clients that misuse HTTP/2, and a good one beside them.

How it is measured: a stock client calls in a loop, with and without the attack in turn, in
short windows, so that whatever else the machine does falls on both alike; its rate is that of
all windows of a kind together. The attacker is a process of its own with the lowest priority,
and sends at a bounded rate: ten frames for each call that the good one makes by itself, and at
most 5,000 a second. Were it let loose, its own need for the processor would be measured on a
small machine, and with a fixed rate how fast the machine is. So a rate that falls shows what a
frame costs the gateway beside a call: a fortieth of one at most. Each attack has three tries,
since another process may take the machine during a window.
"""

import contextlib
import time
from pathlib import Path

import pytest

from harness.attack import ATTACKS, Attack, ask_for_much
from harness.http2 import Connection
from harness.stubs import probe
from harness.until import until

pytestmark = pytest.mark.alone

WINDOWS, WINDOW_SECONDS = 3, 0.25
TRIES = 3
RATE_KEPT = 0.8
FRAMES_A_CALL = 10
GROWTH_KIB_MAX = 64 * 1024


def memory_kib(pid: int, kind: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(kind)]
    return int(line.split()[1])


def calls_in_a_window(stub) -> int:
    """How many calls one caller makes, one after the other."""
    end, calls = time.monotonic() + WINDOW_SECONDS, 0
    while time.monotonic() < end:
        stub.Look(probe.LookRequest(probe="good"), timeout=20)
        calls += 1
    return calls


def rates(stub, attack: Attack) -> tuple[int, int]:
    """The calls in all windows without the attack, and with it."""
    calm = attacked = 0
    for _ in range(WINDOWS):
        calm += calls_in_a_window(stub)
        attack.begin()
        attacked += calls_in_a_window(stub)
        attack.pause()
    return calm, attacked


@pytest.fixture(scope="module")
def dev(_shared_devs):
    """A `callboard dev` that nobody else uses."""
    dev = _shared_devs.probe().start()
    dev.probe().Add(probe.AddRequest(probe="good", delta=1), timeout=30)
    return dev


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_takes_little_memory_and_leaves_others_their_rate(dev, name):
    stub, pid = dev.probe(), dev.process.pid
    calls_in_a_window(stub)
    frames_a_second = FRAMES_A_CALL * calls_in_a_window(stub) / WINDOW_SECONDS
    # The most memory that it has had is counted from here on.
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before, kept = memory_kib(pid, "VmRSS"), []
    with Attack(name, dev.port, frames_a_second) as attack:
        for _ in range(TRIES):
            calm, attacked = rates(stub, attack)
            kept.append(attacked / calm)
            if kept[-1] >= RATE_KEPT:
                break
        sent = attack.pause()
    grown = memory_kib(pid, "VmHWM") - before
    print(f"{name}: {sent} frames, {calm} calls without and {attacked} with it, {grown} KiB")
    assert sent or name == "idle connections", "the attack did nothing"
    assert grown < GROWTH_KIB_MAX
    assert max(kept) >= RATE_KEPT, kept
    assert stub.Add(probe.AddRequest(probe="good", delta=1), timeout=30).value > 1


def test_who_does_not_take_his_answers_is_sent_away(dev):
    pid = dev.process.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory_kib(pid, "VmRSS")
    greedy = [Connection(dev.port, window=0) for _ in range(2)]
    try:
        # 37 MB in all, and they may have 32.
        with contextlib.suppress(ConnectionError):
            for connection in greedy:
                ask_for_much(connection, 75)
        # The one who is sent away has no frames any more, and the other one may stay.
        ends = time.monotonic() + 20
        while all(is_open(connection) for connection in greedy):
            assert time.monotonic() < ends, "nobody was sent away"
    finally:
        for connection in greedy:
            connection.socket.close()
    assert memory_kib(pid, "VmHWM") - before < GROWTH_KIB_MAX
    request = probe.BigRequest(probe="large", reply_bytes=200_000)
    assert len(dev.probe().Big(request, timeout=30).padding) == 200_000


def is_open(connection: Connection) -> bool:
    """Whether it is, as far as one learns of it in a tenth of a second."""
    connection.socket.settimeout(0.1)
    try:
        return connection.socket.recv(1_000) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def test_nothing_of_an_attack_is_left(dev):
    """Its connections are closed, and their memory is used again."""
    # The one that this looks with, and none besides.
    stub = dev.probe()

    def connections() -> int:
        stub.Look(probe.LookRequest(probe="good"), timeout=20)
        return sum(1 for fd in Path(f"/proc/{dev.process.pid}/fd").iterdir() if is_socket(fd))

    many = connections()
    with Attack("idle connections", dev.port) as attack:
        attack.begin()
        until("they are open", lambda: connections() > many + 100)
    until("they are closed", lambda: connections() <= many + 10)


def is_socket(fd: Path) -> bool:
    try:
        return str(fd.readlink()).startswith("socket:")
    except FileNotFoundError:
        return False
