#!/usr/bin/env python3
"""Receives webhooks, verifies them with the `standardwebhooks` package and answers as scripted. See README.md."""

import asyncio
import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook

from server.http import Request, json_response, listen, response
from server.ledger import Ledger, arrival
from server.program import base_url, main, parser, until_stopped

CONTROL = ("/secrets", "/behave", "/reset")
DEFAULT_STEP = {"status": 200}
_OK = response(200)


class PublicKeySecret:
    """Verifies asymmetric signatures, `v1a`, for which the package has no code."""

    def __init__(self, secret: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(secret.removeprefix("whpk_")))

    def verify(self, data: bytes, headers: dict[str, str], json_parse: bool = False) -> None:
        # The package checks presence and time before it looks at signatures; borrow those checks.
        borrowed = Webhook(b"unused")
        token = borrowed.sign(headers["webhook-id"], _time(headers["webhook-timestamp"]), data.decode())
        borrowed.verify(data, {**headers, "webhook-signature": token}, json_parse=False)
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + data
        for token in headers["webhook-signature"].split(" "):
            version, _, signature = token.partition(",")
            if version == "v1a":
                try:
                    return self._key.verify(base64.b64decode(signature), content)
                except Exception:
                    continue
        raise ValueError("No matching signature found")


def _time(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), tz=UTC)


def _verifier(secret: str):
    try:
        return PublicKeySecret(secret) if secret.startswith("whpk_") else Webhook(secret)
    except Exception as error:
        raise ValueError(f"{secret!r} is no whsec_ or whpk_ secret: {error}") from error


class Script:
    """The answers of one path: steps in order, each used `times` times, then `then` for ever."""

    def __init__(self, sequence: list, then, repeat: bool) -> None:
        self._steps: list[dict] = []
        for step in sequence:
            step = {"status": step} if isinstance(step, int) else dict(step)
            self._steps += [step] * int(step.pop("times", 1))
        self._then = {"status": then} if isinstance(then, int) else dict(then or DEFAULT_STEP)
        self._repeat = repeat
        self._position = 0

    def next(self) -> dict:
        if self._position == len(self._steps):
            if not self._repeat or not self._steps:
                return self._then
            self._position = 0
        self._position += 1
        return self._steps[self._position - 1]


