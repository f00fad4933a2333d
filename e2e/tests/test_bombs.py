"""Little that becomes a thousand times as much, at every door."""

import base64
import gzip
from pathlib import Path

import pytest
import zstandard

from harness.http2 import Connection, data, message
from harness.web import JSON, PROTO, send
from test_grpc_web import BINARY, TEXT

ADD, LOOK = "/probe.v1.Probe/Add", "/probe.v1.Probe/Look"
MIB = 1024 * 1024
# What a bomb becomes, of which it has a thousandth; and what it may take of memory.
UNPACKED = 32 * MIB
GROWTH_KIB_MAX = 12 * 1024


def bomb(encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(bytes(UNPACKED), 9)
    return zstandard.ZstdCompressor(write_content_size=False).compress(bytes(UNPACKED))


def grpc_bomb(dev, encoding: str, path: str) -> int:
    with Connection(dev.port) as connection:
        headers = connection.headers(1, path, {"grpc-encoding": encoding})
        connection.send(headers)
        packed = message(bomb(encoding), 1)
        for at in range(0, len(packed), 16_000):
            connection.send(data(1, packed[at : at + 16_000], at + 16_000 >= len(packed)))
        return connection.answer(1).code


def web_bomb(dev, encoding: str, kind: str) -> int:
    packed = message(bomb(encoding), 1)
    packed = base64.b64encode(packed) if kind == TEXT else packed
    headers = {"content-type": kind, "grpc-encoding": encoding}
    return int(send(dev.port, "POST", ADD, packed, headers).headers["grpc-status"])


def connect_bomb(dev, encoding: str, path: str, kind: dict) -> str:
    headers = kind | {"content-encoding": encoding}
    return send(dev.port, "POST", path, bomb(encoding), headers).json["code"]


def query_bomb(dev, encoding: str) -> str:
    packed = base64.urlsafe_b64encode(bomb(encoding)).decode()
    query = f"connect=v1&encoding=proto&compression={encoding}&base64=1&message={packed}"
    return send(dev.port, "GET", f"{LOOK}?{query}").json["code"]


ASK = "/callboard.v1.Gateway/Ask"
DOORS = {
    "gRPC": lambda dev, it: grpc_bomb(dev, it, ADD),
    "gRPC, a call by name": lambda dev, it: grpc_bomb(dev, it, ASK),
    "gRPC, health": lambda dev, it: grpc_bomb(dev, it, "/grpc.health.v1.Health/Check"),
    "gRPC-Web": lambda dev, it: web_bomb(dev, it, BINARY),
    "gRPC-Web as text": lambda dev, it: web_bomb(dev, it, TEXT),
    "Connect with protobuf": lambda dev, it: connect_bomb(dev, it, ADD, PROTO),
    "Connect with JSON": lambda dev, it: connect_bomb(dev, it, ADD, JSON),
    "Connect, a call by name": lambda dev, it: connect_bomb(dev, it, ASK, JSON),
    "Connect with a query": query_bomb,
}


def memory_kib(pid: int, kind: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(kind)]
    return int(line.split()[1])


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("door", DOORS)
def test_a_bomb_takes_no_memory_at_any_door(shared, door, encoding):
    pid = shared.process.pid
    # The most that it has had is counted from here on.
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory_kib(pid, "VmRSS")
    code = DOORS[door](shared, encoding)
    # Too large; or, of the services that take no compression, not known.
    assert code in (8, 12, "resource_exhausted"), code
    assert memory_kib(pid, "VmHWM") - before < GROWTH_KIB_MAX
