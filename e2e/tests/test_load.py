"""Many callers at once."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from harness.stubs import counter

pytestmark = pytest.mark.alone

CALLERS = 50
COUNTERS = 20
ASKS_EACH = 40
TELLS_EACH = 10
SEED = 20_260_101


def test_every_sum_is_right_and_every_mailbox_is_contiguous_under_50_callers(devs):
    dev = devs.counter().start()

    def call(caller: int) -> list[tuple[str, int, int]]:
        random = Random(SEED + caller)
        stub = dev.counter()
        kinds = ["ask"] * ASKS_EACH + ["tell"] * TELLS_EACH
        random.shuffle(kinds)
        sent = []
        for kind in kinds:
            key, delta = f"counter-{random.randrange(COUNTERS)}", random.randint(-9, 99)
            if kind == "ask":
                request = counter.AddRequest(counter=key, delta=delta)
                _, done = stub.Add.with_call(request, timeout=60)
            else:
                request = counter.NoteRequest(counter=key, delta=delta)
                _, done = stub.Note.with_call(request, timeout=60)
            headers = dict(done.initial_metadata())
            sent.append((key, delta, int(headers["callboard-sequence"])))
        return sent

    with ThreadPoolExecutor(CALLERS) as callers:
        sent = [entry for entries in callers.map(call, range(CALLERS)) for entry in entries]
    assert len(sent) == CALLERS * (ASKS_EACH + TELLS_EACH)

    sums, sequences = defaultdict(int), defaultdict(list)
    for key, delta, sequence in sent:
        sums[key] += delta
        sequences[key].append(sequence)
    assert len(sums) == COUNTERS
    stub = dev.counter()
    for key, total in sums.items():
        count = len(sequences[key])
        assert sorted(sequences[key]) == list(range(1, count + 1)), key
        answer, done = stub.Add.with_call(counter.AddRequest(counter=key, delta=0), timeout=60)
        assert answer.value == total, key
        assert dict(done.initial_metadata())["callboard-sequence"] == str(count + 1), key
    dev.stop()
