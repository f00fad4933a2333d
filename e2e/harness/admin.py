"""`callboard admin`, and the calls that it makes."""

import json
import os
import subprocess
from pathlib import Path

import grpc

from harness.dev import Dev, assert_no_panic
from harness.paths import PROBE_PROTOS, binary
from harness.stubs import admin_grpc, gateway

PROBE = "probe.v1.Probe"


def address(key: str, actor_type: str = PROBE) -> gateway.Address:
    return gateway.Address(type=actor_type, key=key)


class Admin:
    """`callboard admin` against one gateway."""

    def __init__(self, dev: Dev) -> None:
        self.dev = dev
        self.url = dev.url

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess:
        """Runs the command, whatever comes of it. Its input is no terminal."""
        command = [binary("callboard"), "admin", "--gateway", self.url, *arguments]
        environment = {n: v for n, v in os.environ.items() if not n.startswith("CALLBOARD_")}
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=environment,
        )
        assert_no_panic(done.stdout + done.stderr)
        return done

    def text(self, *arguments: str) -> str:
        """What it prints when all goes well."""
        done = self(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def json(self, *arguments: str) -> dict:
        """What it prints with `--json` when all goes well."""
        return json.loads(self.text(*arguments, "--json"))

    def stub(self) -> "admin_grpc.AdminStub":
        return admin_grpc.AdminStub(self.dev.channel())


def frail(folder: Path) -> Dev:
    """A `callboard dev` with probes whose messages are set aside after two attempts. Not
    started."""
    protos = folder / "protos"
    protos.mkdir(parents=True)
    text = (PROBE_PROTOS / "probe.proto").read_text()
    before = "option (callboard.v1.actor) = {};"
    assert text.count(before) == 1
    retry = "{ attempts: 2, first_delay: { nanos: 50000000 } }"
    after = f"option (callboard.v1.actor) = {{ retry: {retry} }};"
    (protos / "probe.proto").write_text(text.replace(before, after))
    settings = f'protos = "{protos}"\n[functions.e2e-actor]\ncommand = "{binary("e2e-actor")}"\n'
    (folder / "callboard.toml").write_text(settings)
    return Dev(folder, folder / "data", folder / "dev.log")


def is_not_found(error, what: str) -> None:
    error.is_ours(grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    assert error.metadata["what"] == what
    assert error.metadata["address"]
