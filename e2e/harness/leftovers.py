"""What a version may leave in mailboxes, and what the one that goes on must make of it.

Each kind is left by `begin`, in probes of its own, and taken up again by `finish`.
"""

from pathlib import Path

from harness.admin import address
from harness.dev import Dev
from harness.events import Events
from harness.generic import generic
from harness.headers import headers, with_id
from harness.mailbox import probe_is
from harness.stubs import admin, admin_grpc, gateway, probe
from harness.until import until

TELL = [("callboard-mode", "tell")]

KIB = 1_024

# Longer than it takes to put one version in the place of another.
SOON_SECONDS = 4


class Leftover:
    """One kind. `self.of("a")` is the name of a probe that nobody else uses."""

    def __init__(self, name: str, events: Events) -> None:
        self._name = name
        self.events = events

    def of(self, part: str = "") -> str:
        return f"{self._name}-{type(self).__name__}-{part}"

    def begin(self, dev: Dev) -> None:
        raise NotImplementedError

    def finish(self, dev: Dev) -> None:
        raise NotImplementedError


class DeadLetter(Leftover):
    """A message that was set aside. It succeeds as soon as its handler's folder is there."""

    def _curtain(self) -> Path:
        return self.events.path.parent / self.of("curtain")

    def _letters(self, dev: Dev) -> list:
        request = admin.ListDeadLettersRequest(address=address(self.of()))
        operator = admin_grpc.AdminStub(dev.channel())
        return list(operator.ListDeadLetters(request, timeout=30).dead_letters)

    def begin(self, dev: Dev) -> None:
        file = str(self._curtain() / "events")
        doomed = probe.SlowNoteRequest(probe=self.of(), delta=5, file=file)
        dev.probe().SlowNote(doomed, timeout=30, metadata=with_id("doomed"))
        until("it is set aside", lambda: self._letters(dev))

    def finish(self, dev: Dev) -> None:
        [letter] = self._letters(dev)
        assert (letter.message.message_id, letter.attempts) == ("doomed", 2)
        assert letter.last_error
        self._curtain().mkdir()
        request = admin.RedriveDeadLetterRequest(address=address(self.of()), message_id="doomed")
        admin_grpc.AdminStub(dev.channel()).RedriveDeadLetter(request, timeout=30)
        until("it is handled", lambda: probe_is(dev.probe(), self.of()) == (5, [5]))
        assert not self._letters(dev)


class Handled(Leftover):
    """Messages that were handled: a state, a reply and a receipt."""

    def _sends(self, dev: Dev) -> list[tuple]:
        stub = dev.probe()
        return [
            (stub.Add, probe.AddRequest(probe=self.of(), delta=1), "asked"),
            (stub.Note, probe.NoteRequest(probe=self.of(), delta=2), "told"),
        ]

    def begin(self, dev: Dev) -> None:
        for method, request, message_id in self._sends(dev):
            method(request, timeout=30, metadata=with_id(message_id))
        assert probe_is(dev.probe(), self.of()) == (3, [1, 2])

    def finish(self, dev: Dev) -> None:
        look = dev.probe().Look(probe.LookRequest(probe=self.of()), timeout=30)
        assert (look.value, list(look.deltas)) == (3, [1, 2])
        for method, request, message_id in self._sends(dev):
            answer, done = method.with_call(request, timeout=30, metadata=with_id(message_id))
            assert headers(done)["callboard-duplicate"] == "true"
            assert getattr(answer, "value", 1) == 1, "it is the reply that was stored"
        add = probe.AddRequest(probe=self.of(), delta=4)
        assert dev.probe().Add(add, timeout=30).value == 7
        assert probe_is(dev.probe(), self.of()) == (7, [1, 2, 4])


class Large(Leftover):
    """A state in items of its own."""

    def _has(self, dev: Dev, size: int) -> None:
        padding = dev.probe().Padding(probe.PaddingRequest(probe=self.of()), timeout=60)
        assert (padding.bytes, padding.is_whole) == (size, True)

    def begin(self, dev: Dev) -> None:
        dev.probe().Grow(probe.GrowRequest(probe=self.of(), bytes=800 * KIB), timeout=60)

    def finish(self, dev: Dev) -> None:
        self._has(dev, 800 * KIB)
        for size in (500 * KIB, 1 * KIB):
            dev.probe().Grow(probe.GrowRequest(probe=self.of(), bytes=size), timeout=60)
            self._has(dev, size)


