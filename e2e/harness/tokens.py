"""Tokens and API keys, and who gives them out."""

import base64
import json
import re
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from harness.paths import binary

ISSUER = "https://issuer.example"
AUDIENCE = "callboard-e2e"

_ALGORITHMS = get_default_algorithms()


def part(value: Any) -> str:
    """A part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a good token; `None` leaves one out."""
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": now,
        "nbf": now - 10,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def sign(key: Any, algorithm: str, payload: Any, header: Any = None) -> str:
    """A token, whatever is in it. `header` is changed in a good one, or is bytes."""
    if not isinstance(header, bytes):
        header = {"typ": "JWT", "alg": algorithm} | (header or {})
    signed = f"{part(header)}.{part(payload)}"
    if algorithm == "none":
        return f"{signed}."
    maker = _ALGORITHMS[algorithm]
    return f"{signed}.{part(maker.sign(signed.encode(), maker.prepare_key(key)))}"


def jwk(key: Any, algorithm: str, **more: Any) -> dict[str, Any]:
    """The public half of a key, as a set has it."""
    maker = _ALGORITHMS[algorithm]
    public = key if isinstance(key, bytes) else key.public_key()
    return maker.to_jwk(public, as_dict=True) | more


def new_key(name: str) -> tuple[str, str]:
    """An API key and its entry, as the command makes them."""
    command = [binary("callboard"), "api-key", "new", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return re.search(r"cb_\S+", done.stderr)[0], done.stdout


class Issuer:
    """Somebody who gives out tokens with several keys."""

    def __init__(self) -> None:
        self.keys = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "ES384": ec.generate_private_key(ec.SECP384R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }

    def token(self, algorithm: str = "ES256", header: Any = None, **changed: Any) -> str:
        named = {"kid": f"k-{algorithm}"} | (header or {})
        return sign(self.keys[algorithm], algorithm, claims(**changed), named)

    def jwks(self) -> dict[str, Any]:
        keys = self.keys.items()
        return {"keys": [jwk(key, name, kid=f"k-{name}", alg=name, use="sig") for name, key in keys]}


class JwksServer:
    """A real server of keys, which counts how often it is asked."""

    def __init__(self, jwks: dict[str, Any]) -> None:
        self.jwks = jwks
        self.asked = 0
        # What is sent instead of the keys.
        self.broken: tuple[int, bytes] | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                outer.asked += 1
                status, body = outer.broken or (200, json.dumps(outer.jwks).encode())
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
