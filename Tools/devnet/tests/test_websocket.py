"""WebSockets as a client sees them: frames made by hand, so that wrong ones can be sent too."""

import base64
import hashlib
import json
import os
import socket
import struct
from urllib.parse import urlsplit

import pytest


class Client:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        assert self._file.readline().startswith(b"HTTP/1.1 101 ")
        headers = {}
        while (line := self._file.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        expected = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        assert headers["sec-websocket-accept"] == base64.b64encode(expected).decode()

    def raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def frame(self, opcode: int, payload: bytes, is_last: bool = True) -> None:
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([(0x80 if is_last else 0) | opcode])
        head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack("!H", size)
        self.raw(head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)))

    def call(self, method: str, *params):
        self.frame(1, json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode())
        answer = json.loads(self.read()[1])
        assert answer["id"] == 7
        return answer.get("result", answer.get("error"))

    def read(self) -> tuple[int, bytes]:
        first, second = self._file.read(2)
        size = second & 127
        if size >= 126:
            size = int.from_bytes(self._file.read(2 if size == 126 else 8), "big")
        return first & 15, self._file.read(size)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def client(programs):
    client = Client(programs("devnet.py", "--idle").ready["ws_url"])
    yield client
    client.close()


def test_methods_and_heads(client):
    assert client.call("eth_chainId") == hex(31337)
    name = client.call("eth_subscribe", "newHeads")
    assert client.call("eth_subscribe", "logs")["code"] == -32602
    client.frame(1, b'{"jsonrpc":"2.0","id":8,"method":"dev_mine","params":[2]}')
    messages = [json.loads(client.read()[1]) for _ in range(3)]
    heads = [message["params"] for message in messages if message.get("method") == "eth_subscription"]
    assert [head["result"]["number"] for head in heads] == ["0x2", "0x3"]
    assert {head["subscription"] for head in heads} == {name}
    assert heads[1]["result"]["parentHash"] == heads[0]["result"]["hash"]
    assert client.call("eth_unsubscribe", name) is True
    assert client.call("eth_unsubscribe", name) is False
    assert client.call("eth_blockNumber") == "0x3"


def test_fragments_and_pings(client):
    text = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}'
    client.frame(1, text[:10], is_last=False)
    client.frame(9, b"are you there")
    assert client.read() == (10, b"are you there")
    client.frame(0, text[10:])
    assert json.loads(client.read()[1])["result"] == "0x1"


@pytest.mark.parametrize(
    "data, code",
    [
        (bytes([0x81, 1, 65]), 1002),  # not masked
        (bytes([0xC1, 0x80, 0, 0, 0, 0]), 1002),  # a reserved bit
        (bytes([0x80, 0x80, 0, 0, 0, 0]), 1002),  # the continuation of nothing
        (bytes([0x09, 0x80, 0, 0, 0, 0]), 1002),  # a ping in fragments
        (bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8, "big"), 1009),
    ],
)
def test_broken_rules(client, data, code):
    client.raw(data)
    assert client.read() == (8, struct.pack("!H", code))
