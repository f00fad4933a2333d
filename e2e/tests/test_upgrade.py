"""An upgrade: what one version leaves the other goes on with, and both work side by side."""

import itertools
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from harness.dev import CHANNEL_OPTIONS, Dev, Gateway
from harness.headers import with_id
from harness.leftovers import Leftovers
from harness.stubs import probe, probe_grpc
from harness.until import until
from harness.versions import version

PROBE = "probe.v1.Probe"

# The versions of gateway and actor.
OLD, NEW = ("old", "old"), ("new", "new")

# A second actor type, so that a `callboard dev` takes a second function.
SPARE = """
syntax = "proto3";
package spare.v1;
import "callboard/v1/options.proto";
service Spare {
  option (callboard.v1.actor) = {};
  rpc Do(DoRequest) returns (DoResponse);
}
message DoRequest { string spare = 1 [(callboard.v1.field) = { key: true }]; }
message DoResponse {}
"""


def start(dev: Dev, gateway: str, actor: str) -> Dev:
    """Serves a folder with a gateway and an actor of these versions."""
    protos = version(gateway).copy_protos(dev.project / "protos")
    command = version(actor).actor
    settings = f'protos = "{protos}"\n[functions.e2e-actor]\ncommand = "{command}"\n'
    (dev.project / "callboard.toml").write_text(settings)
    with version(gateway).starts():
        return dev.start()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(OLD, ("new", "old"), id="the gateway first"),
        pytest.param(OLD, ("old", "new"), id="the actor first"),
        pytest.param(OLD, NEW, id="both at once"),
        pytest.param(NEW, OLD, id="and back"),
    ],
)
def test_what_one_version_leaves_the_other_goes_on_with(devs, events, tmp_path, before, after):
    project = tmp_path / "project"
    project.mkdir()
    dev = start(devs(project), *before)
    left = Leftovers("left", events).begin(dev)
    dev.stop()
    start(dev, *after)
    left.finish(dev)
    if after not in (OLD, NEW):
        # And all of it again with a gateway and an actor of two versions.
        Leftovers("mixed", events).begin(dev).finish(dev)
    dev.stop()
    dev.assert_no_panic()


@dataclass
class Caller:
    """Sends to several probes in turn, through all gateways in turn, and sends again under the
    same id what was not acknowledged."""

    number: int
    probes: list[str]
    # Those that serve; others are added and taken away meanwhile.
    targets: list[str]
    stops: threading.Event
    acknowledged: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    sent: int = 0

    def run(self) -> None:
        stubs: dict[str, probe_grpc.ProbeStub] = {}
        for turn in itertools.count():
            if self.stops.is_set():
                return
            name = self.probes[turn % len(self.probes)]
            delta = self.number * 1_000_000 + turn
            for attempt in itertools.count(turn):
                # The list may be another one with each look.
                targets = list(self.targets)
                target = targets[attempt % len(targets)]
                if target not in stubs:
                    channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
                    stubs[target] = probe_grpc.ProbeStub(channel)
                if self._send(stubs[target], name, delta):
                    break
            self.acknowledged[name].append(delta)
            self.sent += 1
            time.sleep(0.02)

    def _send(self, stub: probe_grpc.ProbeStub, name: str, delta: int) -> bool:
        metadata = with_id(f"message-{delta}")
        try:
            if delta % 5 < 2:
                request = probe.AddRequest(probe=name, delta=delta)
                stub.Add(request, timeout=30, metadata=metadata)
            else:
                request = probe.NoteRequest(probe=name, delta=delta)
                stub.Note(request, timeout=30, metadata=metadata)
        except grpc.RpcError as error:
            # Its gateway has gone, or its connection.
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error
            return False
        return True


def test_gateways_and_actors_of_both_versions_share_mailboxes_under_load(devs, tmp_path):
    old, new = version("old"), version("new")
    project = tmp_path / "project"
    project.mkdir()
    protos = new.copy_protos(project / "protos")
    (protos / "spare.proto").write_text(SPARE)
    (project / "callboard.toml").write_text(
        f'protos = "{protos}"\n[functions.new]\ncommand = "{new.actor}"\n'
        f'[functions.old]\ncommand = "{old.actor}"\nactors = ["spare.v1.Spare"]\n'
    )
    dev = devs(project).start()
    with old.starts():
        leaving = [dev.second_gateway(old.protos, PROBE, "old") for _ in range(2)]

    probes = [f"probe-{number}" for number in range(6)]
    targets, stops = [at(gateway) for gateway in leaving], threading.Event()
    callers = [Caller(number, probes, targets, stops) for number in range(1, 7)]

    def go_on() -> None:
        """Waits until each has sent some more."""
        sent = lambda: min(caller.sent for caller in callers)
        before = sent()
        until("all send", lambda: sent() >= before + 20, 60)

    with ThreadPoolExecutor(len(callers)) as pool:
        running = [pool.submit(caller.run) for caller in callers]
        try:
            go_on()
            targets.append(dev.target)
            until("both versions run", lambda: runs(dev) == {old.actor, new.actor}, 60)
            for gateway in leaving:
                go_on()
                targets.remove(at(gateway))
                gateway.process.terminate()
                assert gateway.process.wait(30) == 0
            go_on()
        finally:
            stops.set()
        for caller in running:
            caller.result(60)

    for name in probes:
        look = dev.probe().Get(probe.GetRequest(probe=name), timeout=60)
        assert len(look.deltas) < 1_000, "the probe remembers no more"
        handled = defaultdict(list)
        for delta in look.deltas:
            handled[delta // 1_000_000].append(delta)
        assert handled == {caller.number: caller.acknowledged[name] for caller in callers}


def at(gateway: Gateway) -> str:
    return gateway.url.removeprefix("http://")


def runs(dev: Dev) -> set[Path]:
    """The binaries of the functions that run."""
    return {Path(f"/proc/{pid}/exe").resolve() for pid in dev.function_pids()}
