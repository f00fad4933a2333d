"""Several asks at once."""

import json
import time

import grpc
import pytest

from harness.generic import address, generic, message, reason
from harness.mailbox import probe_is
from harness.status import refused
from harness.stubs import gateway, probe

pytestmark = pytest.mark.alone


def ask_many(stub, messages, timeout: float = 60) -> dict[int, gateway.AskManyResponse]:
    """The results by their places, of which each has one."""
    results = list(stub.AskMany(gateway.AskManyRequest(messages=messages), timeout=timeout))
    by_index = {result.index: result for result in results}
    assert len(by_index) == len(results)
    return by_index


def test_each_ask_has_its_result(shared, key):
    names, stub = [key() for _ in range(20)], generic(shared.channel())
    messages = [message(name, "Add", json.dumps({"delta": n})) for n, name in enumerate(names, 1)]
    results = ask_many(stub, messages)
    values = [int(json.loads(results[n].response.json)["value"]) for n in range(20)]
    assert values == list(range(1, 21))
    assert probe_is(shared.probe(), names[4]) == (5, [5])


def test_one_that_is_refused_does_not_harm_the_others(shared, key):
    stub, name = generic(shared.channel()), key()
    refuse = probe.RefuseRequest(code=9, message="the curtain is down")
    results = ask_many(
        stub,
        [
            message(name, "Add", '{"delta": 5}', message_id="five"),
            message(name, "Nothing"),
            message(name, "Note"),
            message("", "Add"),
            message(key(), "Refuse", refuse),
            message(key(), "Look"),
            gateway.Message(),
        ],
    )
    assert json.loads(results[0].response.json) == {"value": "5"}
    assert results[0].response.receipt.message_id == "five"
    for index, code, why in [
        (1, grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD"),
        (2, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
        (3, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
        (6, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    ]:
        error = results[index].error
        assert error.code == code.value[0]
        assert (reason(error).reason, reason(error).domain) == (why, "callboard.dev")
    assert (results[4].error.code, results[4].error.message) == (9, "the curtain is down")
    assert not results[5].response.HasField("receipt")


def test_results_come_as_they_are_there(shared, key, events):
    stub = generic(shared.channel())
    slow = probe.SlowRequest(milliseconds=1_500, delta=5, file=str(events))
    messages = [message(key(), "Slow", slow), message(key(), "Add", '{"delta": 1}')]
    results = stub.AskMany(gateway.AskManyRequest(messages=messages), timeout=60)
    assert next(results).index == 1
    assert not events.read("end"), "the first result did not wait for the other"
    assert next(results).index == 0
    assert next(results, None) is None


def test_at_the_deadline_the_results_so_far_are_there_and_the_rest_has_its_ids(shared, key):
    stub = generic(shared.channel())
    for tries_left in range(5, -1, -1):
        slow_one = key()
        slow = probe.SlowRequest(milliseconds=2_500, delta=5)
        messages = [
            message(key(), "Add", '{"delta": 1}'),
            message(slow_one, "Slow", slow),
            message(key(), "Add", '{"delta": 3}'),
        ]
        began = time.monotonic()
        try:
            results = ask_many(stub, messages, timeout=1.5)
            break
        except grpc.RpcError as error:
            # The client's own timer may be first, on a busy machine.
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED and tries_left, error
    assert time.monotonic() - began < 2
    values = [json.loads(results[n].response.json)["value"] for n in (0, 2)]
    assert values == ["1", "3"]
    error = results[1].error
    assert error.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert reason(error).reason == "ASK_TIMEOUT"
    request = gateway.AwaitRequest(
        address=address(slow_one), message_id=reason(error).metadata["message_id"]
    )
    answer = stub.Await(request, timeout=30)
    assert probe.SlowResponse.FromString(answer.encoded).value == 5


@pytest.mark.parametrize("count", [0, 101])
def test_no_asks_and_too_many_are_refused(shared, count):
    request = gateway.AskManyRequest(messages=[message("a", "Get")] * count)
    error = refused(lambda: list(generic(shared.channel()).AskMany(request, timeout=10)))
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == "messages"
