"""What can go wrong, and what to do then."""

import os

from counter_pb2 import AddRequest
from counter_pb2_grpc import CounterStub

import callboard


def add(counter: callboard.Actor[CounterStub], delta: int, message_id: str) -> int | None:
    """Adds, and tells what became of it."""
    try:
        response = counter.ask(counter.stub.Add, AddRequest(delta=delta), message_id=message_id)
    except callboard.HandlerError as error:
        # The actor itself said no; `code`, `reason` and `domain` are its own.
        print(f"the counter refuses: {error.code.name}: {error.message}")
    except callboard.DeadlineExceededError as error:
        # It is handled later. Never send it with another id: it would be handled twice.
        print("not in time:", error.message_id)
        return counter.pick_up(counter.stub.Add, message_id).result().value
    except (callboard.UnavailableError, callboard.RateLimitedError) as error:
        # The client has tried it several times; the same id makes it safe to go on later.
        print("not now; again in", error.retry_delay, "s with", error.message_id)
    except callboard.InvalidRequestError as error:
        print("mend", error.metadata["field"])
    else:
        return response.response.value
    return None


def main() -> None:
    url = os.environ.get("CALLBOARD_URL", "http://127.0.0.1:7070")
    with callboard.connect(url) as client:
        counter = client.actor(CounterStub, key=f"errors-{callboard.new_message_id()}")
        print("it is", add(counter, 2**63 - 1, "much"))
        add(counter, 1, "too-much")
        add(counter, 1, "not/an/id")


if __name__ == "__main__":
    main()
