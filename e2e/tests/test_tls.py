"""TLS on the public port, and client certificates."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness.certificates import Authority, Pair
from harness.dev import CHANNEL_OPTIONS
from harness.paths import binary
from harness.status import Refused, refused
from harness.stubs import probe, probe_grpc
from harness.tokens import new_key
from harness.until import until
from harness.web import JSON, start

ADD = "/probe.v1.Probe/Add"

POLICY = """
[[allow]]
who = ["cert:uri:spiffe://example/people/*"]
actors = ["probe.v1.Probe"]
methods = ["Add", "Get"]
keys = ["mtls/**"]

[[allow]]
who = ["cert:dns:shop.example"]
actors = ["probe.v1.Probe"]
methods = ["Add"]
keys = ["${dns}"]

[[allow]]
who = ["cert:cn:legacy"]
actors = ["probe.v1.Probe"]
methods = ["Add"]
keys = ["${cn}"]

[[allow]]
who = ["key:tester"]
actors = ["*"]
methods = ["*"]
keys = ["*"]
reflection = true
admin = ["ListActorTypes"]
"""


class Secured:
    """A `callboard dev` with TLS."""

    def __init__(self, dev, folder: Path, *options: str) -> None:
        self.folder = folder
        self.servers = Authority(folder / "servers", "servers")
        self.clients = Authority(folder / "clients", "clients")
        self.pair = self.servers.server()
        (folder / "policy.toml").write_text(POLICY)
        self.api_key, entry = new_key("tester")
        (folder / "keys.toml").write_text(entry)
        self.dev = start(
            dev,
            f"--tls-cert={self.pair.certificate}",
            f"--tls-key={self.pair.key}",
            f"--tls-client-ca={self.clients.path}",
            f"--api-keys={folder / 'keys.toml'}",
            f"--policy={folder / 'policy.toml'}",
            *options,
        )

    def stub(self, client: Pair | None = None, authority: Authority | None = None):
        key, certificate = client.bytes if client else (None, None)
        trusted = (authority or self.servers).path.read_bytes()
        credentials = grpc.ssl_channel_credentials(trusted, key, certificate)
        channel = grpc.secure_channel(f"localhost:{self.dev.port}", credentials, CHANNEL_OPTIONS)
        return probe_grpc.ProbeStub(channel)

    def context(self, client: Pair | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.servers.path))
        if client:
            context.load_cert_chain(client.certificate, client.key)
        return context

    def post(self, key: str, client: Pair | None = None, **headers: str) -> tuple[int, dict]:
        """Adds over Connect, with HTTP/1."""
        context = self.context(client)
        port = self.dev.port
        connection = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            body = json.dumps({"probe": key, "delta": 1})
            connection.request("POST", ADD, body, JSON | named)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


def add(key: str) -> "probe.AddRequest":
    return probe.AddRequest(probe=key, delta=1)


@pytest.fixture(scope="module")
def strict(_shared_devs, tmp_path_factory) -> Secured:
    return Secured(_shared_devs.probe(), tmp_path_factory.mktemp("strict"))


@pytest.fixture(scope="module")
def lenient(_shared_devs, tmp_path_factory) -> Secured:
    folder = tmp_path_factory.mktemp("lenient")
    return Secured(_shared_devs.probe(), folder, "--tls-client-auth=optional")


def test_a_certificate_shows_who_calls(strict):
    ann = strict.clients.client("ann", cn="x", uris=["spiffe://example/people/ann"])
    assert strict.stub(ann).Add(add("mtls/ann"), timeout=10).value == 1
    assert strict.post("mtls/ann", ann) == (200, {"value": "2"})
    refused(strict.stub(ann).Add, add("ann"), timeout=10).is_ours(
        grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"
    )
    assert strict.post("shop.example", ann)[0] == 403

    shop = strict.clients.client("shop", cn="legacy", dns=["Shop.Example"])
    assert strict.post("shop.example", shop)[0] == 200
    # It is the DNS name that counts, though it has a common name.
    assert strict.post("legacy", shop)[0] == 403
    assert strict.post("legacy", strict.clients.client("legacy", cn="legacy"))[0] == 200
    # Whoever may choose his common name is not taken for who has a URI.
    posing = strict.clients.client("posing", cn="uri:spiffe://example/people/ann")
    assert strict.post("mtls/ann", posing)[0] == 403


def test_only_good_certificates_may_connect(strict, tmp_path):
    clients, uris = strict.clients, ["spiffe://example/people/ann"]
    elsewhere = Authority(tmp_path / "elsewhere", "clients")
    bad = {
        "none": None,
        "another authority": elsewhere.client("other", uris=uris),
        "expired": clients.client("expired", uris=uris, days=-1),
        "for servers": clients.client("server", uris=uris, usage=ExtendedKeyUsageOID.SERVER_AUTH),
        "of the server": strict.pair,
    }
    for name, pair in bad.items():
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            pytest.fail(f"{name}: {strict.post('mtls/ann', pair)}")
        error = refused(strict.stub(pair).Add, add("mtls/ann"), timeout=10)
        assert error.code == grpc.StatusCode.UNAVAILABLE, (name, error)
    # An API key does not help who may not even connect.
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        strict.post("mtls/ann", None, callboard_api_key=strict.api_key)
    # One that says nothing of its owner is good for nothing.
    status, error = strict.post("mtls/ann", clients.client("nameless"))
    assert (status, error["code"]) == (401, "unauthenticated")


def test_who_needs_no_certificate_shows_in_another_way_who_he_is(lenient):
    assert lenient.post("a")[0] == 401
    assert lenient.post("a", callboard_api_key=lenient.api_key) == (200, {"value": "1"})
    ann = lenient.clients.client("ann", uris=["spiffe://example/people/ann"])
    assert lenient.post("mtls/a", ann)[0] == 200
    # What a call brings goes before the certificate, and a bad one is not made good by it.
    assert lenient.post("b", ann, callboard_api_key=lenient.api_key)[0] == 200
    assert lenient.post("mtls/a", ann, callboard_api_key="cb_" + "A" * 43)[0] == 401


def test_plain_text_is_not_served(strict):
    began = time.monotonic()
    plain = http.client.HTTPConnection("127.0.0.1", strict.dev.port, timeout=30)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        plain.request("POST", ADD, b"{}", JSON)
        plain.getresponse()
    with grpc.insecure_channel(strict.dev.target, options=CHANNEL_OPTIONS) as channel:
        error = refused(probe_grpc.ProbeStub(channel).Add, add("mtls/a"), timeout=10)
    assert error.code == grpc.StatusCode.UNAVAILABLE
    assert time.monotonic() - began < 8


def test_protocols_are_agreed_on(lenient):
    def agree(*protocols: str, version=None) -> str | None:
        context = lenient.context()
        context.set_alpn_protocols(list(protocols))
        if version:
            context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", lenient.dev.port), timeout=10) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as stream:
                return stream.selected_alpn_protocol()

    assert agree("h2", "http/1.1") == "h2"
    assert agree("http/1.1") == "http/1.1"
    assert agree("h2", version=ssl.TLSVersion.TLSv1_2) == "h2"
    assert agree("h2", version=ssl.TLSVersion.TLSv1_3) == "h2"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        agree("spdy/3")


def test_who_falls_silent_in_a_handshake_is_not_waited_for(strict):
    def seconds(sent: bytes) -> float:
        with socket.create_connection(("127.0.0.1", strict.dev.port), timeout=30) as connection:
            began = time.monotonic()
            connection.sendall(sent)
            try:
                while connection.recv(1_000):
                    pass
            except ConnectionError:
                pass
            return time.monotonic() - began

    with ThreadPoolExecutor(2) as callers:
        # Nothing, and the begin of a handshake.
        for waited in callers.map(seconds, [b"", b"\x16\x03\x01\x02\x00\x01"]):
            assert 8 < waited < 20


def test_a_new_certificate_is_taken_and_a_broken_one_is_not(lenient, tmp_path):
    stub = lenient.stub()
    metadata = [("callboard-api-key", lenient.api_key)]
    call = lambda stub, key: stub.Add(add(key), metadata=metadata, timeout=10)
    call(stub, "kept")
    after = Authority(tmp_path / "after", "servers")
    new = after.server()
    old = lenient.pair.certificate.read_bytes(), lenient.pair.key.read_bytes()
    # The new certificate with the old key belong to nobody.
    lenient.pair.certificate.write_bytes(new.certificate.read_bytes())
    until("it is told", lambda: "it is broken" in lenient.dev.output_of_run())
    assert lenient.post("kept", callboard_api_key=lenient.api_key)[0] == 200
    lenient.pair.key.write_bytes(new.key.read_bytes())

    def is_taken() -> bool:
        try:
            return call(lenient.stub(authority=after), "new").value > 0
        except grpc.RpcError as error:
            assert Refused(error).code == grpc.StatusCode.UNAVAILABLE
            return False

    until("the new one is served", is_taken)
    # Whoever was there before stays.
    call(stub, "kept")
    lenient.pair.certificate.write_bytes(old[0])
    lenient.pair.key.write_bytes(old[1])
    until("the old one is back", lambda: _is_served(lenient))


def _is_served(secured: Secured) -> bool:
    try:
        return secured.post("kept", callboard_api_key=secured.api_key)[0] == 200
    except ssl.SSLError:
        return False


def test_the_command_line_shows_who_calls(lenient, tmp_path):
    url = f"https://localhost:{lenient.dev.port}"

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
        command = [binary("callboard"), *arguments, f"--gateway={url}"]
        environment = {"PATH": os.environ["PATH"]} | variables
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=False, env=environment
        )

    ca = f"--ca={lenient.servers.path}"
    call = ("call", "probe.v1.Probe/cli", "Add", '{"delta": 3}')
    key = {"CALLBOARD_API_KEY": lenient.api_key}
    done = run(*call, ca, **key)
    assert json.loads(done.stdout) == {"value": "3"}, done
    done = run(*call, ca, f"--api-key={lenient.api_key}")
    assert json.loads(done.stdout) == {"value": "6"}, done
    assert "probe.v1.Probe" in run("admin", "types", ca, **key).stdout

    denied = run("admin", "actors", "probe.v1.Probe", ca, **key)
    assert denied.returncode == 1 and "PERMISSION_DENIED" in denied.stderr, denied
    for options in [(ca,), (ca, "--api-key=cb_wrong"), (ca, "--token=a.b.c")]:
        done = run(*call, *options)
        assert done.returncode == 1 and "credentials" in done.stderr, done
        assert "cb_wrong" not in done.stderr
    # An authority that this machine does not know.
    done = run(*call, **key)
    assert done.returncode == 1 and "no gateway answers" in done.stderr
    assert lenient.api_key not in done.stderr
    help_text = run("call", "--help", **key).stdout
    assert "--api-key" in help_text and lenient.api_key not in help_text


# Each is refused at the start, and says what to do.
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--listen=0.0.0.0:0"], ["--insecure-no-auth", "--api-keys"]),
        (["--listen=[::]:0"], ["--insecure-no-auth"]),
        (["--api-keys=KEYS"], ["--policy", "[[allow]]"]),
        (["--policy=POLICY"], ["--jwt-jwks"]),
        (["--policy=none.toml", "--api-keys=KEYS"], ["none.toml", "No such file"]),
        (["--policy=KEYS", "--api-keys=KEYS"], ["line 1", "unknown field"]),
        (["--policy=POLICY", "--api-keys=POLICY"], ["unknown field"]),
        (["--jwt-jwks=https://x.example/k"], ["--jwt-issuer", "--jwt-audience"]),
        (["--jwt-issuer=x"], ["--jwt-jwks"]),
        (
            ["--jwt-jwks=http://x.example/k", "--jwt-issuer=x", "--jwt-audience=y"],
            ["use https"],
        ),
        (
            [
                "--jwt-jwks=http://127.0.0.1:1/k",
                "--jwt-issuer=x",
                "--jwt-audience=y",
                "--policy=POLICY",
            ],
            ["http://127.0.0.1:1/k", "not to be had"],
        ),
        (
            ["--jwt-jwks=KEYS", "--jwt-issuer=x", "--jwt-audience=y", "--policy=POLICY"],
            ["JSON web keys"],
        ),
        (["--jwt-algorithms=none"], ["no algorithm"]),
        (["--tls-cert=CERT"], ["--tls-key"]),
        (["--tls-client-ca=CA"], ["--tls-cert"]),
        (["--tls-cert=CERT", "--tls-key=CERT"], ["no private key"]),
        (["--tls-cert=KEY", "--tls-key=KEY"], ["certificate"]),
        (["--tls-cert=CERT", "--tls-key=OTHER"], ["certificate and its key"]),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_a_gateway_that_would_not_be_safe_does_not_start(tmp_path, options, words):
    authority = Authority(tmp_path, "ca")
    pair, other = authority.server("one"), authority.server("two")
    files = {
        "KEYS": tmp_path / "keys.toml",
        "POLICY": tmp_path / "policy.toml",
        "CA": authority.path,
        "CERT": pair.certificate,
        "KEY": pair.key,
        "OTHER": other.key,
    }
    files["KEYS"].write_text("[[key]]\nname = 'a'\nsha256 = '" + "0" * 64 + "'\n")
    files["POLICY"].write_text(POLICY)
    given = []
    for option in options:
        name, _, value = option.partition("=")
        given.append(f"{name}={files.get(value, value)}")
    listen = [] if any(name.startswith("--listen") for name in given) else ["--listen=127.0.0.1:0"]
    command = [
        binary("callboard"),
        "serve",
        f"--protos={Path(__file__).parents[2] / 'examples' / 'counter' / 'proto'}",
        "--function=counter.v1.Counter=f",
        *listen,
        *given,
    ]
    environment = {"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, check=False, env=environment
    )
    assert done.returncode != 0, done
    for word in words:
        assert word in done.stderr, done.stderr
