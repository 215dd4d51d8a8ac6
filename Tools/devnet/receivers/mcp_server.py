#!/usr/bin/env python3
"""An MCP server made with the official `mcp` package, whose tools record their calls. See README.md."""

import asyncio
import collections
import hmac
import json
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.ledger import Ledger, arrival
from server.program import base_url, parser

MODERN = "2026-07-28"
REQUESTS_KEPT = 1000


class Script:
    """Steps in order; `next_for` takes the first when it is of the wanted kind."""

    def __init__(self) -> None:
        self._steps: collections.deque[dict] = collections.deque()

    def replace(self, sequence: list) -> None:
        self._steps.clear()
        for step in sequence:
            step = {"status": step} if isinstance(step, int) else dict(step)
            self._steps.extend([step] * int(step.pop("times", 1)))

    def next_for(self, is_tool: bool) -> dict | None:
        if self._steps and ("toolError" in self._steps[0]) == is_tool:
            return self._steps.popleft()
        return None


def make_server(ledger: Ledger, script: Script) -> MCPServer:
    server = MCPServer("tocsin-devnet", version="1.0.0", instructions="Call notify.", log_level="CRITICAL")

    def record(tool: str, context: Context) -> None:
        # The tool's own parameters describe what a caller usually sends; the ledger keeps what it did send.
        call = context.request_context
        params = dict(call.params or {})
        ledger.append(
            {
                "kind": "mcp",
                "tool": tool,
                "arguments": params.get("arguments"),
                "protocol_version": call.protocol_version,
                "request_id": call.request_id,
                "meta": params.get("_meta"),
                "headers": dict(call.request.headers) if call.request is not None else None,
                **arrival(),
            }
        )
        step = script.next_for(is_tool=True)
        if step is not None:
            raise ToolError(step["toolError"])

    @server.tool()
    async def notify(
        context: Context,
        event_id: Any = None,
        delivery_id: Any = None,
        trigger_id: Any = None,
        trigger_name: Any = None,
        chain_id: Any = None,
        occurred_at: Any = None,
        summary: Any = None,
        data: Any = None,
    ) -> str:
        """Tells the agent that something happened on chain. Further arguments are accepted."""
        record("notify", context)
        return "recorded"

    @server.tool()
    async def notify_strictly(context: Context, event_id: str, summary: str) -> str:
        """Like notify, but requires two texts."""
        record("notify_strictly", context)
        return "recorded"

    @server.tool()
    async def notify_region(
        context: Context,
        event_id: Any = None,
        region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "",
    ) -> str:
        """Like notify, with an argument that callers must mirror in the header Mcp-Param-Region."""
        record("notify_region", context)
        return "recorded"

    @server.tool()
    async def notify_slowly(context: Context, seconds: float = 5.0, event_id: Any = None) -> str:
        """Like notify, after some seconds."""
        await asyncio.sleep(seconds)
        record("notify_slowly", context)
        return "recorded"

    @server.tool()
    async def refuse(reason: str = "the agent does not want this") -> str:
        """Always fails with a reason of its own."""
        raise ToolError(reason)

    @server.tool()
    async def crash() -> str:
        """Always fails by accident."""
        raise RuntimeError("this text must not reach a caller")

    return server


