"""How a client connects."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

import grpc

from callboard._calls import Timeouts
from callboard.retry import Retry

# A connection with open calls that is quiet for so long is asked whether the other side is there,
# and closed when it does not answer for as long again.
_KEEPALIVE_MS = 30_000

# Between attempts to connect; the retries of the calls wait by themselves.
_RECONNECT_MS_MIN = 50
_RECONNECT_MS_MAX = 1_000

_PORTS = {"http": 80, "https": 443}

Token = str | Callable[[], str]
"""A bearer token, or a function that gives one; it is called for each attempt of each call."""

AsyncToken = str | Callable[[], str] | Callable[[], Awaitable[str]]
"""As `Token`; the function may be a coroutine function."""


class _Options(TypedDict, total=False):
    """What can be set of a client."""

    ask_timeout: float
    """The deadline of asks that set none, in seconds, with all attempts; 30 unless set here, at
    most a day. `ask_many` and waiting for a future count as asks."""

    tell_timeout: float
    """The deadline of tells that set none, in seconds, with all attempts; 10 unless set here, at
    most a day."""

    retry: Retry
    """When calls are made again."""

    api_key: str | None
    """An API key of the gateway, which goes with each call."""

    ca_file: str | PathLike[str] | None
    """The authorities whose certificates are taken, in PEM; those of the system when it is not
    set. For `https://` only."""

    cert_file: str | PathLike[str] | None
    """The client's own certificate, in PEM; with `key_file`."""

    key_file: str | PathLike[str] | None
    """The private key of the certificate, in PEM."""


class Options(_Options, total=False):
    """What can be set of a `callboard.Client`."""

    token: Token | None
    """A bearer token, or a function that gives one, called for each attempt of each call."""


class AsyncOptions(_Options, total=False):
    """What can be set of a `callboard.aio.Client`."""

    token: AsyncToken | None
    """A bearer token, or a function or coroutine function that gives one, called for each attempt
    of each call."""


@dataclass(frozen=True)
class Settings:
    """Options with their defaults, and a URL that is one."""

    target: str
    credentials: grpc.ChannelCredentials | None
    timeouts: Timeouts
    retry: Retry
    token: AsyncToken | None = field(repr=False)
    api_key: str | None = field(repr=False)

    @staticmethod
    def of(url: str, options: Options | AsyncOptions) -> "Settings":
        """Reads the options, and the files that they name.

        Raises:
            ValueError: The URL or an option is not valid.
            OSError: A file cannot be read.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(
                f"{url!r} is no URL of a gateway; it looks like http://127.0.0.1:7070 or "
                "https://callboard.example.com"
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        files = ("ca_file", "cert_file", "key_file")
        unencrypted = parts.scheme == "http"
        if unencrypted and any(options.get(name) is not None for name in files):
            raise ValueError("certificates are for https://, and the URL begins with http://")
        timeouts = Timeouts(options.get("ask_timeout", 30.0), options.get("tell_timeout", 10.0))
        if min(timeouts.ask, timeouts.tell) <= 0:
            raise ValueError("a timeout is more than 0 s")
        return Settings(
            target=f"{host}:{parts.port or _PORTS[parts.scheme]}",
            credentials=None if unencrypted else _credentials(options),
            timeouts=timeouts,
            retry=options.get("retry", Retry()),
            token=options.get("token"),
            api_key=options.get("api_key"),
        )

    @property
    def channel_options(self) -> list[tuple[str, str | int]]:
        """The options of the gRPC channel."""
        return [
            ("grpc.primary_user_agent", f"callboard-client-python/{version('callboard-client')}"),
            # What is tried again, and when, is decided here.
            ("grpc.enable_retries", 0),
            ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
            ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS_MIN),
            ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS_MAX),
            # Each client has connections of its own, which end with it.
            ("grpc.use_local_subchannel_pool", 1),
        ]


def _credentials(options: Options | AsyncOptions) -> grpc.ChannelCredentials:
    def read(path: str | PathLike[str] | None) -> bytes | None:
        return None if path is None else Path(path).read_bytes()

    certificate, key = read(options.get("cert_file")), read(options.get("key_file"))
    if (certificate is None) != (key is None):
        raise ValueError("a certificate and its key go together: cert_file and key_file")
    return grpc.ssl_channel_credentials(read(options.get("ca_file")), key, certificate)
