"""e2e: from a block that is visible at the node to its webhook at the receiver, without the wait for the poll.

A proxy stands between Tocsin and the node and notes when each request came and the highest block that its answer named.
The wait for the poll ends with the first request that shows the block, so that is where the time begins. What
the proxy costs is counted.
"""

import asyncio
import json
import random
import re
import statistics
import threading
import time

from .support import Failure, call, row, rpc, say

SAMPLES, WARM_UP = 200, 20
SEED = 8004
REGISTER = "0x1aa3a008"  # register()
NUMBER = re.compile(rb'"number":\s*"0x([0-9a-f]+)"')


class Proxy(threading.Thread):
    """Passes bytes on and keeps (time of the request, highest block in the answer)."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.target, self.polls, self.port = port, [], None
        self.bound = threading.Event()
        self.loop = asyncio.new_event_loop()

    def run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self.bound.set()
        self.loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def start(self):
        super().start()
        if not self.bound.wait(10):
            raise Failure("the proxy does not listen")
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(10)

    async def _serve(self, reader, writer):
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        state = {"asked": None}
        try:
            await asyncio.gather(
                self._pass(reader, up_writer, state, True), self._pass(up_reader, writer, state, False))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, up_writer):
                one.close()

    async def _pass(self, reader, writer, state, is_request):
        while data := await reader.read(1 << 18):
            if is_request:
                if state["asked"] is None:
                    state["asked"] = time.monotonic()
            elif state["asked"] is not None:
                numbers = [int(number, 16) for number in NUMBER.findall(data)]
                if numbers:
                    self.polls.append((state["asked"], max(numbers)))
                state["asked"] = None
            writer.write(data)
        writer.close()


def run(place):
    node = place.devnet()
    receiver = place.receiver()
    proxy = Proxy(int(node["rpc_url"].rsplit(":", 1)[1])).start()
    try:
        place.chains(node, f"http://127.0.0.1:{proxy.port}")
        place.migrate("e2e")
        server = place.serve("e2e")
        server.register()
        server.create({
            "name": "Bench", "chain_id": node["chain_id"], "registry": "identity",
            "conditions": [
                {"condition_type": "event", "field": "event_type", "operator": "equals", "value": "Registered"}],
            "actions": [{"action_type": "rest", "config": {"url": f"{receiver}/hooks/e2e"}}]})
        blocks = send(node, receiver)
        latencies = pair(blocks, proxy.polls, arrivals(receiver))
    finally:
        proxy.stop()
    latencies = sorted(latencies[WARM_UP:])
    yield row("e2e.ms_p50", statistics.median(latencies), "ms")
    yield row("e2e.ms_p99", latencies[int(len(latencies) * 0.99)], "ms")


def send(node, receiver):
    """Makes a block for each sample, at times that nothing is in step with; each transaction's block."""
    say(f"  seed {SEED}")
    chance = random.Random(SEED)
    blocks = {}
    for count in range(1, SAMPLES + WARM_UP + 1):
        transaction = rpc(node["rpc_url"], "eth_sendTransaction", {
            "from": node["accounts"][0]["address"], "to": node["registries"]["identity"], "data": REGISTER})
        receipt = rpc(node["rpc_url"], "eth_getTransactionReceipt", transaction)
        if receipt["status"] != "0x1":
            raise Failure(f"the registration {transaction} failed")
        blocks[transaction] = int(receipt["blockNumber"], 16)
        call("GET", f"{receiver}/count?least={count}&wait=20", timeout=30)
        time.sleep(chance.uniform(0.02, 0.12))
    return blocks


def arrivals(receiver):
    """When the webhook about each transaction came."""
    _, entries = call("GET", f"{receiver}/ledger?after=0", timeout=30)
    return {json.loads(entry["body"])["data"]["transaction_hash"]: entry["arrived_monotonic"] for entry in entries}


def pair(blocks, polls, arrived):
    """Milliseconds from the poll that showed the block to the webhook, for each transaction in turn."""
    missing = [transaction for transaction in blocks if transaction not in arrived]
    if missing:
        raise Failure(f"{len(missing)} of {len(blocks)} webhooks did not arrive")
    latencies = []
    for transaction, block in blocks.items():
        seen = min((asked for asked, highest in polls if highest >= block), default=None)
        if seen is None:
            raise Failure(f"the proxy saw no answer with block {block}")
        latencies.append((arrived[transaction] - seen) * 1000)
    return latencies
