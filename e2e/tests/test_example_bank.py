"""The example bank: no money is made and none is lost, whatever dies."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import pytest

from harness.dev import Dev
from harness.status import Refused, refused
from harness.stubs import example

pytestmark = pytest.mark.alone

bank, bank_grpc = example("bank")

ACCOUNTS = [f"account-{number}" for number in range(10)]
DEPOSIT = 1_000

CALLERS = 8
TRANSFERS = 400

# What a caller gets that knows nothing of the outcome, and asks again.
UNKNOWN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


@dataclass
class Transfer:
    id: str
    paying: str
    paid: str
    cents: int

    def request(self) -> "bank.ExecuteRequest":
        request = bank.ExecuteRequest(transfer=self.id, to=self.paid, cents=self.cents)
        # `from` is a word of Python's own.
        setattr(request, "from", self.paying)
        return request


# How long all of it may take, with the leases of those that are killed (10 s) in between.
SECONDS = 180


def is_done(dev: Dev, transfer: Transfer, seconds: float = 60) -> bool:
    """Asks until it is known whether the money has moved. Each call is a message of its own:
    what makes the transfer happen once is its id."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with grpc.insecure_channel(dev.target) as channel:
                stub = bank_grpc.TransferStub(channel)
                stub.Execute(transfer.request(), timeout=20)
            return True
        except grpc.RpcError as caught:
            error = Refused(caught)
            if error.message == "there is not enough in the account":
                assert error.code == grpc.StatusCode.FAILED_PRECONDITION
                return False
            assert error.code in UNKNOWN or is_waiting_for_the_function(error), error
            assert time.monotonic() < deadline, f"no outcome: {transfer}, {error}"
            time.sleep(0.2)


def is_waiting_for_the_function(error: Refused) -> bool:
    """A process that was killed at its start looks like a function that cannot start."""
    is_refused = error.code == grpc.StatusCode.FAILED_PRECONDITION
    return is_refused and error.info.reason == "ACTOR_NOT_DEPLOYED"


def deposit(dev: Dev, account: str, cents: int) -> int:
    stub = bank_grpc.AccountStub(dev.channel())
    request = bank.DepositRequest(account=account, cents=cents)
    return stub.Deposit(request, timeout=30).cents


def balances(dev: Dev, accounts: list[str]) -> dict[str, int]:
    stub = bank_grpc.AccountStub(dev.channel())
    read = lambda account: stub.Balance(bank.BalanceRequest(account=account), timeout=30).cents
    return {account: read(account) for account in accounts}


@pytest.fixture(scope="module")
def shared_bank(_shared_devs) -> Iterator[Dev]:
    dev = _shared_devs.example("bank").start()
    yield dev
    dev.stop()


def test_a_transfer_moves_money_once_for_all_who_ask_for_it(shared_bank):
    deposit(shared_bank, "alice", 500)
    transfer = Transfer("rent", "alice", "bob", 200)
    with ThreadPoolExecutor(10) as callers:
        done = list(callers.map(lambda _: is_done(shared_bank, transfer), range(10)))
    assert all(done)
    assert balances(shared_bank, ["alice", "bob"]) == {"alice": 300, "bob": 200}

    other = Transfer("rent", "alice", "bob", 201)
    stub = bank_grpc.TransferStub(shared_bank.channel())
    error = refused(stub.Execute, other.request(), timeout=30)
    assert error.code == grpc.StatusCode.ALREADY_EXISTS


def test_a_transfer_of_more_than_there_is_moves_nothing(shared_bank):
    deposit(shared_bank, "carol", 100)
    transfer = Transfer("too-much", "carol", "dave", 101)
    assert not is_done(shared_bank, transfer)
    # For good, also when there is enough by now.
    deposit(shared_bank, "carol", 100)
    assert not is_done(shared_bank, transfer)
    assert balances(shared_bank, ["carol", "dave"]) == {"carol": 200, "dave": 0}


def test_only_actors_debit_and_credit(shared_bank):
    stub = bank_grpc.AccountStub(shared_bank.channel())
    for method, request in [
        (stub.Debit, bank.DebitRequest(account="erin", cents=1)),
        (stub.Credit, bank.CreditRequest(account="erin", cents=1)),
        (stub.Refund, bank.RefundRequest(account="erin", cents=1)),
    ]:
        error = refused(method, request, timeout=30)
        assert error.code == grpc.StatusCode.PERMISSION_DENIED
    assert balances(shared_bank, ["erin"]) == {"erin": 0}


def test_the_total_is_constant_whatever_is_killed(devs):
    dev = devs.example("bank").start()
    for account in ACCOUNTS:
        deposit(dev, account, DEPOSIT)

    dice = random.Random(7)
    transfers = []
    for number in range(TRANSFERS):
        paying, paid = dice.sample(ACCOUNTS, 2)
        transfers.append(Transfer(f"transfer-{number}", paying, paid, dice.randrange(1, 600)))
    outcomes: dict[str, bool] = {}

    def execute(transfer: Transfer) -> None:
        outcomes[transfer.id] = is_done(dev, transfer)

    callers = ThreadPoolExecutor(CALLERS)
    # Some are asked for twice, by callers who do not know of each other.
    asked = [*transfers, *dice.sample(transfers, len(transfers) // 4)]
    dice.shuffle(asked)
    calls = [callers.submit(execute, transfer) for transfer in asked]
    killed = 0
    end = time.monotonic() + SECONDS

    def kill_functions_until_called(share: float) -> None:
        nonlocal killed
        # By what is done and not by time: on a slow machine too something gets done in between.
        kill_at = 0
        while (done := sum(call.done() for call in calls)) < share * len(calls):
            assert time.monotonic() < end, f"{done} of {len(calls)} have an outcome"
            time.sleep(0.05)
            if done < kill_at:
                continue
            kill_at = done + dice.randrange(10, 40)
            for pid in dev.function_pids():
                # One may have ended by itself.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1

    try:
        for share in (0.4, 0.8):
            kill_functions_until_called(share)
            dev.kill()
            dev.start()
        kill_functions_until_called(1)
    finally:
        # Those that have begun end by themselves; pytest would wait for all others.
        callers.shutdown(wait=False, cancel_futures=True)
    assert not [call.exception() for call in calls if call.exception()]
    assert killed >= 5, killed

    expected = Counter({account: DEPOSIT for account in ACCOUNTS})
    for transfer in transfers:
        if outcomes[transfer.id]:
            expected[transfer.paying] -= transfer.cents
            expected[transfer.paid] += transfer.cents
    found = balances(dev, ACCOUNTS)
    assert sum(found.values()) == len(ACCOUNTS) * DEPOSIT
    assert found == dict(expected)
    assert {True, False} == set(outcomes.values()), "all or none were refused"

    # What is asked for again after all that has its outcome still.
    for transfer in transfers[:20]:
        assert is_done(dev, transfer) == outcomes[transfer.id]
    assert balances(dev, ACCOUNTS) == found
    dev.stop()
