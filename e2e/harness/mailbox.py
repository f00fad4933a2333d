"""What a caller can find out about a mailbox."""

from harness.stubs import probe
from harness.until import until


def until_stored(stub, name: str, messages: int) -> None:
    """Waits until the probe's mailbox holds so many messages, from its beginning.

    Calls that are under way together are stored in any order, so the only way
    to know that one is stored is to look at the places of others, which add 0.
    """
    looks = 0

    def are_stored() -> bool:
        nonlocal looks
        looks += 1
        _, done = stub.Note.with_call(probe.NoteRequest(probe=name, delta=0), timeout=30)
        return int(dict(done.initial_metadata())["callboard-sequence"]) == messages + looks

    until(f"{messages} messages to {name} are stored", are_stored)


def probe_is(stub, name: str) -> tuple[int, list[int]]:
    """The sum of a probe, and in which order it was added up."""
    answer = stub.Get(probe.GetRequest(probe=name), timeout=60)
    return answer.value, list(answer.deltas)
