"""examples/auction: bids, a timer that ends them, and promises to those who wait."""

import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from harness.status import Refused, refused
from harness.stubs import example
from harness.until import until

auction, auction_grpc = example("auction")

# A timer fires within about a second of its time; the machine of the tests is busy.
LATE_SECONDS = 8

# How long an auction takes bids.
SECONDS = 6


class Auction:
    """One auction, over a connection of its own."""

    def __init__(self, dev, key: str) -> None:
        self.key = key
        self.stub = auction_grpc.AuctionStub(dev.channel())
        self.bidders = auction_grpc.BidderStub(dev.channel())

    def open(self, seconds: int) -> None:
        duration = Duration(seconds=seconds)
        request = auction.OpenRequest(auction=self.key, lot="a violin", duration=duration)
        self.stub.Open(request, timeout=30)

    def bid_request(self, bidder: str, cents: int) -> "auction.BidRequest":
        return auction.BidRequest(auction=self.key, bidder=bidder, cents=cents)

    def bid(self, bidder: str, cents: int) -> None:
        self.stub.Bid(self.bid_request(bidder, cents), timeout=30)

    def ask_for_the_winner(self) -> grpc.Future:
        return self.stub.Winner.future(auction.WinnerRequest(auction=self.key), timeout=60)

    def until_stored(self, messages: int) -> None:
        """Waits until its mailbox holds so many messages, from its beginning. A bid of 0
        is refused, and tells its place."""
        looks = 0

        def are_stored() -> bool:
            nonlocal looks
            looks += 1
            error = refused(self.stub.Bid, self.bid_request("nobody", 0), timeout=30)
            return int(error.trailers["callboard-sequence"]) == messages + looks

        until(f"{messages} messages are stored", are_stored)

    def told(self, bidder: str) -> list[tuple[str, int]]:
        """What a bidder was told, and how many cents were the highest bid then."""
        answer = self.bidders.Notices(auction.NoticesRequest(bidder=bidder), timeout=30)
        return [(auction.Event.Name(notice.event), notice.cents) for notice in answer.notices]

    def until_told(self, bidder: str, *notices: tuple[str, int]) -> None:
        until(f"{bidder} is told {notices}", lambda: self.told(bidder) == list(notices))


def winner(answer) -> tuple[str, int]:
    assert answer.lot == "a violin"
    return answer.winner.bidder, answer.winner.cents


@pytest.fixture(scope="module")
def dev(_shared_devs):
    return _shared_devs.example("auction").start()


def test_an_auction_from_its_opening_to_its_end(dev):
    violin = Auction(dev, "violin")
    began = time.monotonic()
    violin.open(SECONDS)
    early = [Auction(dev, "violin").ask_for_the_winner() for _ in range(3)]
    violin.until_stored(4)
    violin.bid("ann", 500)
    violin.bid("bob", 700)
    violin.until_told("ann", ("EVENT_LEADING", 500), ("EVENT_BEATEN", 700))
    error = refused(violin.stub.Bid, violin.bid_request("ann", 700), timeout=30)
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION
    assert error.message == "a bid has to be above 700 cents"
    assert time.monotonic() - began < SECONDS, "it was too slow to show anything"
    assert not any(ask.done() for ask in early)

    assert [winner(ask.result(SECONDS + LATE_SECONDS)) for ask in early] == [("bob", 700)] * 3
    assert SECONDS <= time.monotonic() - began < SECONDS + LATE_SECONDS
    violin.until_told("bob", ("EVENT_LEADING", 700), ("EVENT_WON", 700))
    error = refused(violin.stub.Bid, violin.bid_request("ann", 900), timeout=30)
    assert (error.code, error.message) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "the auction is not open",
    )
    assert winner(violin.ask_for_the_winner().result(5)) == ("bob", 700)


def test_of_bids_made_at_the_same_time_the_highest_wins(dev):
    cello = Auction(dev, "cello")
    cello.open(SECONDS)
    asked = cello.ask_for_the_winner()
    cello.until_stored(2)
    bids = range(1, 41)
    calls = [
        Auction(dev, "cello").stub.Bid.future(cello.bid_request(f"bidder-{cents}", cents), timeout=30)
        for cents in bids
    ]
    taken = [cents for cents, call in zip(bids, calls) if call.exception() is None]
    for call in calls:
        if (error := call.exception()) is not None:
            assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert not asked.done(), "it was too slow to show anything"
    assert winner(asked.result(30)) == ("bidder-40", 40)
    # Of all who led, each but the last was beaten once.
    for cents in taken[:-1]:
        name = f"bidder-{cents}"
        until(f"{name} is told", lambda: len(cello.told(name)) == 2)
        assert [event for event, _ in cello.told(name)] == ["EVENT_LEADING", "EVENT_BEATEN"]
    cello.until_told("bidder-40", ("EVENT_LEADING", 40), ("EVENT_WON", 40))


def test_who_waits_for_a_lot_that_is_withdrawn_is_told(dev):
    flute = Auction(dev, "flute")
    flute.open(3_600)
    flute.bid("cat", 500)
    asked = flute.ask_for_the_winner()
    flute.until_stored(3)
    assert not asked.done()
    flute.stub.Withdraw(auction.WithdrawRequest(auction="flute"), timeout=30)
    error = Refused(asked.exception(30))
    assert (error.code, error.message) == (grpc.StatusCode.ABORTED, "the lot was withdrawn")
    flute.until_told("cat", ("EVENT_LEADING", 500), ("EVENT_WITHDRAWN", 500))
    # Nothing is left of it.
    flute.open(3_600)
    flute.bid("cat", 1)


def test_actors_alone_may_end_an_auction_or_tell_a_bidder(dev):
    harp = Auction(dev, "harp")
    error = refused(harp.stub.Close, auction.CloseRequest(auction="harp"), timeout=30)
    assert error.code == grpc.StatusCode.PERMISSION_DENIED
    error = refused(harp.bidders.Notify, auction.NotifyRequest(bidder="ann"), timeout=30)
    assert error.code == grpc.StatusCode.PERMISSION_DENIED


def test_an_auction_ends_though_everything_was_killed(devs):
    dev = devs.example("auction").start()
    violin = Auction(dev, "violin")
    violin.open(3)
    violin.bid("ann", 500)
    dev.kill()
    dev.start()
    asked = Auction(dev, "violin").ask_for_the_winner()
    # The dead function may have had a lease of 10 s.
    assert winner(asked.result(40)) == ("ann", 500)
    Auction(dev, "violin").until_told("ann", ("EVENT_LEADING", 500), ("EVENT_WON", 500))
    dev.stop()