class WebhookReceiver:
    def __init__(self, ledger: Ledger, secrets: list[str], is_fast: bool) -> None:
        self.ledger = ledger
        self.is_fast = is_fast
        self._default = [_verifier(secret) for secret in secrets]
        self._by_path: dict[str, list] = {}
        self._scripts: dict[str, Script] = {}
        self._seen: dict[str, int] = {}

    def handle(self, request: Request):
        if self.is_fast and request.method == "POST" and request.target.startswith("/hooks"):
            self.ledger.tally()
            return _OK
        path = request.path
        if request.method == "GET" and path == "/ledger":
            return self._ledger(request)
        if request.method == "GET" and path == "/count":
            return self._count(request)
        if request.method == "POST" and path in CONTROL:
            return self._control(path, request)
        return self._receive(path, request)

    async def _ledger(self, request: Request) -> bytes:
        return response(200, await self.ledger.entries_json(request.query))

    async def _count(self, request: Request) -> bytes:
        return response(200, await self.ledger.count_json(request.query))

    def _control(self, path: str, request: Request) -> bytes:
        try:
            order = request.json() if request.body else {}
            if path == "/secrets":
                verifiers = [_verifier(secret) for secret in order["secrets"]]
                if order.get("path"):
                    self._by_path[order["path"]] = verifiers
                else:
                    self._default = verifiers
            elif path == "/behave":
                script = Script(order.get("sequence", []), order.get("then"), bool(order.get("repeat")))
                self._scripts[order.get("path", "*")] = script
            else:
                self._scripts.clear()
                self._by_path.clear()
        except (KeyError, TypeError, ValueError) as error:
            return json_response({"error": f"{type(error).__name__}: {error}"}, 400)
        return json_response({"ok": True})

    # ----------------------------------------------------------- receiving

    def _receive(self, path: str, request: Request):
        script = self._scripts.get(path) or self._scripts.get("*")
        step = script.next() if script else DEFAULT_STEP
        headers = request.headers
        identifier = headers.get("webhook-id")
        validity, reason = self._verified(path, request)
        times = 0
        if identifier is not None:
            times = self._seen[identifier] = self._seen.get(identifier, 0) + 1
        entry = {
            "kind": "webhook",
            "path": path,
            "method": request.method,
            "id": identifier,
            "timestamp": headers.get("webhook-timestamp"),
            "signature": validity,
            "reason": reason,
            "seen": times,
            "answered": step.get("status", 200) if not step.keys() & {"drop", "reset", "hang"} else None,
            "headers": headers,
            **_body(request.body),
            **arrival(),
        }
        self.ledger.append(entry)
        if step is DEFAULT_STEP:
            return _OK
        return self._perform(step, request)

    def _verified(self, path: str, request: Request) -> tuple[str, str | None]:
        """`valid`, `invalid` with the reason, `missing` without signature, `unchecked` without a secret."""
        verifiers = self._by_path.get(path, self._default)
        if not verifiers:
            return "unchecked", None
        if "webhook-signature" not in request.headers:
            return "missing", None
        reason = None
        for verifier in verifiers:
            try:
                verifier.verify(request.body, request.headers, json_parse=False)
                return "valid", None
            except Exception as error:
                reason = str(error) or type(error).__name__
        return "invalid", reason

    async def _perform(self, step: dict, request: Request) -> bytes | None:
        """Acts out one scripted step."""
        transport = request.transport
        if step.get("delay"):
            await asyncio.sleep(float(step["delay"]))
        if step.get("reset"):
            transport.abort()
            return None
        if step.get("drop"):
            transport.close()
            return None
        if step.get("hang"):
            await asyncio.sleep(3600)
            return None
        headers = dict(step.get("headers", {}))
        if "retryAfter" in step:
            headers["retry-after"] = step["retryAfter"]
        status = int(step.get("status", 200))
        if "redirect" in step:
            headers["location"] = step["redirect"]
            status = int(step.get("status", 302))
        body = step.get("body", "")
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        size = int(step.get("bodyBytes", 0))
        if not (size or step.get("drip") or step.get("chunked") or step.get("truncate")):
            return response(status, body, step.get("contentType", "text/plain"), headers)
        body = body or b"x" * size
        if step.get("truncate"):
            # Promises everything, sends half and hangs up.
            transport.write(response(status, body, "text/plain", headers)[: -(len(body) + 1) // 2])
            transport.close()
            return None
        if step.get("chunked"):
            await self._send_chunked(transport, status, headers, body)
            return None
        if step.get("drip"):
            whole = response(status, body or b"." * 32, "text/plain", headers)
            for position in range(len(whole)):
                if transport.is_closing():
                    return None
                transport.write(whole[position : position + 1])
                await asyncio.sleep(float(step["drip"]))
            return None
        return response(status, body, "text/plain", headers)

    async def _send_chunked(self, transport, status: int, headers: dict, body: bytes) -> None:
        head = response(status, b"", "", headers).replace(b"content-length: 0\r\n", b"transfer-encoding: chunked\r\n")
        transport.write(head)
        for start in range(0, len(body), 65536):
            if transport.is_closing():
                return
            chunk = body[start : start + 65536]
            transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await asyncio.sleep(0)
        transport.write(b"0\r\n\r\n")


def _body(body: bytes) -> dict:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


async def serve() -> None:
    options = parser(__doc__)
    options.add_argument("--secret", action="append", default=[], metavar="whsec_…", help="accepted; repeatable")
    options.add_argument("--fast", action="store_true", help="only count what comes to /hooks")
    chosen = options.parse_args()
    for secret in chosen.secret:
        try:
            _verifier(secret)
        except ValueError as error:
            options.error(str(error))
    receiver = WebhookReceiver(Ledger(chosen.ledger), chosen.secret, chosen.fast)
    server = await listen(receiver.handle, chosen.host, chosen.port)
    url = base_url(chosen.host, server.port)
    await until_stopped(server, {"url": url, "hook_url": f"{url}/hooks/default"})


if __name__ == "__main__":
    main("webhook", serve())
