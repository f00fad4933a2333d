"""Keys that lie in messages of a request."""

import json
import subprocess

import grpc
import pytest

from harness.admin import Admin, address
from harness.dev import assert_no_panic
from harness.generic import generic
from harness.paths import binary
from harness.status import refused
from harness.stubs import gateway, seat, seat_grpc
from harness.until import until
from harness.web import JSON, PROTO, send

SEAT = "seat.v1.Seat"


@pytest.fixture
def stub(shared_trial):
    return seat_grpc.SeatStub(shared_trial.channel())


@pytest.fixture
def house(key):
    # Such that the parts of the key are told apart by their escapes.
    return lambda: f"{key()}/5%"


def at(house: str, row: int, **place) -> seat.SeatId:
    return seat.SeatId(house=house, place=seat.Place(row=row, **place))


def key_of(house: str, row: int) -> str:
    return f"{row}/{house.replace('%', '%25').replace('/', '%2F')}"


def guests(stub, house: str, row: int) -> list[str]:
    return list(stub.Look(seat.LookRequest(house=house, row=row), timeout=30).guests)


def test_a_key_in_messages_finds_the_actor_that_a_flat_one_finds(stub, house):
    name = house()
    answer = stub.Book(seat.BookRequest(seat=at(name, -1), guest="ann"), timeout=30)
    assert answer.key == key_of(name, -1) and answer.seat == at(name, -1)
    assert guests(stub, name, -1) == ["ann"]
    assert guests(stub, name, 1) == []


def test_a_message_in_two_pieces_is_one(stub, shared_trial, house):
    name = house()
    pieces = [
        seat.BookRequest(seat=seat.SeatId(place=seat.Place(row=3)), guest="bob"),
        seat.BookRequest(seat=seat.SeatId(house=name)),
        seat.BookRequest(seat=seat.SeatId(place=seat.Place(note="worn"))),
    ]
    body = b"".join(piece.SerializeToString() for piece in pieces)
    done = send(shared_trial.port, "POST", f"/{SEAT}/Book", body, PROTO)
    assert done.status == 200
    answer = seat.BookResponse.FromString(done.body)
    assert answer.key == key_of(name, 3) and answer.seat == at(name, 3, note="worn")
    assert guests(stub, name, 3) == ["bob"]


def test_a_key_in_json_is_found(shared_trial, stub, house):
    name = house()
    body = {"seat": {"house": name, "place": {"row": 7}}, "guest": "cat"}
    done = send(shared_trial.port, "POST", f"/{SEAT}/Book", json.dumps(body).encode(), JSON)
    assert (done.status, done.json["key"]) == (200, key_of(name, 7))
    assert guests(stub, name, 7) == ["cat"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (seat.BookRequest(), "seat.place.row"),
        (seat.BookRequest(seat=seat.SeatId(house="h")), "seat.place.row"),
        (seat.BookRequest(seat=at("h", 0)), "seat.place.row"),
        (seat.BookRequest(seat=at("", 1)), "seat.house"),
    ],
)
def test_a_part_that_is_missing_is_named_by_its_path(stub, request_, field):
    error = refused(stub.Book, request_, timeout=10)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.metadata["field"] == field


def test_a_missing_part_is_named_over_connect_too(shared_trial):
    done = send(shared_trial.port, "POST", f"/{SEAT}/Book", b'{"seat": {}}', JSON)
    done.is_ours(400, "invalid_argument", "INVALID_REQUEST")
    assert done.info["metadata"]["field"] == "seat.place.row"


def test_a_key_in_metadata_fills_the_messages(stub, house):
    name = house()
    metadata = [("callboard-key", key_of(name, 4))]
    for request, seen in [
        (seat.BookRequest(guest="a"), at(name, 4)),
        (seat.BookRequest(seat=at("", 4, note="worn"), guest="b"), at(name, 4, note="worn")),
        (seat.BookRequest(seat=at(name, 4), guest="c"), at(name, 4)),
    ]:
        answer = stub.Book(request, timeout=30, metadata=metadata)
        assert (answer.key, answer.seat) == (key_of(name, 4), seen)
    error = refused(stub.Book, seat.BookRequest(seat=at("", 5)), timeout=10, metadata=metadata)
    error.is_ours(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert "seat.place.row" in error.message
    assert guests(stub, name, 4) == ["a", "b", "c"]


def test_a_call_by_name_and_an_admin_use_the_same_key(shared_trial, stub, house):
    name = house()
    there = key_of(name, 6)
    message = gateway.Message(address=address(there, SEAT), method="Book", json='{"guest": "dan"}')
    answer = generic(shared_trial.channel()).Ask(gateway.AskRequest(message=message), timeout=30)
    assert json.loads(answer.json)["key"] == there
    assert json.loads(Admin(shared_trial).text("state", f"{SEAT}/{there}")) == {"guests": ["dan"]}
    assert guests(stub, name, 6) == ["dan"]


@pytest.mark.parametrize("by_timer", [False, True], ids=["told", "by a timer"])
def test_a_reference_and_a_timer_use_the_same_key(stub, house, by_timer):
    name = house()
    stub.Book(seat.BookRequest(seat=at(name, 1), guest="eve"), timeout=30)
    to = at(name, 1 if by_timer else 2)
    request = seat.MoveRequest(to=to, by_timer=by_timer)
    getattr(request, "from").CopyFrom(at(name, 1))
    stub.Move(request, timeout=30)
    row = to.place.row
    until("the guest has moved", lambda: guests(stub, name, row) == ["eve"], 30)


def test_callboard_call_puts_the_key_into_the_messages(shared_trial, stub, house):
    name = house()

    def call(*arguments: str) -> subprocess.CompletedProcess:
        command = [binary("callboard"), "call", "--gateway", shared_trial.url, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert_no_panic(done.stdout + done.stderr)
        return done

    there = f"{SEAT}/{key_of(name, 8)}"
    done = call(there, "Book", '{"guest": "fay", "seat": {"place": {"note": "worn"}}}')
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["seat"] == {"house": name, "place": {"row": 8, "note": "worn"}}
    done = call(there, "Book", '{"seat": {"place": {"row": 9}}}')
    assert done.returncode == 1 and "another seat.place.row than the address" in done.stderr
    done = call(f"{SEAT}/8", "Book")
    assert done.returncode == 1 and "seat.place.row, seat.house" in done.stderr
    done = call(f"{SEAT}/box/{name.partition('/')[0]}", "Book")
    assert done.returncode == 1 and "no value of the key field seat.place.row" in done.stderr
    assert guests(stub, name, 8) == ["fay"]
