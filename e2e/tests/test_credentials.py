"""Who calls: good credentials are taken, bad ones are not, and nothing is stored for them."""

import hashlib
import hmac
import http.client
import json
import time

import grpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness import database
from harness.dev import CHANNEL_OPTIONS, Dev
from harness.status import refused
from harness.stubs import gateway, gateway_grpc, probe, probe_grpc
from harness.tokens import AUDIENCE, ISSUER, Issuer, JwksServer, claims, jwk, new_key, part, sign
from harness.until import until
from harness.web import JSON, Answer, start

ADD = "/probe.v1.Probe/Add"

# What must not be found in any log: it is in tokens, keys, payloads and actors' keys.
MARKER = "marker3c9f"

POLICY = """
claims = ["role"]

[[allow]]
who = ["jwt:*", "key:*"]
actors = ["probe.v1.Probe"]
methods = ["Add", "Note", "Get", "Look", "Begin", "callboard.v1.Gateway/Await"]
keys = ["${sub}", "${sub}/*"]
new_keys = true

[[allow]]
who = ["jwt:*"]
when = { role = "operator" }
admin = ["*"]
reflection = true
"""


class Guarded:
    """A `callboard dev` that wants to know who calls."""

    def __init__(self, dev: Dev, folder) -> None:
        self.issuer = Issuer()
        self.files = folder / "guarded"
        self.files.mkdir()
        (self.files / "jwks.json").write_text(json.dumps(self.issuer.jwks()))
        (self.files / "policy.toml").write_text(POLICY)
        self.api_key, entry = new_key("alice")
        self.old_key, old = new_key("old")
        (self.files / "keys.toml").write_text(entry + old + "expires = 2020-01-01T00:00:00Z\n")
        dev.environment["RUST_LOG"] = (
            "info,callboard=debug,callboard_gateway=debug,callboard_mailbox=debug,"
            "callboard_mailbox_dynamodb=debug,callboard_local=debug"
        )
        self.dev = start(
            dev,
            f"--jwt-jwks={self.files / 'jwks.json'}",
            f"--jwt-issuer={ISSUER}",
            f"--jwt-audience={AUDIENCE},other",
            f"--api-keys={self.files / 'keys.toml'}",
            f"--policy={self.files / 'policy.toml'}",
        )

    def add(self, headers: list[tuple[str, str | bytes]], key: str = "alice") -> Answer:
        """Adds over Connect, with headers just as they are."""
        body = json.dumps({"probe": key, "delta": 1}).encode()
        return post(self.dev.port, ADD, body, headers)

    def bearer(self, token: str) -> Answer:
        return self.add([("authorization", f"Bearer {token}")])


