"""Several asks at once, with one deadline. What came before it is not lost."""

import os

from counter_pb2 import AddRequest
from counter_pb2_grpc import CounterStub

import callboard


def main() -> None:
    url = os.environ.get("CALLBOARD_URL", "http://127.0.0.1:7070")
    names = ["alice", "bob", "carol"]
    with callboard.connect(url) as client:
        counters = [client.actor(CounterStub, key=name) for name in names]
        asks = [counter.message(counter.stub.Add, AddRequest(delta=1)) for counter in counters]
        results = client.ask_many(asks, timeout=2)
        for name, result in zip(names, results, strict=True):
            match result:
                case callboard.Answer(response=response):
                    print(f"{name}: {response.value}")
                case callboard.DeadlineExceededError(message_id=message_id):
                    # It is handled nevertheless, and its answer can be picked up by its id.
                    print(f"{name}: not in time; message {message_id}")
                case error:
                    print(f"{name}: {error}")


if __name__ == "__main__":
    main()
