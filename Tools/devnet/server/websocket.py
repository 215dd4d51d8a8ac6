"""WebSockets for the server of `http.py`: text and binary messages of clients, whole or in fragments (RFC 6455).

An upgrade takes the connection over from HTTP. What breaks the rules is answered with a close frame and the end.
"""

import asyncio
import base64
import hashlib
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MESSAGE_BYTES_MAX = 1 << 20
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NORMAL, PROTOCOL_ERROR, TOO_BIG = 1000, 1002, 1009


class _Broken(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


def is_upgrade(request) -> bool:
    return (
        request.method == "GET"
        and request.headers.get("upgrade", "").lower() == "websocket"
        and "upgrade" in request.headers.get("connection", "").lower()
        and request.headers.get("sec-websocket-version") == "13"
        and bool(request.headers.get("sec-websocket-key"))
    )


def upgrade(request, on_message, on_close=lambda socket: None) -> "Socket":
    """Makes the connection of `request` a WebSocket; `on_message(socket, bytes)` may be a coroutine."""
    key = request.headers["sec-websocket-key"].encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    socket = Socket(request.transport, on_message, on_close)
    request.transport.set_protocol(socket)
    request.transport.write(
        f"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        f"sec-websocket-accept: {accept}\r\n\r\n".encode()
    )
    return socket


class Socket(asyncio.Protocol):
    def __init__(self, transport, on_message, on_close) -> None:
        self._transport = transport
        self._on_message = on_message
        self._on_close = on_close
        self._buffer = bytearray()
        self._message = bytearray()
        self._in_message = False
        self._tasks: set[asyncio.Task] = set()

    def send(self, message: bytes, opcode: int = TEXT) -> None:
        if self._transport.is_closing():
            return
        size = len(message)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        self._transport.write(head + message)

    def close(self, code: int = NORMAL) -> None:
        self.send(struct.pack("!H", code), CLOSE)
        self._transport.close()

    def connection_lost(self, error) -> None:
        for task in self._tasks:
            task.cancel()
        self._on_close(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while (frame := self._next_frame()) is not None and not self._transport.is_closing():
                self._take(*frame)
        except _Broken as broken:
            self.close(broken.code)

    def _next_frame(self):
        if len(self._buffer) < 2:
            return None
        first, second = self._buffer[0], self._buffer[1]
        opcode, size, place = first & 15, second & 127, 2
        if first & 0x70 or not second & 0x80 or opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise _Broken(PROTOCOL_ERROR)
        if opcode >= CLOSE and (size > 125 or not first & 0x80):
            raise _Broken(PROTOCOL_ERROR)
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(self._buffer) < place + width:
                return None
            size = int.from_bytes(self._buffer[place : place + width], "big")
            place += width
        if size + len(self._message) > MESSAGE_BYTES_MAX:
            raise _Broken(TOO_BIG)
        if len(self._buffer) < place + 4 + size:
            return None
        mask = bytes(self._buffer[place : place + 4])
        payload = bytes(self._buffer[place + 4 : place + 4 + size])
        del self._buffer[: place + 4 + size]
        key = (mask * (size // 4 + 1))[:size]
        plain = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
        return opcode, bool(first & 0x80), plain.to_bytes(size, "big")

    def _take(self, opcode: int, is_last: bool, payload: bytes) -> None:
        if opcode == PING:
            self.send(payload, PONG)
        elif opcode == CLOSE:
            self.close()
        elif opcode != PONG:
            if (opcode == CONTINUATION) != self._in_message:
                raise _Broken(PROTOCOL_ERROR)
            self._message += payload
            self._in_message = not is_last
            if is_last:
                message, self._message = bytes(self._message), bytearray()
                task = asyncio.ensure_future(self._handle(message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _handle(self, message: bytes) -> None:
        answer = await self._on_message(self, message)
        if answer:
            self.send(answer)