class Gate:
    """Stands before the server: bearer tokens, scripted answers, the era it pretends to be of, and a request log."""

    def __init__(self, application, script: Script, tokens: list[str], era: str) -> None:
        self._application = application
        self._script = script
        self._tokens = tokens
        self._era = era
        self.requests: collections.deque[dict] = collections.deque(maxlen=REQUESTS_KEPT)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or scope["path"] != "/mcp":
            await self._application(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        messages = []
        body = b""
        while True:
            message = await receive()
            messages.append(message)
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        rpc = _parsed(body)
        entry = {"http_method": scope["method"], "method": rpc.get("method"), "headers": headers, "status": None}
        self.requests.append(entry)

        async def replay():
            return messages.pop(0) if messages else await receive()

        async def observe(message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
            await send(message)

        answer = await self._answer(scope, headers, rpc)
        await (answer or self._application)(scope, replay, observe)

    async def _answer(self, scope, headers: dict, rpc: dict) -> Response | None:
        """The response given instead of the server's, if any."""
        if self._tokens and not self._is_authorised(headers):
            return JSONResponse(
                {"error": "invalid_token"}, 401, headers={"www-authenticate": 'Bearer error="invalid_token"'}
            )
        step = self._script.next_for(is_tool=False)
        if step is not None:
            await asyncio.sleep(float(step.get("delay", 0)))
            if "error" in step:
                body = {"jsonrpc": "2.0", "id": rpc.get("id"), "error": step["error"]}
                return JSONResponse(body, int(step.get("status", 200)), headers=step.get("headers"))
            if "status" in step:
                return Response(step.get("body", ""), int(step["status"]), headers=_strings(step.get("headers")))
        return self._out_of_era(scope, headers, rpc)

    def _is_authorised(self, headers: dict) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and any(hmac.compare_digest(token, known) for known in self._tokens)

    def _out_of_era(self, scope, headers: dict, rpc: dict) -> Response | None:
        is_modern = headers.get("mcp-protocol-version") == MODERN or rpc.get("method") == "server/discover"
        if self._era == "legacy" and is_modern and "mcp-session-id" not in headers:
            # As the 1.x package answers.
            error = {"code": -32600, "message": "Bad Request: Missing session ID"}
            return JSONResponse({"jsonrpc": "2.0", "id": "server-error", "error": error}, 400)
        if self._era == "modern":
            if scope["method"] != "POST":
                return Response(status_code=405, headers={"allow": "POST"})
            if not is_modern and rpc.get("method") in ("initialize", "notifications/initialized"):
                error = {"code": -32601, "message": "Method not found"}
                return JSONResponse({"jsonrpc": "2.0", "id": rpc.get("id"), "error": error}, 404)
        return None


def _parsed(body: bytes) -> dict:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _strings(headers: dict | None) -> dict[str, str]:
    return {name: str(value) for name, value in (headers or {}).items()}


class ReadyServer(uvicorn.Server):
    """Says on standard output that it is ready."""

    ready: dict

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        print(json.dumps(self.ready), flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--bearer", action="append", default=[], metavar="TOKEN", help="required; repeatable")
    options.add_argument(
        "--era", choices=("both", "legacy", "modern"), default="both", help="protocol revisions served"
    )
    options.add_argument("--json", action="store_true", help="legacy answers as JSON instead of an event stream")
    options.add_argument("--stateless", action="store_true", help="legacy calls without sessions")
    options.add_argument("--session-idle", type=float, default=1800, metavar="S", help="idle sessions expire after S")
    chosen = options.parse_args()
    logging.disable(logging.CRITICAL)
    ledger = Ledger(chosen.ledger)
    script = Script()
    server = make_server(ledger, script)

    @server.custom_route("/ledger", ["GET"])
    async def entries(request: Request) -> Response:
        return Response(await ledger.entries_json(dict(request.query_params)), media_type="application/json")

    @server.custom_route("/count", ["GET"])
    async def count(request: Request) -> Response:
        return Response(await ledger.count_json(dict(request.query_params)), media_type="application/json")

    @server.custom_route("/behave", ["POST"])
    async def behave(request: Request) -> Response:
        try:
            script.replace((await request.json()).get("sequence", []))
        except (ValueError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"ok": True})

    @server.custom_route("/requests", ["GET"])
    async def requests(request: Request) -> Response:
        return JSONResponse(list(gate.requests))

    application = server.streamable_http_app(
        json_response=chosen.json,
        stateless_http=chosen.stateless,
        session_idle_timeout=None if chosen.stateless else chosen.session_idle,
        host=chosen.host,
    )
    gate = Gate(application, script, chosen.bearer, chosen.era)
    listener = socket.create_server(
        (chosen.host, chosen.port), family=socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    )
    url = base_url(chosen.host, listener.getsockname()[1])
    runner = ReadyServer(uvicorn.Config(gate, log_level="critical", timeout_graceful_shutdown=1))
    runner.ready = {"url": url, "mcp_url": f"{url}/mcp", "tool": "notify"}
    try:
        runner.run(sockets=[listener])
    except KeyboardInterrupt:
        signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"mcp_server: {error.strerror or error}")
