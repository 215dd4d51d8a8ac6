"""A lean HTTP/1.1 server: keep-alive, pipelining in order, bodies by length or in chunks.

A handler gets a `Request` and returns the bytes of a whole response, made with `response`, or a coroutine that does. A
coroutine may also write to `request.transport` itself and return `None`.
"""

import asyncio
import inspect
import json
import time
import traceback
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

HEADER_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 256 * 1024 * 1024

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Request:
    """One request. `arrived` is the monotonic time at which its last byte was there."""

    __slots__ = ("method", "target", "headers", "body", "arrived", "transport", "is_last")

    def __init__(self, method, target, headers, body, transport, is_last) -> None:
        self.method = method
        self.target = target
        self.headers: dict[str, str] = headers
        self.body: bytes = body
        self.transport: asyncio.Transport = transport
        self.is_last = is_last
        self.arrived = time.monotonic()

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.target.partition("?")[2]).items()}

    def json(self):
        return json.loads(self.body)


def response(
    status: int, body: bytes = b"", content_type: str = "application/json", headers: dict | None = None
) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    if content_type and body:
        lines.append(f"content-type: {content_type}")
    lines.append(f"content-length: {len(body)}")
    for name, value in (headers or {}).items():
        lines.append(f"{name}: {value}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def json_response(value, status: int = 200, headers: dict | None = None) -> bytes:
    return response(status, json.dumps(value, separators=(",", ":")).encode(), headers=headers)


class _Refused(Exception):
    """The request is not HTTP this server speaks."""

    def __init__(self, status: int) -> None:
        self.status = status


class Connection(asyncio.Protocol):
    def __init__(self, handler, connections: set) -> None:
        self._handler = handler
        self._connections = connections
        self._buffer = bytearray()
        self._head = None
        self._task: asyncio.Task | None = None
        self._continued = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport) -> None:
        self.transport = transport
        self._connections.add(self)

    def connection_lost(self, error) -> None:
        self._connections.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._serve()

    def _serve(self) -> None:
        """Answers what is complete in the buffer, until a handler needs time."""
        while self._task is None and not self.transport.is_closing():
            try:
                request = self._next_request()
            except _Refused as refused:
                self.transport.write(response(refused.status, headers={"connection": "close"}))
                self.transport.close()
                return
            if request is None:
                return
            try:
                answer = self._handler(request)
            except Exception:
                answer = self._broken()
            if inspect.isawaitable(answer):
                self._task = asyncio.ensure_future(self._finish(request, answer))
            else:
                self._send(request, answer)

    async def _finish(self, request: Request, pending) -> None:
        try:
            answer = await pending
        except asyncio.CancelledError:
            raise
        except Exception:
            answer = self._broken()
        self._task = None
        self._send(request, answer)
        if self._buffer:
            self._serve()

    def _send(self, request: Request, answer: bytes | None) -> None:
        if answer is not None and not self.transport.is_closing():
            self.transport.write(answer)
        if request.is_last:
            self.transport.close()

    def _broken(self) -> bytes:
        traceback.print_exc()
        return response(500, b"internal error\n", "text/plain")

    def _next_request(self) -> Request | None:
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > HEADER_BYTES_MAX:
                    raise _Refused(431)
                return None
            self._head = self._parsed_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
        method, target, headers, is_last = self._head
        body = self._next_body(headers)
        if body is None:
            if headers.get("expect", "").lower() == "100-continue" and not self._continued:
                self._continued = True
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        self._head = None
        self._continued = False
        return Request(method, target, headers, body, self.transport, is_last)

    def _parsed_head(self, head: bytes):
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _Refused(400)
        headers: dict[str, str] = {}
        for line in lines:
            name, separator, value = line.partition(":")
            if not separator:
                raise _Refused(400)
            name = name.lower()
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        connection = headers.get("connection", "").lower()
        is_last = "close" in connection or (words[2] == "HTTP/1.0" and "keep-alive" not in connection)
        return words[0], words[1], headers, is_last

    def _next_body(self, headers: dict[str, str]) -> bytes | None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._next_chunks()
        length = headers.get("content-length", "0")
        if not length.isdigit():
            raise _Refused(400)
        size = int(length)
        if size > BODY_BYTES_MAX:
            raise _Refused(413)
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body

    def _next_chunks(self) -> bytes | None:
        parts = []
        position = 0
        while True:
            end = self._buffer.find(b"\r\n", position)
            if end < 0:
                return None
            try:
                size = int(bytes(self._buffer[position:end]).partition(b";")[0], 16)
            except ValueError:
                raise _Refused(400) from None
            start = end + 2
            if size == 0:
                # Trailers end with an empty line.
                end = self._buffer.find(b"\r\n", start)
                while end > start:
                    start = end + 2
                    end = self._buffer.find(b"\r\n", start)
                if end < 0:
                    return None
                del self._buffer[: end + 2]
                return b"".join(parts)
            if len(self._buffer) < start + size + 2:
                return None
            parts.append(bytes(self._buffer[start : start + size]))
            position = start + size + 2


class Server:
    """Listens on one port. `port` is the actual one."""

    def __init__(self, server: asyncio.Server, connections: set) -> None:
        self._server = server
        self._connections = connections
        self.port: int = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.transport.abort()


async def listen(handler, host: str, port: int) -> Server:
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handler, connections), host, port, backlog=4096)
    return Server(server, connections)
