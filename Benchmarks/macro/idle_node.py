#!/usr/bin/env python3
"""Many chains on which nothing happens but blocks: the path /N is the chain N, as a node of it would answer.

Blocks come every so many seconds, on each chain at another moment. Prints one line of JSON when it is ready.
"""

import argparse
import asyncio
import hashlib
import json
import time

EMPTY_BLOOM = "0x" + "00" * 256


class Node:
    def __init__(self, block_time):
        self.block_time = block_time
        # The chains are older than what a listener looks back at.
        self.start = time.time() - 1000 * block_time

    def head(self, chain):
        return int((time.time() - self.start) / self.block_time - chain % 100 / 100)

    @staticmethod
    def hash(chain, number):
        return "0x" + hashlib.sha256(f"{chain}/{number}".encode()).hexdigest()

    def block(self, chain, number):
        if not 0 <= number <= self.head(chain):
            return None
        return {
            "number": hex(number), "hash": self.hash(chain, number), "parentHash": self.hash(chain, number - 1),
            "timestamp": hex(int(self.start + number * self.block_time)), "logsBloom": EMPTY_BLOOM, "transactions": [],
            "miner": "0x" + "22" * 20, "stateRoot": "0x" + "33" * 32, "gasLimit": "0x1c9c380", "gasUsed": "0x0",
            "extraData": "0x", "nonce": "0x" + "00" * 8, "baseFeePerGas": "0x7", "size": "0x220",
        }

    def numbered(self, chain, selector):
        head = self.head(chain)
        tags = {"latest": head, "safe": head - 8, "finalized": head - 16}
        return self.block(chain, tags[selector] if selector in tags else int(selector, 16))

    def hashed(self, chain, wanted):
        head = self.head(chain)
        return next((self.block(chain, n) for n in range(head, head - 300, -1) if self.hash(chain, n) == wanted), None)

    def reply(self, chain, call):
        methods = {
            "eth_chainId": lambda: hex(chain), "eth_getLogs": list,
            "eth_getBlockByNumber": lambda: self.numbered(chain, call["params"][0]),
            "eth_getBlockByHash": lambda: self.hashed(chain, call["params"][0]),
        }
        answer = {"jsonrpc": "2.0", "id": call["id"]}
        method = methods.get(call["method"])
        if method is None:
            return {**answer, "error": {"code": -32601, "message": "the method does not exist"}}
        return {**answer, "result": method()}

    async def serve(self, reader, writer):
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                chain = int(lines[0].split(" ")[1].strip("/"))
                lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")]
                asked = json.loads(await reader.readexactly(int(lengths[0])))
                is_batch = isinstance(asked, list)
                replies = [self.reply(chain, call) for call in (asked if is_batch else [asked])]
                body = json.dumps(replies if is_batch else replies[0], separators=(",", ":")).encode()
                head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--block-time", type=float, default=12)
    node = Node(options.parse_args().block_time)
    server = await asyncio.start_server(node.serve, "127.0.0.1", 0)
    print(json.dumps({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