class Later(Leftover):
    """What is not yet due: tells and timers, some of which never will be."""

    def _ring(self, part: str, delta: int) -> probe.RingRequest:
        return probe.RingRequest(probe=self.of(part), delta=delta, file=str(self.events))

    def begin(self, dev: Dev) -> None:
        stub = dev.probe()
        for delay, message_id in ((f"{SOON_SECONDS}s", "soon"), ("1h", "never")):
            metadata = [*with_id(message_id), ("callboard-delay", delay)]
            stub.Ring(self._ring("told", 1), timeout=30, metadata=metadata)
        for seconds, name in ((SOON_SECONDS, "soon"), (3_600, "never")):
            ring, milliseconds = self._ring("timed", 2), 1_000 * seconds
            timer = probe.SetTimerRequest(
                probe=self.of("timed"), name=name, milliseconds=milliseconds, ring=ring
            )
            stub.SetTimer(timer, timeout=30)

    def finish(self, dev: Dev) -> None:
        cancel = gateway.CancelRequest(address=address(self.of("told")), message_id="never")
        assert generic(dev.channel()).Cancel(cancel, timeout=30).cancelled
        request = probe.CancelTimerRequest(probe=self.of("timed"), name="never")
        assert dev.probe().CancelTimer(request, timeout=30).was_set
        for part, timer, delta in (("told", "", 1), ("timed", "soon", 2)):
            # Without a message that would wake the probe.
            rung = lambda part=part, delta=delta: self.events.read(f"ring {delta}", self.of(part))
            until(f"{part} rings", rung)
            request = probe.RingsRequest(probe=self.of(part))
            rings = dev.probe().Rings(request, timeout=30).rings
            assert [(ring.timer, ring.delta) for ring in rings] == [(timer, delta)]


class Paused(Leftover):
    """A mailbox that an operator has paused, with messages from callers and from an actor."""

    def begin(self, dev: Dev) -> None:
        stub = dev.probe()
        pause(dev, self.of(), "until the audit ends")
        for delta in (2, 3, 4):
            stub.Note(probe.NoteRequest(probe=self.of(), delta=delta), timeout=30)
        giver = self.of("giver")
        stub.Pass(probe.PassRequest(probe=giver, to=self.of(), amounts=[20, 30]), timeout=30)

    def finish(self, dev: Dev) -> None:
        assert resume(dev, self.of()) == "until the audit ends"
        until("all is there", lambda: probe_is(dev.probe(), self.of())[0] == 60)
        _, deltas = probe_is(dev.probe(), self.of())
        assert [delta for delta in deltas if delta < 10] == [1, 2, 3, 4]
        assert [delta for delta in deltas if delta > 10] == [20, 30]


class Asks(Leftover):
    """Asks whose answers come from another message, and from other actors."""

    def _asks(self, dev: Dev) -> list[tuple]:
        """Each with the value of its answer."""
        stub, name = dev.probe(), self.of()
        gather = {"of": [self.of("gathered")], "delta": 20, "timeout_milliseconds": 600_000}
        return [
            (stub.Wait, probe.WaitRequest(probe=name, name="wait"), 7),
            (stub.Gather, probe.GatherRequest(probe=name, **gather), 21),
            (stub.Forward, probe.ForwardRequest(probe=name, to=[self.of("last")], delta=30), 31),
        ]

    def begin(self, dev: Dev) -> None:
        for other in ("gathered", "last"):
            pause(dev, self.of(other), "so that it does not answer")
        for method, request, value in self._asks(dev):
            method(request, timeout=30, metadata=[*with_id(f"ask-{value}"), *TELL])
        # Behind them: so their handlers have run.
        probe_is(dev.probe(), self.of())

    def finish(self, dev: Dev) -> None:
        for other in ("gathered", "last"):
            resume(dev, self.of(other))
        release = probe.ReleaseRequest(probe=self.of(), value=7)
        assert dev.probe().Release(release, timeout=30).waiting == 1
        for method, request, value in self._asks(dev):
            answer = method(request, timeout=30, metadata=with_id(f"ask-{value}"))
            assert answer.value == value


class Waiting(Leftover):
    """A message that has failed and is to be tried again, with others behind it."""

    def begin(self, dev: Dev) -> None:
        stub, file = dev.probe(), str(self.events)
        fail = probe.FailNoteRequest(probe=self.of(), times=1, delta=1, file=file)
        stub.FailNote(fail, timeout=30)
        until("it has failed", lambda: self.events.read("attempt 1", self.of()))
        for delta in (2, 3):
            stub.Note(probe.NoteRequest(probe=self.of(), delta=delta), timeout=30)

    def finish(self, dev: Dev) -> None:
        until("it is handled", lambda: probe_is(dev.probe(), self.of()) == (6, [1, 2, 3]))
        attempts = [event.what for event in self.events.read(probe=self.of())]
        assert attempts == ["attempt 1", "attempt 2"], "attempts are counted on"


def pause(dev: Dev, name: str, reason: str) -> None:
    """Pauses a probe that has had a message."""
    dev.probe().Add(probe.AddRequest(probe=name, delta=1), timeout=30)
    request = admin.PauseRequest(address=address(name), reason=reason)
    admin_grpc.AdminStub(dev.channel()).Pause(request, timeout=30)


def resume(dev: Dev, name: str) -> str:
    """Resumes a probe; why it was paused."""
    request = admin.ResumeRequest(address=address(name))
    return admin_grpc.AdminStub(dev.channel()).Resume(request, timeout=30).paused_reason


class Leftovers:
    """All kinds, under names that begin with this one."""

    def __init__(self, name: str, events: Events) -> None:
        # The first one takes seconds, and the last one waits for seconds only.
        kinds = (DeadLetter, Handled, Large, Paused, Asks, Later, Waiting)
        self._kinds = [kind(name, events) for kind in kinds]

    def begin(self, dev: Dev) -> "Leftovers":
        for kind in self._kinds:
            kind.begin(dev)
        return self

    def finish(self, dev: Dev) -> None:
        for kind in self._kinds:
            kind.finish(dev)
