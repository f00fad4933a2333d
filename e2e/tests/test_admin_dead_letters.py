"""`callboard admin dead-letters`, `redrive` and `discard`."""

import grpc
import pytest

from harness.admin import PROBE, Admin, address, frail, is_not_found
from harness.generic import generic
from harness.mailbox import probe_is
from harness.status import Refused, refused
from harness.stubs import admin, gateway, probe
from harness.until import until


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    dev = frail(tmp_path_factory.mktemp("frail")).start()
    yield dev
    dev.clean_up()


@pytest.fixture
def run(dev) -> Admin:
    return Admin(dev)


@pytest.fixture
def curtain(tmp_path):
    """A file that can be written once its folder is there: until then handlers that are to
    write to it fail."""
    return tmp_path / "curtain" / "events"


def actor(name: str) -> str:
    return f"{PROBE}/{name}"


def set_aside(run: Admin, name: str, file, deltas: list[int]) -> list[str]:
    """Sends tells that fail, and waits until they are set aside; their ids."""
    stub, ids = run.dev.probe(), [f"doomed-{delta}" for delta in deltas]
    for delta, message_id in zip(deltas, ids, strict=True):
        request = probe.SlowNoteRequest(probe=name, delta=delta, file=str(file))
        metadata = [("callboard-message-id", message_id)]
        stub.SlowNote(request, timeout=30, metadata=metadata)
    until(
        "they are set aside",
        lambda: len(run.json("dead-letters", actor(name))["deadLetters"]) == len(deltas),
    )
    return ids


def test_a_dead_letter_is_listed_redriven_handled_and_its_ask_is_answered(run, dev, key, curtain):
    name, stub = key(), dev.probe()
    request = probe.SlowRequest(probe=name, delta=5, file=str(curtain))
    metadata = [("callboard-message-id", "doomed")]
    ask = lambda: stub.Slow(request, timeout=30, metadata=metadata)
    refused(ask).is_ours(grpc.StatusCode.FAILED_PRECONDITION, "DEAD_LETTERED")
    refused(ask).is_ours(grpc.StatusCode.FAILED_PRECONDITION, "DEAD_LETTERED")

    [letter] = run.json("dead-letters", actor(name))["deadLetters"]
    assert letter["address"] == {"type": PROBE, "key": name}
    assert (letter["message"]["messageId"], letter["message"]["method"]) == ("doomed", "Slow")
    assert (letter["message"]["isAsk"], letter["attempts"]) == (True, 2)
    assert letter["lastError"] and letter["setAsideAt"]
    assert str(curtain) in letter["message"]["json"]
    text = run.text("dead-letters", actor(name))
    assert "doomed" in text and "after 2 attempts" in text and letter["lastError"] in text

    curtain.parent.mkdir()
    assert run.text("redrive", actor(name), "doomed") == "1 dead letter: redriven\n"
    # Without another message that would wake the actor.
    until("it is handled", curtain.exists, 5)
    awaited = gateway.AwaitRequest(address=address(name), message_id="doomed")
    encoded = generic(dev.channel()).Await(awaited, timeout=30).encoded
    assert probe.SlowResponse.FromString(encoded).value == 5
    assert ask().value == 5
    assert probe_is(stub, name) == (5, [5])
    assert run.text("dead-letters", actor(name)) == ""


def test_an_ask_that_is_made_again_before_the_redriven_one_ran_is_handled_once(
    run, dev, key, curtain
):
    name, stub = key(), dev.probe()
    request = probe.SlowRequest(probe=name, delta=5, file=str(curtain))
    metadata = [("callboard-message-id", "doomed")]
    refused(stub.Slow, request, timeout=30, metadata=metadata)
    run.text("pause", actor(name))
    curtain.parent.mkdir()
    run.text("redrive", actor(name), "doomed")
    again = [stub.Slow.future(request, timeout=30, metadata=metadata) for _ in range(2)]
    until("they wait", lambda: int(run.json("describe", actor(name))["depth"]) >= 1)
    run.text("resume", actor(name))
    assert [ask.result().value for ask in again] == [5, 5]
    assert probe_is(stub, name) == (5, [5])


def test_a_redriven_letter_that_fails_again_is_set_aside_again(run, key, curtain):
    name = key()
    [message_id] = set_aside(run, name, curtain, [1])
    [before] = run.json("dead-letters", actor(name))["deadLetters"]
    run.text("redrive", actor(name), message_id)

    def again() -> dict | None:
        letters = run.json("dead-letters", actor(name))["deadLetters"]
        return letters[0] if letters else None

    after = until("it is set aside again", again)
    assert after["setAsideAt"] > before["setAsideAt"]
    assert after["attempts"] == 2, "it is tried from its first attempt"


