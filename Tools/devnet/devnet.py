#!/usr/bin/env python3
"""A development chain with the ERC-8004 registries on it. See README.md."""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys

# The fastest Keccak installed; chosen before anything imports one.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

import uvloop
from coincurve import PrivateKey
from eth_abi import encode as abi_encode
from eth_hash.auto import keccak

from node import contracts, transactions
from node.blocks import text
from node.chain import Chain, Settings
from node.rpc import Node
from node.subscriptions import Subscriptions
from server import websocket
from server.http import listen, response

BALANCE = 10**27
DEPLOYMENT_GAS = 20_000_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8545, help="0 takes any free port")
    parser.add_argument("--chain-id", type=int, default=31337)
    parser.add_argument("--accounts", type=int, default=10, help="number of unlocked, funded accounts")
    parser.add_argument("--block-time", type=float, help="seconds between blocks; a block per transaction if absent")
    parser.add_argument("--idle", action="store_true", help="make blocks only when dev_mine asks for them")
    parser.add_argument("--safe", type=int, default=2, metavar="N", help="`safe` is the head minus N")
    parser.add_argument("--finalized", type=int, default=4, metavar="N", help="`finalized` is the head minus N")
    parser.add_argument("--shared-timestamps", action="store_true", help="let blocks of one second share a timestamp")
    parser.add_argument("--max-log-range", type=int, metavar="N", help="refuse eth_getLogs over more than N blocks")
    parser.add_argument("--max-log-results", type=int, metavar="N", help="refuse eth_getLogs with more than N results")
    return parser.parse_args()


def account_key(index: int) -> PrivateKey:
    return PrivateKey(keccak(f"tocsin devnet account {index}".encode()))


async def deploy(chain: Chain) -> dict[str, bytes]:
    """Deploys the registries in block 1 and returns their addresses."""
    key = PrivateKey(keccak(b"tocsin devnet deployer"))
    sender = transactions.address_of(key)
    nonce = 0
    addresses: dict[str, bytes] = {}
    creations = []
    for name in ("identity", "reputation", "validation", "bulk"):
        contract = contracts.load(name)
        code = contract.bytecode
        if name in ("reputation", "validation"):
            code += abi_encode(["address"], [addresses["identity"]])
        addresses[name] = keccak(transactions.rlp.encode((sender, nonce)))[12:]
        creation = transactions.sign(
            key,
            sender,
            chain_id=chain.settings.chain_id,
            nonce=nonce,
            max_fee_per_gas=3 * chain.settings.base_fee,
            max_priority_fee_per_gas=chain.settings.base_fee,
            gas=DEPLOYMENT_GAS,
            to=b"",
            data=code,
        )
        creations.append(creation)
        nonce += 1
    async with chain.writing:
        block, dropped = await chain.append(creations)
    failed = [name for name, receipt in zip(addresses, block.receipts) if not receipt.succeeded]
    if dropped or failed:
        raise SystemExit(f"the registries could not be deployed: {dropped or failed}")
    return addresses


async def serve(options: argparse.Namespace) -> None:
    keys = [account_key(index) for index in range(options.accounts)]
    funded = {transactions.address_of(key): BALANCE for key in keys}
    deployer = transactions.address_of(PrivateKey(keccak(b"tocsin devnet deployer")))
    settings = Settings(chain_id=options.chain_id, strict_timestamps=not options.shared_timestamps)
    chain = Chain(settings, {**funded, deployer: BALANCE})
    addresses = await deploy(chain)
    node = Node(
        chain,
        keys,
        block_time=0 if options.idle else options.block_time,
        safe_distance=options.safe,
        finalized_distance=options.finalized,
        range_max=options.max_log_range,
        results_max=options.max_log_results,
    )

    subscriptions = Subscriptions(node)

    async def handle(request) -> bytes | None:
        if websocket.is_upgrade(request):
            websocket.upgrade(request, subscriptions.answer, subscriptions.forget)
            return None
        if request.method != "POST":
            return response(405, b"JSON-RPC takes POST\n", "text/plain", {"allow": "POST"})
        # A caller that hangs up does not undo half a batch: what it asked for is carried through.
        return response(200, await asyncio.shield(node.answer(request.body)))

    server = await listen(handle, options.host, options.port)
    host = f"[{options.host}]" if ":" in options.host else options.host
    node.information = {
        "rpc_url": f"http://{host}:{server.port}",
        "ws_url": f"ws://{host}:{server.port}",
        "chain_id": options.chain_id,
        "registries": {name: text(addresses[name]) for name in ("identity", "reputation", "validation")},
        "bulk": text(addresses["bulk"]),
        "accounts": [{"address": text(address), "private_key": text(key.secret)} for address, key in node.keys.items()],
    }
    # What exists by now stays; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    print(json.dumps(node.information), flush=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    producer = asyncio.create_task(node.make_blocks()) if node.block_time else None
    await stopped.wait()
    if producer is not None:
        producer.cancel()
    await server.close()


if __name__ == "__main__":
    try:
        uvloop.run(serve(arguments()))
    except OSError as error:
        sys.exit(f"devnet: {error.strerror or error}; choose another --port, or 0 for any")
