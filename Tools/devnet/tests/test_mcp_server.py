"""The MCP server, used through the official client and by hand."""

import asyncio
import json

import pytest
from conftest import HTTP
from mcp.client import Client

MODERN_HEADERS = {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "notify",
}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "example/delivery": "d1",
}


class MCP(HTTP):
    def __init__(self, program) -> None:
        super().__init__(program.ready["url"])
        self.mcp_url = program.ready["mcp_url"]

    def modern_call(self, tool: str, arguments: dict, headers: dict | None = None):
        params = {"name": tool, "arguments": arguments, "_meta": META}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return self.post("/mcp", body, {**MODERN_HEADERS, "mcp-name": tool, **(headers or {})})

    def calls(self, after: int = 0) -> list[dict]:
        return self.get(f"/ledger?after={after}")

    def count(self) -> int:
        return self.get("/count")["count"]


@pytest.fixture(scope="module")
def server(programs, tmp_path_factory):
    path = tmp_path_factory.mktemp("mcp") / "ledger.jsonl"
    mcp = MCP(programs("receivers/mcp_server.py", "--ledger", str(path)))
    mcp.ledger_path = path
    return mcp


async def used(url: str, tool: str, arguments: dict, **options):
    async with Client(url, **options) as client:
        tools = await client.list_tools()
        return [item.name for item in tools.tools], await client.call_tool(tool, arguments)


@pytest.mark.parametrize(("options", "version"), [({}, "2026-07-28"), ({"mode": "legacy"}, "2025-11-25")])
def test_notify_records_everything_it_is_given(server, options, version):
    before = server.count()
    arguments = {"event_id": "e1", "data": {"list": [1, None]}, "unforeseen": True}
    names, result = asyncio.run(used(server.mcp_url, "notify", arguments, **options))
    assert names == ["notify", "notify_strictly", "notify_region", "notify_slowly", "refuse", "crash"]
    assert not result.is_error
    (call,) = server.calls(before)
    assert (call["tool"], call["arguments"], call["protocol_version"]) == ("notify", arguments, version)
    assert call["headers"]["mcp-protocol-version"] == version


def test_one_modern_post_suffices(server):
    before = server.count()
    status, answer = server.modern_call("notify", {"event_id": "e2"})
    assert status == 200 and answer["result"]["content"][0]["text"] == "recorded"
    (call,) = server.calls(before)
    assert call["meta"]["example/delivery"] == "d1"
    assert call["request_id"] == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "text"),
    [
        ("refuse", {"reason": "no thanks"}, "Error executing tool refuse: no thanks"),
        ("crash", {}, "Error executing tool crash"),
        ("notify_strictly", {"event_id": "e"}, "Field required"),
        ("missing", {}, "Unknown tool: missing"),
    ],
)
def test_failures_are_tool_errors(server, tool, arguments, text):
    _, answer = server.modern_call(tool, arguments)
    assert answer["result"]["isError"] is True
    assert text in answer["result"]["content"][0]["text"]
    assert "must not reach" not in json.dumps(answer)


def test_a_mirrored_argument_must_be_in_its_header(server):
    status, answer = server.modern_call("notify_region", {"region": "eu"}, {"mcp-param-region": "eu"})
    assert status == 200 and not answer["result"].get("isError")
    status, answer = server.modern_call("notify_region", {"region": "eu"}, {"mcp-param-region": "us"})
    assert (status, answer["error"]["code"]) == (400, -32020)


def test_answers_can_be_scripted(server):
    sequence = [
        {"status": 503, "headers": {"retry-after": "3"}},
        {"error": {"code": -32603, "message": "out of order"}},
        {"toolError": "try later"},
        {"status": 404, "body": "gone"},
    ]
    assert server.post("/behave", {"sequence": sequence})[0] == 200
    params = {"name": "notify", "arguments": {}, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params}
    status, headers, _ = server.request("POST", "/mcp", body, MODERN_HEADERS)
    assert (status, headers["retry-after"]) == (503, "3")
    status, answer = server.post("/mcp", body, MODERN_HEADERS)
    assert (status, answer["id"], answer["error"]["code"]) == (200, 5, -32603)
    _, answer = server.post("/mcp", body, MODERN_HEADERS)
    assert answer["result"]["isError"] is True and "try later" in answer["result"]["content"][0]["text"]
    assert server.request("POST", "/mcp", body, MODERN_HEADERS)[0] == 404
    _, answer = server.post("/mcp", body, MODERN_HEADERS)
    assert not answer["result"].get("isError")


def test_requests_are_listed(server):
    server.modern_call("notify", {})
    last = server.get("/requests")[-1]
    assert (last["http_method"], last["method"], last["status"]) == ("POST", "tools/call", 200)


def test_the_file_has_the_entries_of_the_ledger(server):
    lines = [json.loads(line) for line in server.ledger_path.read_text().splitlines()]
    assert lines == server.calls() and lines


def test_a_bearer_token_can_be_required(programs):
    server = MCP(programs("receivers/mcp_server.py", "--bearer", "t0ken", "--bearer", "other"))
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic t0ken"}):
        status, _ = server.modern_call("notify", {}, headers)
        assert status == 401
    _, headers, _ = server.request("POST", "/mcp", {}, MODERN_HEADERS)
    assert headers["www-authenticate"].startswith("Bearer")
    for token in ("t0ken", "other"):
        assert server.modern_call("notify", {}, {"authorization": f"Bearer {token}"})[0] == 200
    assert server.count() == 2


def test_it_can_pretend_to_be_of_the_legacy_era(programs):
    server = MCP(programs("receivers/mcp_server.py", "--era", "legacy"))
    status, answer = server.modern_call("notify", {})
    assert (status, answer["error"]["code"], answer["id"]) == (400, -32600, "server-error")
    asyncio.run(used(server.mcp_url, "notify", {"event_id": "e"}))
    assert [call["protocol_version"] for call in server.calls()] == ["2025-11-25"]


def test_it_can_pretend_to_be_of_the_modern_era(programs):
    server = MCP(programs("receivers/mcp_server.py", "--era", "modern"))
    assert server.modern_call("notify", {})[0] == 200
    status, answer = server.post(
        "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}, {"accept": MODERN_HEADERS["accept"]}
    )
    assert (status, answer["error"]["code"]) == (404, -32601)
    assert server.request("GET", "/mcp")[0] == 405


def test_idle_sessions_expire(programs):
    server = MCP(programs("receivers/mcp_server.py", "--session-idle", "0.3", "--json"))
    accept = {"accept": MODERN_HEADERS["accept"]}
    initialize = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    status, headers, body = server.request("POST", "/mcp", initialize, accept)
    assert status == 200 and json.loads(body)["result"]["protocolVersion"] == "2025-11-25"
    session = {**accept, "mcp-session-id": headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert server.request("POST", "/mcp", initialized, session)[0] == 202
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "notify", "arguments": {}}}
    assert server.request("POST", "/mcp", call, session)[0] == 200
    # Each call renews the session, so leave it alone until it must be gone.
    asyncio.run(asyncio.sleep(1.5))
    assert server.request("POST", "/mcp", call, session)[0] == 404
