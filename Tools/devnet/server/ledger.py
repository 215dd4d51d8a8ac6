"""What a receiver received: kept in order, written to a file, and handed to tests that wait for it."""

import asyncio
import json
import time

WAIT_SECONDS_MAX = 300


class Ledger:
    """Entries numbered from 1. Each is one line of the file, flushed before the sender gets its answer."""

    def __init__(self, path: str | None = None) -> None:
        # Unbuffered: a line is in the file when `append` returns.
        self._file = open(path, "ab", buffering=0) if path else None
        self._entries: list[bytes] = []
        self.count = 0
        self._changed: list[asyncio.Future] = []

    def append(self, entry: dict) -> None:
        self.count += 1
        encoded = json.dumps({"n": self.count, **entry}, ensure_ascii=False, separators=(",", ":")).encode(
            errors="backslashreplace"
        )
        self._entries.append(encoded)
        if self._file is not None:
            self._file.write(encoded + b"\n")
        self._wake()

    def tally(self) -> None:
        """Counts without keeping, for benchmarks."""
        self.count += 1
        if self._changed:
            self._wake()

    def _wake(self) -> None:
        for future in self._changed:
            if not future.done():
                future.set_result(None)
        self._changed.clear()

    async def wait_beyond(self, count: int, seconds: float) -> None:
        """Returns once there are more than `count` entries, or after `seconds`."""
        deadline = time.monotonic() + min(seconds, WAIT_SECONDS_MAX)
        while self.count <= count:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return
            future = asyncio.get_running_loop().create_future()
            self._changed.append(future)
            await asyncio.wait([future], timeout=remaining)

    async def entries_json(self, query: dict[str, str]) -> bytes:
        """Answers `GET /ledger?after=N&wait=S&least=M`: the entries after the N-th, as a JSON list.

        With `wait` the answer comes when there are at least `least` of them (one if absent) or S seconds have passed.
        """
        after = int(query.get("after", 0))
        await self.wait_beyond(after + int(query.get("least", 1)) - 1, float(query.get("wait", 0)))
        return b"[" + b",".join(self._entries[after:]) + b"]"

    async def count_json(self, query: dict[str, str]) -> bytes:
        """Answers `GET /count?least=N&wait=S`: the number of entries, once N or after S seconds."""
        await self.wait_beyond(int(query.get("least", 1)) - 1, float(query.get("wait", 0)))
        return json.dumps({"count": self.count}).encode()


def arrival() -> dict:
    """When something arrived, on both clocks."""
    return {"arrived_ms": time.time_ns() // 1_000_000, "arrived_monotonic": time.monotonic()}
