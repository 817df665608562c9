"""Real servers that notifications are sent to: HTTP for webhooks and robots, SMTP for mail."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.waiting import until


@dataclass
class Receiver:
    """The server of a webhook or a robot: what came, and how it answers."""

    url: str = ""
    status: int = 204
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answer: bytes = b""
    endless: bool = False
    """Answers a byte at a time, for ever."""
    open: int = 0
    """Connections."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            await self._answer(reader, writer)
        except ConnectionError:  # the sender has waited long enough
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.paths.append(head[0].split(" ")[1])
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        writer.write(b"HTTP/1.1 204 X\r\nA: " if self.endless else b"")
        while self.endless and not writer.is_closing():
            writer.write(b"a")
            await asyncio.sleep(0.02)
        size = len(self.answer)
        writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode())
        writer.write(self.answer)
        await writer.drain()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    async with server:
        found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        yield found
        found.endless = False
        await until(lambda: not found.open, what="the receiver has closed its connections")


@dataclass
class MailBox:
    """A mail server: what it took, what it offers and whom it knows."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    unknown: str = "nobody@"
    """Recipients that begin so are refused."""
    letters: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """Commands, and `TLS` where encryption began."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 box\r\n")
        while line := (await reader.readline()).decode().strip():
            self.said.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                encrypted = writer.get_extra_info("ssl_object") is not None
                writer.write(b"250-box\r\n")
                writer.write(b"250-STARTTLS\r\n" if self.tls and not encrypted else b"")
                writer.write(b"250 AUTH PLAIN\r\n")
            elif verb == "STARTTLS":
                assert self.tls
                writer.write(b"220 go on\r\n")
                await writer.start_tls(self.tls)
                self.said.append("TLS")
            elif verb == "RCPT" and f"<{self.unknown}" in line:
                writer.write(b"550 no such user\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                self.letters.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            else:
                writer.write(b"235 fine\r\n" if verb == "AUTH" else b"250 fine\r\n")


@asynccontextmanager
async def mail_box(tls: ssl.SSLContext | None = None) -> AsyncIterator[MailBox]:
    box = MailBox(tls=tls)
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    async with server:
        box.port = server.sockets[0].getsockname()[1]
        yield box
