"""Actors whose state does not fit into one item."""

import grpc
import pytest
from google.rpc import error_details_pb2

from harness.mailbox import probe_is
from harness.status import refused
from harness.stubs import probe

KIB = 1024
MIB = 1024 * KIB
LIMIT = 2 * MIB


def grow(stub, name: str, size: int) -> int:
    return stub.Grow(probe.GrowRequest(probe=name, bytes=size), timeout=60).value


def has(stub, name: str, size: int) -> None:
    padding = stub.Padding(probe.PaddingRequest(probe=name), timeout=60)
    assert (padding.bytes, padding.is_whole) == (size, True)


def test_a_state_of_any_size_is_kept_whole(shared, key):
    name, stub = key(), shared.probe()
    sizes = [15 * KIB, 17 * KIB, 390 * KIB, 3 * MIB // 2, MIB, LIMIT - KIB, 17 * KIB, 0, 800 * KIB]
    for number, size in enumerate(sizes, 1):
        assert grow(stub, name, size) == number
        has(stub, name, size)


def test_a_large_state_that_changes_little_is_kept_whole(shared, key):
    name, stub = key(), shared.probe()
    grow(stub, name, 3 * MIB // 2)
    for delta in range(2, 12):
        stub.Note(probe.NoteRequest(probe=name, delta=delta), timeout=60)
    assert probe_is(stub, name)[1] == [1, *range(2, 12)]
    has(stub, name, 3 * MIB // 2)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_large_state_survives_the_end_of_everything(devs, end):
    dev = devs.probe().start()
    for size in (3 * MIB // 2, 100 * KIB, 3 * MIB // 2, KIB):
        grow(dev.probe(), "a", size)
        dev.kill() if end == "kill" else dev.stop()
        dev.start()
        has(dev.probe(), "a", size)
    assert probe_is(dev.probe(), "a") == (4, [1] * 4)
    dev.stop()


@pytest.mark.parametrize("before", [0, 3 * MIB // 2])
def test_a_state_above_2_mib_is_refused_and_the_actor_goes_on(shared, key, before):
    name, stub = key(), shared.probe()
    assert grow(stub, name, before) == 1
    request = probe.GrowRequest(probe=name, bytes=LIMIT)
    error = refused(stub.Grow, request, timeout=60)
    error.is_ours(grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert error.detail(error_details_pb2.RetryInfo) is None
    assert error.metadata["what"] == "state"
    assert error.metadata["limit_bytes"] == str(LIMIT)
    assert int(error.metadata["size_bytes"]) > LIMIT
    has(stub, name, before)
    assert grow(stub, name, 3 * MIB // 2) == 2, "what a refused handler changed is undone"
    has(stub, name, 3 * MIB // 2)


def test_a_large_state_is_committed_with_what_its_handlers_send(shared, key):
    giver, taker, stub = key(), key(), shared.probe()
    grow(stub, giver, 3 * MIB // 2)
    request = probe.PassRequest(probe=giver, to=taker, amounts=list(range(1, 81)))
    assert stub.Pass(request, timeout=60).value == 1 - sum(range(1, 81))
    has(stub, giver, 3 * MIB // 2)
