"""A message for later, and one that is cancelled before it is due."""

import os
from datetime import UTC, datetime, timedelta

from counter_pb2 import AddRequest, NoteRequest
from counter_pb2_grpc import CounterStub

import callboard


def main() -> None:
    url = os.environ.get("CALLBOARD_URL", "http://127.0.0.1:7070")
    with callboard.connect(url) as client:
        counter = client.actor(CounterStub, key="reminders")

        # A tell is answered when it is stored.
        receipt = counter.tell("Note", NoteRequest(delta=1))
        print("stored as message", receipt.sequence, "of the mailbox")

        # This one is delivered in a second.
        soon = counter.send_after(timedelta(seconds=1), "Note", NoteRequest(delta=10))
        # Somebody waits for it here; any program can that has the id.
        counter.pick_up("Note", soon.message_id).result()
        print("a second later it is", counter.Add(AddRequest()).value)

        # And this one would be tomorrow.
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        later = counter.send_at(tomorrow, "Note", NoteRequest(delta=100))
        print("cancelled:", counter.cancel(later.message_id))
        print("cancelled once more:", counter.cancel(later.message_id))


if __name__ == "__main__":
    main()
