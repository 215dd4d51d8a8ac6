"""Starts the programs under test as a user would and talks to them over HTTP."""

import http.client
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from eth_hash.auto import keccak

from node.registries import call_data

READY_SECONDS = 60


class Program:
    """A running program; `ready` is its ready line."""

    def __init__(self, script: str, *options: str) -> None:
        command = [sys.executable, str(ROOT / script), "--port", "0", *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        readable, _, _ = select.select([self._process.stdout], [], [], READY_SECONDS)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            self.stop()
            raise RuntimeError(f"{script} did not get ready")
        self.ready = json.loads(line)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.stdout.close()


class HTTP:
    """Requests to one base URL. Each has a connection of its own, so a dropped one disturbs no other."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self.address = (parts.hostname, parts.port)

    def request(self, method: str, path: str, body=None, headers: dict | None = None):
        """Status, headers and body."""
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                headers = {"content-type": "application/json", **(headers or {})}
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def get(self, path: str):
        return json.loads(self.request("GET", path)[2])

    def post(self, path: str, body, headers: dict | None = None):
        status, _, answer = self.request("POST", path, body, headers)
        return status, json.loads(answer) if answer else None


class RPCFailure(Exception):
    def __init__(self, error: dict) -> None:
        super().__init__(error["message"])
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data")


class Devnet:
    """A node, with the shortest way to act on its registries."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.http = HTTP(program.ready["rpc_url"])
        self.registries = program.ready["registries"]
        self.accounts = [account["address"] for account in program.ready["accounts"]]
        self.keys = [account["private_key"] for account in program.ready["accounts"]]

    def raw(self, body) -> bytes:
        return self.http.request("POST", "/", json.dumps(body) if not isinstance(body, (str, bytes)) else body)[2]

    def rpc(self, method: str, *params):
        answer = json.loads(self.raw({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        assert answer["jsonrpc"] == "2.0" and answer["id"] == 1
        if "error" in answer:
            raise RPCFailure(answer["error"])
        return answer["result"]

    def transaction(self, sender: int, registry: str, signature: str, *arguments) -> dict:
        data = call_data(signature, *arguments)
        return {"from": self.accounts[sender], "to": self.registries.get(registry, registry), "data": "0x" + data.hex()}

    def send(self, sender: int, registry: str, signature: str, *arguments) -> dict:
        """The receipt of a transaction that must succeed."""
        transaction = self.transaction(sender, registry, signature, *arguments)
        receipt = self.rpc("eth_getTransactionReceipt", self.rpc("eth_sendTransaction", transaction))
        if receipt["status"] != "0x1":
            self.rpc("eth_call", transaction)
            raise AssertionError("the transaction failed, yet the call succeeds")
        return receipt

    def call(self, registry: str, signature: str, *arguments, block="latest", sender: int = 9) -> bytes:
        transaction = self.transaction(sender, registry, signature, *arguments)
        return bytes.fromhex(self.rpc("eth_call", transaction, block)[2:])

    def register(self, sender: int = 0, uri: str | None = None) -> int:
        if uri is None:
            receipt = self.send(sender, "identity", "register()")
        else:
            receipt = self.send(sender, "identity", "register(string)", uri)
        return int(receipt["logs"][0]["topics"][3], 16)

    def head(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def block(self, selector, full: bool = False) -> dict:
        return self.rpc("eth_getBlockByNumber", hex(selector) if isinstance(selector, int) else selector, full)


@pytest.fixture(scope="session")
def programs():
    """Starts programs and stops them all at the end."""
    started: list[Program] = []

    def start(script: str, *options: str) -> Program:
        program = Program(script, *options)
        started.append(program)
        return program

    yield start
    for program in started:
        program.stop()


@pytest.fixture(scope="session")
def devnet(programs) -> Devnet:
    return Devnet(programs("devnet.py"))


@pytest.fixture
def fresh_devnet(programs):
    """Makes nodes of one's own, with options."""
    made = []

    def make(*options: str) -> Devnet:
        node = Devnet(programs("devnet.py", *options))
        made.append(node)
        return node

    yield make
    for node in made:
        node.program.stop()


def topic(value) -> str:
    """A value as the topic it makes."""
    if isinstance(value, int):
        return f"0x{value:064x}"
    if len(value) == 42 and value.startswith("0x"):
        return "0x" + value[2:].rjust(64, "0")
    return "0x" + keccak(value.encode()).hex()
