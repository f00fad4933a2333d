"""The connections to the proxy, which can be cut as a network is."""

import asyncio
import contextlib

# What a server answers that is none: a client that takes it for HTTP/2 is misled.
GARBAGE = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"

# How long connections may take to end that were cut.
END_SECONDS = 5


class Connections:
    """Passes bytes to and fro between a port of its own and the proxy's."""

    def __init__(self, target_port: int, garbage: int) -> None:
        self._target_port = target_port
        # How many connections get garbage, from the first one on.
        self._garbage = garbage
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusing = False
        self.opened = 0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_SECONDS)

    @property
    def open(self) -> int:
        """How many connections clients have open now."""
        return len(self._open) // 2

    def cut(self) -> None:
        """Ends all connections at once, with what is on its way."""
        for writer in list(self._open):
            writer.transport.abort()

    def refuse(self, refusing: bool) -> None:
        """Whether new connections are ended at once."""
        self._refusing = refusing

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._refusing:
            writer.transport.abort()
            return
        if self.opened <= self._garbage:
            writer.write(GARBAGE)
            with contextlib.suppress(OSError):
                await writer.drain()
            writer.close()
            return
        with contextlib.suppress(OSError):
            target_reader, target_writer = await asyncio.open_connection(
                "127.0.0.1", self._target_port
            )
            both = {writer, target_writer}
            self._open |= both
            try:
                await asyncio.gather(_pass(reader, target_writer), _pass(target_reader, writer))
            finally:
                self._open -= both
                for end in both:
                    end.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        # The other direction has nobody to speak to any more.
        writer.close()
