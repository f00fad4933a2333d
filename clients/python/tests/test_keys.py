"""Keys, as docs/keys.md of Callboard has them."""

import pytest

from callboard import key
from callboard._key import is_metadata


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["alice"], "alice"),
        (["eu/west"], "eu/west"),
        (["50%"], "50%"),
        ([42], "42"),
        ([-7], "-7"),
        (["eu", "alice"], "eu/alice"),
        (["eu/west", "alice"], "eu%2Fwest/alice"),
        (["50%", 1], "50%25/1"),
        (["%2F", "/"], "%252F/%2F"),
        (["a", -7, "b c"], "a/-7/b c"),
        (["köln", "ä/ö"], "köln/ä%2Fö"),
    ],
)
def test_parts_are_joined(parts, text):
    assert key(*parts) == text


def test_a_key_has_a_part():
    with pytest.raises(ValueError, match="at least one part"):
        key()


@pytest.mark.parametrize("text", ["", "alice", "a b", "%2F/~"])
def test_what_metadata_can_carry(text):
    assert is_metadata(text)


@pytest.mark.parametrize("text", [" alice", "alice ", "köln", "a\tb", "a\x7f"])
def test_what_metadata_cannot_carry(text):
    assert not is_metadata(text)
