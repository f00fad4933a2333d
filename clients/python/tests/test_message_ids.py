"""Ids of messages."""

import time
import uuid

import pytest

from callboard import new_message_id
from callboard._message_id import checked


def test_an_id_is_a_uuid_of_version_7_with_the_time():
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_message_id())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_no_two_are_the_same():
    assert len({new_message_id() for _ in range(10_000)}) == 10_000


def test_an_id_of_the_caller_is_taken():
    assert checked("order-7") == "order-7"


@pytest.mark.parametrize("text", ["", "ä", "a\nb"])
def test_what_cannot_be_sent_is_no_id(text):
    with pytest.raises(ValueError, match="visible ASCII"):
        checked(text)
