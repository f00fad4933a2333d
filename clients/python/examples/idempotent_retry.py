"""The same message, sent again: it is handled once, whoever sends it how often.

The client does so by itself while a call lasts. Beyond that, after a crash say, a program needs an
id that it finds again: here that of the order that the message is for.
"""

import os

from counter_pb2 import AddRequest
from counter_pb2_grpc import CounterStub

import callboard


def main() -> None:
    url = os.environ.get("CALLBOARD_URL", "http://127.0.0.1:7070")
    order = f"order-{callboard.new_message_id()}"
    with callboard.connect(url) as client:
        stock = client.actor(CounterStub, key="stock")
        for _ in range(3):
            answer = stock.ask(stock.stub.Add, AddRequest(delta=-1), message_id=order)
            was_sent = answer.receipt is not None and answer.receipt.duplicate
            print(f"the stock is {answer.response.value}", "(sent before)" if was_sent else "")

        # The same id for another message is a mistake, and is refused.
        try:
            stock.ask(stock.stub.Add, AddRequest(delta=-2), message_id=order)
        except callboard.MessageIdReusedError as error:
            print("refused:", error.message)


if __name__ == "__main__":
    main()
