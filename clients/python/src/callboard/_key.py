"""Keys of actors."""


def key(*parts: str | int) -> str:
    """The key of an actor, from its parts.

    One part is the key as it is. Of several, `%` becomes `%25` and `/` becomes `%2F` in each,
    and `/` joins them, in the order of the key fields' numbers.

    >>> key("alice")
    'alice'
    >>> key("eu/west", 7)
    'eu%2Fwest/7'

    Raises:
        ValueError: There is no part.
    """
    if not parts:
        raise ValueError("a key has at least one part")
    texts = [str(part) for part in parts]
    if len(texts) == 1:
        return texts[0]
    return "/".join(text.replace("%", "%25").replace("/", "%2F") for text in texts)


def is_metadata(text: str) -> bool:
    """Whether metadata can carry a text as it is: HTTP takes spaces away at both ends."""
    return text.isascii() and text.isprintable() and text == text.strip()
