"""The first call: to one counter, by its key."""

import os

from counter_pb2 import AddRequest, GetRequest
from counter_pb2_grpc import CounterStub

import callboard


def main() -> None:
    url = os.environ.get("CALLBOARD_URL", "http://127.0.0.1:7070")
    with callboard.connect(url) as client:
        counter = client.actor(CounterStub, key="alice")

        # A method of the stub, with the key filled in.
        print("now it is", counter.Add(AddRequest(delta=5)).value)

        # With the stub's own method type checkers know what comes.
        answer = counter.ask(counter.stub.Add, AddRequest(delta=2))
        print("now it is", answer.response.value)
        print("the message was", answer.receipt)

        # A read waits for nothing, and changes nothing.
        print("it still is", counter.Get(GetRequest()).value)

        # Without generated code: the actor's type by its name, and JSON.
        by_name = client.actor("counter.v1.Counter", key="alice")
        print("by name it is", by_name.Get({})["value"])


if __name__ == "__main__":
    main()
