"""Compressed requests and answers, and bombs."""

import gzip
import json
from pathlib import Path

import grpc
import pytest
import zstandard
from google.rpc import error_details_pb2

from harness.status import refused
from harness.stubs import probe, probe_grpc
from harness.web import JSON, PROTO, send
from test_grpc_web import BINARY, frame

MIB = 1024 * 1024
COMPRESS = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
DECOMPRESS = {
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}
both = pytest.mark.parametrize("encoding", COMPRESS)
# A bomb of this size is unpacked to a thousand times as much.
BOMB_BYTES = 900_000


def memory_kib(pid: int) -> int:
    """The most memory that a process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1])


def bomb(encoding: str) -> bytes:
    """Little that becomes about a gigabyte."""
    if encoding == "gzip":
        # Deflate packs a thousand zeros into a byte.
        return gzip.compress(bytes(800 * MIB), 9)
    return zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1024 * MIB))


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.NoCompression])
def test_grpcio_compresses(shared, key, compression):
    stub = shared.probe()
    request = probe.BigRequest(probe=key(), padding=bytes(200_000), reply_bytes=200_000)
    answer, call = stub.Big.with_call(request, timeout=30, compression=compression)
    assert len(answer.padding) == 200_000
    assert stub.Add(probe.AddRequest(probe="a", delta=0), timeout=30, compression=compression)
    del call


@both
def test_grpc_messages_are_unpacked_and_packed(shared, key, encoding):
    request = probe.BigRequest(probe=key(), padding=bytes(100_000), reply_bytes=100_000)
    headers = {
        "content-type": BINARY,
        "grpc-encoding": encoding,
        "grpc-accept-encoding": encoding,
    }
    sent = frame(COMPRESS[encoding](request.SerializeToString()), 1)
    assert len(sent) < 2_000
    answer = send(shared.port, "POST", "/probe.v1.Probe/Big", sent, headers)
    assert answer.headers["grpc-encoding"] == encoding
    size = int.from_bytes(answer.body[1:5], "big")
    assert (answer.body[0], size < 2_000) == (1, True)
    message = DECOMPRESS[encoding](answer.body[5 : 5 + size])
    assert len(probe.BigResponse.FromString(message).padding) == 100_000


@both
def test_connect_bodies_are_unpacked_and_packed(shared, key, encoding):
    request = json.dumps({"probe": key(), "replyBytes": 100_000}).encode()
    headers = JSON | {"content-encoding": encoding, "accept-encoding": f"br, {encoding};q=0.9"}
    answer = send(shared.port, "POST", "/probe.v1.Probe/Big", COMPRESS[encoding](request), headers)
    assert (answer.status, answer.headers["content-encoding"]) == (200, encoding)
    assert len(answer.body) < 2_000
    assert len(json.loads(DECOMPRESS[encoding](answer.body))["padding"]) > 100_000


def test_small_answers_and_errors_are_left_as_they_are(shared, key):
    headers = JSON | {"accept-encoding": "gzip, zstd"}
    body = json.dumps({"probe": key(), "delta": 1}).encode()
    for sent, status in ((body, 200), (b"{}", 400)):
        answer = send(shared.port, "POST", "/probe.v1.Probe/Add", sent, headers)
        assert answer.status == status
        assert "content-encoding" not in answer.headers
        assert json.loads(answer.body)


def test_an_encoding_that_nobody_knows_is_told_with_those_that_are_known(shared):
    headers = JSON | {"content-encoding": "br"}
    answer = send(shared.port, "POST", "/probe.v1.Probe/Add", b"x", headers)
    answer.is_ours(501, "unimplemented", "INVALID_REQUEST")
    assert answer.headers["accept-encoding"] == "zstd, gzip"


@both
def test_what_is_not_compressed_as_it_says_is_refused(shared, encoding):
    headers = JSON | {"content-encoding": encoding}
    answer = send(shared.port, "POST", "/probe.v1.Probe/Add", b"{}", headers)
    answer.is_ours(400, "invalid_argument", "INVALID_REQUEST")


@both
def test_a_bomb_takes_no_memory(devs, encoding):
    dev = devs.probe().start()
    stub = dev.probe()
    stub.Add(probe.AddRequest(probe="a", delta=1), timeout=30)
    before = memory_kib(dev.process.pid)
    packed = bomb(encoding)
    assert len(packed) < BOMB_BYTES

    headers = PROTO | {"content-encoding": encoding}
    answer = send(dev.port, "POST", "/probe.v1.Probe/Big", packed, headers)
    answer.is_ours(429, "resource_exhausted", "PAYLOAD_TOO_LARGE")
    headers = {"content-type": BINARY, "grpc-encoding": encoding}
    answer = send(dev.port, "POST", "/probe.v1.Probe/Big", frame(packed, 1), headers)
    assert answer.headers["grpc-status"] == "8", answer
    assert memory_kib(dev.process.pid) - before < 30_000
    assert stub.Add(probe.AddRequest(probe="a", delta=1), timeout=30).value == 2


def test_a_large_request_that_was_compressed_by_grpcio_is_refused_for_good(shared, key):
    request = probe.BigRequest(probe=key(), padding=bytes(2 * MIB))
    stub = probe_grpc.ProbeStub(shared.channel())
    error = refused(stub.Big, request, timeout=30, compression=grpc.Compression.Gzip)
    error.is_ours(grpc.StatusCode.RESOURCE_EXHAUSTED, "PAYLOAD_TOO_LARGE")
    assert error.detail(error_details_pb2.RetryInfo) is None
