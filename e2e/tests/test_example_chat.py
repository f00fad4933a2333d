"""The example chat: all members of a room hear the same, in order and once."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from harness.dev import Dev
from harness.status import refused
from harness.stubs import example
from harness.until import until

pytestmark = pytest.mark.alone

chat, chat_grpc = example("chat")

MEMBERS = [f"member-{number}" for number in range(20)]
SENDERS = MEMBERS[:5]
# By each of them: all together is what an inbox keeps.
LINES = 30


@pytest.fixture(scope="module")
def shared_chat(_shared_devs) -> Iterator[Dev]:
    dev = _shared_devs.example("chat").start()
    yield dev
    dev.stop()


def join(dev: Dev, room: str, members: list[str]) -> None:
    stub = chat_grpc.RoomStub(dev.channel())
    for member in members:
        stub.Join(chat.JoinRequest(room=room, member=member), timeout=30)


def talk(dev: Dev, room: str, member: str, lines: int) -> None:
    """Says the numbers up to `lines`, each when the one before is sure to be heard."""
    stub = chat_grpc.RoomStub(dev.channel())
    for number in range(lines):
        stub.Say(chat.SayRequest(room=room, member=member, text=str(number)), timeout=60)


def heard(dev: Dev, member: str) -> list[tuple[str, str, str]]:
    """What a member has heard: room, who, what."""
    stub = chat_grpc.MemberStub(dev.channel())
    answer = stub.Messages(chat.MessagesRequest(member=member), timeout=30)
    return [(it.room, it.line.member, it.line.text) for it in answer.messages]


def said(dev: Dev, room: str) -> list[tuple[str, str, str]]:
    """What was said in a room, as members have heard it."""
    answer = chat_grpc.RoomStub(dev.channel()).History(chat.HistoryRequest(room=room), timeout=30)
    return [(room, line.member, line.text) for line in answer.lines]


def test_each_member_hears_each_sender_in_order_and_once(shared_chat):
    join(shared_chat, "lobby", MEMBERS)
    with ThreadPoolExecutor(len(SENDERS)) as senders:
        list(senders.map(lambda sender: talk(shared_chat, "lobby", sender, LINES), SENDERS))

    numbers = [str(number) for number in range(LINES)]
    lines = said(shared_chat, "lobby")
    for sender in SENDERS:
        assert [text for _, who, text in lines if who == sender] == numbers
    for member in MEMBERS:
        until("all is heard", lambda: len(heard(shared_chat, member)) >= len(lines))
        assert heard(shared_chat, member) == lines, "not what the room has said, in its order"


def test_an_inbox_tells_the_rooms_apart(shared_chat):
    for room in ("kitchen", "hall"):
        join(shared_chat, room, ["ann"])
    talk(shared_chat, "kitchen", "ann", 1)
    talk(shared_chat, "hall", "ann", 1)
    until("both are heard", lambda: len(heard(shared_chat, "ann")) == 2)
    assert sorted(heard(shared_chat, "ann")) == [("hall", "ann", "0"), ("kitchen", "ann", "0")]


def test_who_is_no_member_is_refused_and_nobody_speaks_for_a_room(shared_chat):
    join(shared_chat, "lodge", ["ben"])
    room = chat_grpc.RoomStub(shared_chat.channel())
    error = refused(room.Say, chat.SayRequest(room="lodge", member="eve", text="hi"), timeout=30)
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION

    member = chat_grpc.MemberStub(shared_chat.channel())
    forged = chat.HearRequest(listener="ben", line=chat.Line(member="ben", text="hi"))
    error = refused(member.Hear, forged, timeout=30)
    assert error.code == grpc.StatusCode.PERMISSION_DENIED
    assert said(shared_chat, "lodge") == heard(shared_chat, "ben") == []


def test_what_was_said_is_heard_once_when_everything_is_killed(devs):
    dev = devs.example("chat").start()
    join(dev, "lobby", MEMBERS)
    talk(dev, "lobby", MEMBERS[0], 5)
    # While the members still hear it.
    for pid in dev.function_pids():
        os.kill(pid, signal.SIGKILL)
    talk(dev, "lobby", MEMBERS[1], 5)
    dev.kill()
    dev.start()
    lines = said(dev, "lobby")
    assert len(lines) == 10
    for member in MEMBERS:
        until("all is heard", lambda: len(heard(dev, member)) >= len(lines), 30)
        assert heard(dev, member) == lines
    dev.stop()