def post(port: int, path: str, body: bytes, headers: list[tuple[str, str | bytes]]) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest("POST", path)
        for name, value in [*JSON.items(), ("content-length", str(len(body))), *headers]:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, told, response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def guarded(_shared_devs, tmp_path_factory) -> Guarded:
    return Guarded(_shared_devs.probe(), tmp_path_factory.mktemp("security"))


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    """Tokens that nobody may be taken for."""
    now = int(time.time())
    good = issuer.token()
    head, body, signature = good.split(".")
    stranger = ec.generate_private_key(ec.SECP256R1())
    strange_rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    rsa_pem = issuer.keys["RS256"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    modulus = jwk(issuer.keys["RS256"], "RS256")["n"].encode()

    def hs256(secret: bytes, header: dict) -> str:
        # PyJWT itself refuses to do this.
        signed = f"{part({'typ': 'JWT', 'alg': 'HS256'} | header)}.{part(claims())}"
        return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    def ours(payload=None, header=None, algorithm="ES256") -> str:
        payload = claims() if payload is None else payload
        header = {"kid": f"k-{algorithm}"} | (header or {}) if not isinstance(header, bytes) else header
        return sign(issuer.keys[algorithm], algorithm, payload, header)

    def foreign(header: dict) -> str:
        return sign(stranger, "ES256", claims(), header)

    changed_body = part(claims(sub="mallory"))
    flipped = signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")
    embedded = jwk(stranger, "ES256", kid="mine")
    return {
        "expired": issuer.token(exp=now - 3_600),
        "expired beyond the leeway": issuer.token(exp=now - 45),
        "expired long ago": issuer.token(exp=0),
        "negative expiry": issuer.token(exp=-1),
        "expiry as text": issuer.token(exp=str(now + 600)),
        "expiry as list": issuer.token(exp=[now + 600]),
        "no expiry": issuer.token(exp=None),
        "not valid yet": issuer.token(nbf=now + 3_600),
        "begin as text": issuer.token(nbf="soon"),
        "wrong issuer": issuer.token(iss="https://evil.example"),
        "issuer with a slash": issuer.token(iss=ISSUER + "/"),
        "issuer in capitals": issuer.token(iss=ISSUER.upper()),
        "issuers": issuer.token(iss=[ISSUER]),
        "no issuer": issuer.token(iss=None),
        "empty issuer": issuer.token(iss=""),
        "wrong audience": issuer.token(aud="somebody-else"),
        "wrong audiences": issuer.token(aud=["a", "b"]),
        "no audiences": issuer.token(aud=[]),
        "no audience": issuer.token(aud=None),
        "audience prefix": issuer.token(aud=AUDIENCE[:-1]),
        "no subject": issuer.token(sub=None),
        "empty subject": issuer.token(sub=""),
        "subject as number": issuer.token(sub=7),
        "subject as list": issuer.token(sub=["alice"]),
        "subject with a line break": issuer.token(sub="alice\nbob"),
        "huge subject": issuer.token(sub="a" * 5_000),
        "alg none": sign(None, "none", claims()),
        "alg None": sign(None, "none", claims(), {"alg": "None"}),
        "alg nOnE": sign(None, "none", claims(), {"alg": "nOnE"}),
        "alg none with a signature": sign(None, "none", claims()) + signature,
        "alg none with the kid": sign(None, "none", claims(), {"kid": "k-ES256"}),
        "alg empty": ours(header={"alg": ""}),
        "alg missing": ours(header=json.dumps({"typ": "JWT", "kid": "k-ES256"}).encode()),
        "alg number": ours(header={"alg": 256}),
        "alg in lower case": ours(header={"alg": "es256"}),
        "HS256 with the public key": hs256(rsa_pem, {"kid": "k-RS256"}),
        "HS256 with the public key, no kid": hs256(rsa_pem, {}),
        "HS256 with the modulus": hs256(modulus, {"kid": "k-RS256"}),
        "HS256 with nothing": hs256(b"", {}),
        "another algorithm of the same key": sign(
            issuer.keys["RS256"], "RS512", claims(), {"kid": "k-RS256"}
        ),
        "PS256 where RS256 is named": sign(
            issuer.keys["RS256"], "PS256", claims(), {"kid": "k-RS256"}
        ),
        "ES256 said to be RS256": ours(header={"alg": "RS256"}),
        "key of another kind": ours(header={"kid": "k-RS256"}),
        "unknown kid": ours(header={"kid": "k-unknown"}),
        "kid as path": ours(header={"kid": "../../../../dev/null"}),
        "kid as SQL": ours(header={"kid": "' OR 1=1 --"}),
        "empty kid": ours(header={"kid": ""}),
        "kid as number": ours(header={"kid": 1}),
        "signed by a stranger": foreign({"kid": "k-ES256"}),
        "RSA by a stranger": sign(strange_rsa, "RS256", claims(), {"kid": "k-RS256"}),
        "brings its key along": foreign({"jwk": embedded, "kid": "mine"}),
        "brings our kid and its key": foreign({"jwk": embedded, "kid": "k-ES256"}),
        "refers to its keys": foreign({"jku": "https://evil.example/keys", "kid": "mine"}),
        "refers to its certificate": foreign({"x5u": "https://evil.example/c", "kid": "mine"}),
        "brings its certificate": foreign({"x5c": ["AAAA"], "kid": "k-ES256"}),
        "crit": ours(header={"crit": ["exp"]}),
        "crit unknown": ours(header={"crit": ["x"], "x": 1}),
        "crit empty": ours(header={"crit": []}),
        "b64 false": ours(header={"b64": False, "crit": ["b64"]}),
        "encrypted": ours(header={"enc": "A128GCM"}),
        "compressed": ours(header={"zip": "DEF"}),
        "changed claims": f"{head}.{changed_body}.{signature}",
        "changed header": f"{part({'alg': 'ES256', 'kid': 'k-ES256'})}.{body}.{signature}",
        "changed signature": f"{head}.{body}.{flipped}",
        "signature cut": f"{head}.{body}.{signature[:-8]}",
        "signature doubled": f"{head}.{body}.{signature}{signature}",
        "no signature": f"{head}.{body}.",
        "no third part": f"{head}.{body}",
        "four parts": f"{good}.{signature}",
        "one part": head,
        "two dots": "..",
        "not base64": "a.b.!",
        "padding": f"{head}=.{body}.{signature}",
        "standard base64": good.replace("-", "+").replace("_", "/") + "/",
        "zero signature": f"{head}.{body}.{part(bytes(64))}",
        "claims are no object": ours(payload=[1, 2]),
        "claims are no JSON": ours(payload=b"{"),
        "claims are empty": ours(payload=b""),
        "claims twice": ours(
            payload=json.dumps(claims()).replace("}", ', "exp": 9999999999}').encode()
        ),
        "header is no JSON": ours(header=b"{"),
        "header is a list": ours(header=b"[]"),
        "huge": issuer.token(filler="x" * 20_000),
        "marked": f"{head}.{part(claims(sub=MARKER))}.{signature}",
    }


def bad_headers(guarded: Guarded) -> dict[str, list[tuple[str, str | bytes]]]:
    """Credentials that are none, however they are sent."""
    token, key = guarded.issuer.token(), guarded.api_key
    bearer = ("authorization", f"Bearer {token}")
    name = "callboard-api-key"
    return {
        "none": [],
        "empty": [("authorization", "")],
        "scheme alone": [("authorization", "Bearer")],
        "scheme and nothing": [("authorization", "Bearer ")],
        "no scheme": [("authorization", token)],
        "another scheme": [("authorization", f"Basic {token}")],
        "DPoP": [("authorization", f"DPoP {token}")],
        "no space": [("authorization", f"Bearer{token}")],
        "two spaces": [("authorization", f"Bearer  {token}")],
        "tab": [("authorization", f"Bearer\t{token}")],
        "two tokens": [("authorization", f"Bearer {token} {token}")],
        "list of tokens": [("authorization", f"Bearer {token}, Bearer {token}")],
        "given twice": [bearer, bearer],
        "good and bad": [bearer, ("authorization", "Bearer x")],
        "quoted": [("authorization", f'Bearer "{token}"')],
        "beyond ASCII": [("authorization", "Bearer é".encode())],
        "in another header": [("proxy-authorization", f"Bearer {token}")],
        "in a cookie": [("cookie", f"authorization=Bearer {token}")],
        "an API key as a token": [("authorization", f"Bearer {key}")],
        "a token as an API key": [(name, token)],
        "API key empty": [(name, "")],
        "API key wrong": [(name, "cb_" + "A" * 43)],
        "API key cut": [(name, key[:-1])],
        "API key longer": [(name, key + "A")],
        "API key without its prefix": [(name, key[3:])],
        "API key in capitals": [(name, key.upper())],
        "API key quoted": [(name, f'"{key}"')],
        "API key expired": [(name, guarded.old_key)],
        "API key as its hash": [(name, hashlib.sha256(key.encode()).hexdigest())],
        "API key given twice": [(name, key), (name, key)],
        "API key as a list": [(name, f"{key}, {key}")],
        "API key in another header": [("x-api-key", key)],
        "API key and token": [(name, key), bearer],
        "bad API key, good token": [(name, "cb_" + MARKER), bearer],
        "good API key, bad token": [(name, key), ("authorization", f"Bearer {MARKER}.a.b")],
        "API key huge": [(name, "cb_" + "A" * 20_000)],
    }


def test_no_bad_credentials_are_taken_and_nothing_is_stored(guarded):
    cases = bad_headers(guarded)
    for name, token in bad_tokens(guarded.issuer).items():
        cases[f"token: {name}"] = [("authorization", f"Bearer {token}")]
    assert len(cases) >= 110
    before = database.items(guarded.dev)
    for name, headers in cases.items():
        # Some are larger than headers may be at all.
        answer = guarded.add(headers)
        assert answer.status == 401, (name, answer)
        answer.is_ours(401, "unauthenticated", "UNAUTHENTICATED")
        assert answer.info.get("metadata", {}) == {}, name
        assert answer.headers["www-authenticate"].startswith("Bearer"), name
        for secret in (guarded.api_key, "k-ES256", ISSUER, "policy"):
            assert secret not in answer.body.decode(), name
    assert database.items(guarded.dev) == before


def test_the_same_holds_for_grpc_and_every_service(guarded):
    before = database.items(guarded.dev)
    channel = grpc.insecure_channel(guarded.dev.target, options=CHANNEL_OPTIONS)
    stub, generic = probe_grpc.ProbeStub(channel), gateway_grpc.GatewayStub(channel)
    request = probe.AddRequest(probe="alice", delta=1)
    message = gateway.Message(
        address=gateway.Address(type="probe.v1.Probe", key="alice"),
        method="Note",
        encoded=probe.NoteRequest(delta=1).SerializeToString(),
    )
    tell = gateway.TellRequest(message=message)
    awaited = gateway.AwaitRequest(address=message.address, message_id="x")
    for name, token in bad_tokens(guarded.issuer).items():
        metadata = [("authorization", f"Bearer {token}")]
        calls = [
            lambda: stub.Add(request, metadata=metadata, timeout=10),
            lambda: generic.Tell(tell, metadata=metadata, timeout=10),
        ]
        for call in calls:
            refused(call).is_ours(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    for call in [
        lambda: generic.Await(awaited, timeout=10),
        lambda: list(generic.TellStream(iter([gateway.TellStreamRequest(tell=tell)]), timeout=10)),
        lambda: list(generic.AskMany(gateway.AskManyRequest(messages=[message]), timeout=10)),
    ]:
        refused(call).is_ours(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    channel.close()
    assert database.items(guarded.dev) == before


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "EdDSA"])
def test_a_good_token_is_taken(guarded, algorithm):
    for token in (
        guarded.issuer.token(algorithm),
        guarded.issuer.token(algorithm, aud=["x", AUDIENCE]),
        # Only one key of the set can be meant.
        sign(guarded.issuer.keys[algorithm], algorithm, claims()),
        guarded.issuer.token(algorithm, nbf=None, iat=None),
        # Clocks may differ by 30 s.
        guarded.issuer.token(algorithm, exp=int(time.time()) - 10),
    ):
        answer = guarded.bearer(token)
        assert answer.status == 200, answer
    assert guarded.add([("authorization", f"bearer {token}")]).status == 200


def test_an_api_key_is_taken(guarded):
    assert guarded.add([("callboard-api-key", guarded.api_key)]).status == 200
    stub = guarded.dev.probe()
    metadata = [("callboard-api-key", guarded.api_key)]
    stub.Get(probe.GetRequest(probe="alice"), metadata=metadata, timeout=10)
    # A call by name may have it, too.
    generic = gateway_grpc.GatewayStub(guarded.dev.channel())
    message = gateway.Message(
        address=gateway.Address(type="probe.v1.Probe", key="alice"), method="Get", json="{}"
    )
    generic.Ask(gateway.AskRequest(message=message), metadata=metadata, timeout=10)


def test_keys_and_policy_are_read_again(guarded):
    added, entry = new_key("bob")
    call = lambda: guarded.add([("callboard-api-key", added)], "bob").status
    assert call() == 401
    keys = guarded.files / "keys.toml"
    before = keys.read_text()
    keys.write_text(before + entry)
    until("the new key is taken", lambda: call() == 200)
    # What is broken changes nothing.
    keys.write_text(before + entry + "[[key]]\nname = 7\n")
    until("it is told", lambda: "it is broken" in guarded.dev.output_of_run())
    assert call() == 200
    keys.write_text(before)
    until("it is taken back", lambda: call() == 401)

    policy = guarded.files / "policy.toml"
    bearer = [("authorization", f"Bearer {guarded.issuer.token(sub='carol')}")]
    assert guarded.add(bearer, "carol").status == 200
    policy.write_text(POLICY.replace('"jwt:*", "key:*"', '"jwt:alice", "key:*"'))
    until("carol may not any more", lambda: guarded.add(bearer, "carol").status == 403)
    policy.write_text(POLICY)
    until("she may again", lambda: guarded.add(bearer, "carol").status == 200)


def test_no_secret_is_in_any_log(guarded):
    token = guarded.issuer.token(sub=MARKER + "user", note=MARKER)
    body = json.dumps({"probe": f"{MARKER}user/{MARKER}", "delta": 1}).encode()
    headers = [("authorization", f"Bearer {token}")]
    assert post(guarded.dev.port, ADD, body, headers).status == 200
    denied = json.dumps({"probe": f"other-{MARKER}", "delta": 1}).encode()
    broken = f'{{"probe": "{MARKER}", "delta": "{MARKER}"}}'.encode()
    assert post(guarded.dev.port, ADD, broken, headers).status == 400
    guarded.add([("callboard-api-key", "cb_" + MARKER)])

    def is_told() -> bool:
        # There are only so many lines a second.
        assert post(guarded.dev.port, ADD, denied, headers).status == 403
        lines = guarded.dev.output_of_run().splitlines()
        return any(f"principal=jwt:{MARKER}user" in line and "check=Key" in line for line in lines)

    until("the denial is told, and which check failed", is_told)
    log = guarded.dev.output_of_run()
    # The name of the principal alone may be there.
    assert MARKER not in log.replace(f"jwt:{MARKER}user", "")
    for secret in (token, token.split(".")[2], guarded.api_key, guarded.old_key):
        assert secret not in log and secret[:30] not in log


def test_keys_of_tokens_are_exchanged_while_calls_go_on(devs, tmp_path):
    first, second = Issuer(), Issuer()
    server = JwksServer(first.jwks())
    (tmp_path / "policy.toml").write_text(POLICY)
    dev = start(
        devs.probe(),
        f"--jwt-jwks={server.url}",
        f"--jwt-issuer={ISSUER}",
        f"--jwt-audience={AUDIENCE}",
        f"--policy={tmp_path / 'policy.toml'}",
    )
    body = json.dumps({"probe": "alice", "delta": 1}).encode()
    status = lambda token: post(dev.port, ADD, body, [("authorization", f"Bearer {token}")]).status
    assert status(first.token()) == 200
    asked = server.asked

    # Unknown keys by the hundred make for no more than one question in ten seconds.
    stranger = lambda n: second.token(header={"kid": f"unknown-{n}"})
    began = time.monotonic()
    assert {status(stranger(n)) for n in range(200)} == {401}
    assert server.asked - asked <= 1 + (time.monotonic() - began) / 10

    # The server breaks: the old keys stay, also when it is asked.
    server.broken = (500, b"no")
    dev.process.send_signal(1)
    until("it is asked", lambda: "the old ones still hold" in dev.output_of_run())
    assert status(first.token()) == 200
    for broken in [(200, b"{}"), (200, b'{"keys":[]}'), (200, b"x" * 500_000)]:
        server.broken, asked = broken, server.asked
        dev.process.send_signal(1)
        until("it is asked", lambda: server.asked > asked)
        assert status(first.token()) == 200

    # A new key is added, and later the old one is taken away.
    added = {**second.jwks()["keys"][1], "kid": "new"}
    new = second.token(header={"kid": "new"})
    server.broken, server.jwks = None, {"keys": [*first.jwks()["keys"], added]}
    # Nobody tells the gateway: a token with the key does.
    until("the new key is found", lambda: status(new) == 200, 30)
    assert status(first.token()) == 200
    server.jwks = {"keys": [added]}
    dev.process.send_signal(1)
    until("the old key is gone", lambda: status(first.token()) == 401)
    assert status(new) == 200
    server.close()
    assert status(new) == 200