def test_all_dead_letters_are_redriven_in_their_order(run, dev, key, curtain):
    name, stub = key(), dev.probe()
    set_aside(run, name, curtain, [1, 2, 3])
    run.text("pause", actor(name))
    curtain.parent.mkdir()
    told = run.json("redrive", actor(name), "--all")
    assert told == {"redriven": ["doomed-1", "doomed-2", "doomed-3"]}
    run.text("resume", actor(name))
    until("all are handled", lambda: probe_is(stub, name) == (6, [1, 2, 3]))
    assert run.text("redrive", actor(name), "--all") == "0 dead letters: redriven\n"


def test_a_discarded_letter_is_gone_and_its_ask_ends_as_before(run, dev, key, curtain):
    name, stub = key(), dev.probe()
    request = probe.SlowRequest(probe=name, delta=5, file=str(curtain))
    metadata = [("callboard-message-id", "doomed")]
    refused(stub.Slow, request, timeout=30, metadata=metadata)
    assert run.text("discard", actor(name), "doomed") == "1 dead letter: discarded\n"
    assert run.json("dead-letters", actor(name))["deadLetters"] == []
    curtain.parent.mkdir()
    again = refused(stub.Slow, request, timeout=30, metadata=metadata)
    again.is_ours(grpc.StatusCode.FAILED_PRECONDITION, "DEAD_LETTERED")
    done = run("redrive", actor(name), "doomed")
    assert done.returncode == 1 and "reason: NOT_FOUND" in done.stderr


def test_dead_letters_of_a_type_are_those_of_all_its_actors(run, key, curtain):
    prefix = key()
    names = [f"{prefix}-{n}" for n in range(5)]
    for name in names:
        set_aside(run, name, curtain, [1, 2])
    expected = sorted((name, f"doomed-{delta}") for name in names for delta in (1, 2))

    def listed(*options: str) -> list[tuple[str, str]]:
        letters = run.json("dead-letters", PROBE, *options)["deadLetters"]
        told = [(letter["address"]["key"], letter["message"]["messageId"]) for letter in letters]
        return sorted(entry for entry in told if entry[0].startswith(prefix))

    until("all are listed", lambda: listed() == expected)
    stub, found, token = run.stub(), [], ""
    while True:
        request = admin.ListDeadLettersRequest(type=PROBE, page_size=3, page_token=token)
        page = stub.ListDeadLetters(request, timeout=30)
        assert len(page.dead_letters) <= 3
        found += [(letter.address.key, letter.message.message_id) for letter in page.dead_letters]
        token = page.next_page_token
        if not token:
            break
    assert sorted(entry for entry in found if entry[0].startswith(prefix)) == expected
    for name in names:
        run.text("discard", actor(name), "--all")
    until("none is listed", lambda: listed() == [])


def test_dead_letters_of_an_actor_come_in_pages_oldest_first(run, key, curtain):
    name, deltas = key(), list(range(1, 8))
    ids = set_aside(run, name, curtain, deltas)
    done = run("dead-letters", actor(name), "--limit", "2")
    assert done.stdout.count("doomed-") == 2 and "there are more" in done.stderr
    stub, found, token = run.stub(), [], ""
    while True:
        request = admin.ListDeadLettersRequest(
            address=address(name), page_size=3, page_token=token
        )
        page = stub.ListDeadLetters(request, timeout=30)
        found += [letter.message.message_id for letter in page.dead_letters]
        token = page.next_page_token
        if not token:
            break
    assert found == ids


def test_deleting_an_actor_leaves_its_dead_letters(run, dev, key, curtain):
    name = key()
    [message_id] = set_aside(run, name, curtain, [4])
    run.text("delete", actor(name))
    curtain.parent.mkdir()
    run.text("redrive", actor(name), message_id)
    until("it is handled", lambda: probe_is(dev.probe(), name) == (4, [4]))


def test_a_dead_letter_that_is_not_there_is_not_found(run, dev, key):
    name, stub = key(), run.stub()
    probe_is(dev.probe(), name)
    for call, request in [
        (stub.RedriveDeadLetter, admin.RedriveDeadLetterRequest),
        (stub.DiscardDeadLetter, admin.DiscardDeadLetterRequest),
    ]:
        error: Refused = refused(call, request(address=address(name), message_id="x"), timeout=30)
        is_not_found(error, "dead letter")
        assert error.metadata["message_id"] == "x"
        bad = refused(call, request(address=address(name), message_id="a/b"), timeout=30)
        bad.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    error = refused(stub.ListDeadLetters, admin.ListDeadLettersRequest(), timeout=30)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


def test_which_dead_letters_are_meant_must_be_said(run, key):
    for command in ("redrive", "discard"):
        assert run(command, actor(key())).returncode == 2
        assert run(command, actor(key()), "a", "--all").returncode == 2
