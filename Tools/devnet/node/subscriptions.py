"""`eth_subscribe` with `newHeads`, for clients on WebSockets."""

import json
import secrets


class Subscriptions:
    """Who is told of which blocks; everything else that a client says is answered by `node`."""

    def __init__(self, node) -> None:
        self._node = node
        self._sockets: dict[str, object] = {}
        node.chain.listeners.append(self._announce)

    async def answer(self, socket, message: bytes) -> bytes:
        try:
            request = json.loads(message)
        except ValueError:
            request = None
        if isinstance(request, dict) and request.get("method") == "eth_subscribe":
            if request.get("params") != ["newHeads"]:
                return _reply(request, error={"code": -32602, "message": "only newHeads can be subscribed to"})
            name = "0x" + secrets.token_hex(16)
            self._sockets[name] = socket
            return _reply(request, result=name)
        if isinstance(request, dict) and request.get("method") == "eth_unsubscribe":
            names = request.get("params") or [None]
            is_known = self._sockets.get(names[0]) is socket
            if is_known:
                del self._sockets[names[0]]
            return _reply(request, result=is_known)
        return await self._node.answer(message)

    def forget(self, socket) -> None:
        self._sockets = {name: other for name, other in self._sockets.items() if other is not socket}

    def _announce(self, block) -> None:
        if not self._sockets:
            return
        header = json.loads(block.block_json(False))
        for name in ("transactions", "withdrawals", "size", "uncles"):
            header.pop(name, None)
        for name, socket in self._sockets.items():
            notice = {
                "jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": name, "result": header},
            }  # fmt: skip
            socket.send(json.dumps(notice, separators=(",", ":")).encode())


def _reply(request: dict, **content) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request.get("id"), **content}, separators=(",", ":")).encode()
