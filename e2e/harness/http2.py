"""HTTP/2 frame by frame: what no stock client sends.

    with Connection(port) as connection:
        connection.send(headers_frame(1, "/probe.v1.Probe/Add"), data_frame(1, b"..."))
        answer = connection.answer(1)
"""

import base64
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from google.rpc import status_pb2
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from harness.status import Explained

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES = 9
# What the client takes of an answer, unless a test lets it take less.
WINDOW = 1 << 20


@dataclass
class Answer(Explained):
    """What came back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    # The error code of RST_STREAM, when the stream ended so.
    reset: int | None = None

    @property
    def code(self) -> int:
        """The gRPC code."""
        return int(self.headers["grpc-status"])

    @property
    def text(self) -> str:
        return unquote(self.headers.get("grpc-message", ""))

    def details(self) -> Iterable[Any]:
        encoded = self.headers.get("grpc-status-details-bin", "")
        return status_pb2.Status.FromString(base64.b64decode(encoded + "==")).details


class Connection:
    """One connection. It answers nothing by itself but SETTINGS and PING, and these only
    while it reads."""

    def __init__(self, port: int, window: int = WINDOW, timeout: float = 20) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._encoder, self._decoder = Encoder(), Decoder()
        self._received = b""
        self.goaway: GoAwayFrame | None = None
        self.acknowledged = 0
        self._lets_go = True
        settings = {SettingsFrame.INITIAL_WINDOW_SIZE: window}
        self.socket.sendall(PREFACE + SettingsFrame(0, settings).serialize())

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *frames: Frame) -> None:
        self.socket.sendall(b"".join(frame.serialize() for frame in frames))

    def headers(
        self,
        stream: int,
        path: str,
        more: dict[str, str] | None = None,
        flags: tuple[str, ...] = ("END_HEADERS",),
    ) -> HeadersFrame:
        """The headers of a gRPC call. A header of `more` that is None is left out."""
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": "localhost",
            "content-type": "application/grpc",
            "te": "trailers",
        } | (more or {})
        pairs = [(name, value) for name, value in headers.items() if value is not None]
        return HeadersFrame(stream, self._encoder.encode(pairs), flags=flags)

    def frames(self, until: float | None = None) -> Iterator[Frame]:
        """The frames that come, until the connection ends or the time is over."""
        while True:
            while (frame := self._next()) is None:
                if until is not None:
                    left = until - time.monotonic()
                    if left <= 0:
                        return
                    self.socket.settimeout(left)
                try:
                    part = self.socket.recv(65_536)
                except (ConnectionResetError, BrokenPipeError):
                    return
                except TimeoutError:
                    if until is None:
                        raise
                    return
                if not part:
                    return
                self._received += part
            self._look(frame)
            yield frame

    def _next(self) -> Frame | None:
        if len(self._received) < FRAME_HEAD_BYTES:
            return None
        frame, length = Frame.parse_frame_header(memoryview(self._received[:FRAME_HEAD_BYTES]))
        end = FRAME_HEAD_BYTES + length
        if len(self._received) < end:
            return None
        frame.parse_body(memoryview(self._received[FRAME_HEAD_BYTES:end]))
        self._received = self._received[end:]
        return frame

    def _look(self, frame: Frame) -> None:
        try:
            if isinstance(frame, GoAwayFrame):
                self.goaway = frame
            elif isinstance(frame, SettingsFrame | PingFrame) and "ACK" in frame.flags:
                self.acknowledged += 1
            elif isinstance(frame, SettingsFrame):
                self.send(SettingsFrame(0, flags=("ACK",)))
            elif isinstance(frame, PingFrame) and self._lets_go:
                self.send(PingFrame(0, frame.opaque_data, flags=("ACK",)))
        except (ConnectionResetError, BrokenPipeError):
            pass

    def answer(self, stream: int, lets_go: bool = True) -> Answer:
        """Reads until a stream has ended; or until the connection has. One that does not let
        go leaves the PING unanswered after which a gateway that stops takes no more calls."""
        answer = Answer()
        self._lets_go = lets_go
        for frame in self.frames():
            if isinstance(frame, GoAwayFrame) and frame.last_stream_id < stream:
                return answer
            if isinstance(frame, HeadersFrame):
                # All of them, or the table of the decoder goes wrong.
                headers = dict(self._decoder.decode(frame.data))
                if frame.stream_id == stream:
                    answer.headers |= headers
            if frame.stream_id != stream:
                continue
            if isinstance(frame, DataFrame):
                answer.body += frame.data
            if isinstance(frame, RstStreamFrame):
                answer.reset = frame.error_code
                return answer
            if "END_STREAM" in frame.flags:
                return answer
        return answer


def data(stream: int, body: bytes, end: bool = True) -> DataFrame:
    return DataFrame(stream, body, flags=("END_STREAM",) if end else ())


def continuation(stream: int, block: bytes, end: bool = False) -> ContinuationFrame:
    return ContinuationFrame(stream, block, flags=("END_HEADERS",) if end else ())


def reset(stream: int, code: int = 8) -> RstStreamFrame:
    """CANCEL, unless it says otherwise."""
    return RstStreamFrame(stream, code)


def window_update(stream: int, by: int) -> WindowUpdateFrame:
    return WindowUpdateFrame(stream, by)


def message(encoded: bytes, flag: int = 0, length: int | None = None) -> bytes:
    """A message as gRPC frames it, or says that it does."""
    length = len(encoded) if length is None else length
    return bytes([flag]) + length.to_bytes(4, "big") + encoded
