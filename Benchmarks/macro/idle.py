"""idle: what `tocsin serve` takes when nothing happens: with one chain without blocks, and with 100 chains with blocks.

The 100 chains have three registries each and a block every 12 seconds, as Ethereum; in none is there an event.
"""

import json
import pathlib
import sys
import time

from .support import cpu_seconds, row

CHAINS = 100
BLOCK_TIME = 12
SECONDS = 60


def resident(pid):
    """MiB of a process' pages in memory, its children not included."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def registries(chain):
    addresses = (f"0x8004{chain:04x}000000000000000000000000{place}0008004" for place in (1, 2, 3))
    return {
        name: {"address": address, "start_block": 900}
        for name, address in zip(("identity", "reputation", "validation"), addresses)}


def write_chains(place, url):
    (place.directory / "chains.json").write_text(json.dumps({"chains": [{
        "chain_id": chain, "name": f"Bench {chain}", "rpc_urls": [f"{url}/{chain}"], "confirmations": 12,
        "block_time_ms": BLOCK_TIME * 1000, "registries": registries(chain)} for chain in range(1, CHAINS + 1)]}))


def run(place):
    place.chains(place.devnet("--idle"))
    server = place.serve()
    time.sleep(10)
    yield row("idle.rss_mib", resident(server.process.pid), "MiB")
    place.children.end(server.process)

    node = pathlib.Path(__file__).with_name("idle_node.py")
    url = place.children.ready(
        "idle node", [sys.executable, node, "--block-time", BLOCK_TIME], place.log("node"))["url"]
    write_chains(place, url)
    server = place.serve()
    # Until the chains are at their tips and the looks have found the blocks' rhythm.
    time.sleep(3 * BLOCK_TIME)
    before = cpu_seconds(server.process.pid)
    time.sleep(SECONDS)
    used = cpu_seconds(server.process.pid) - before
    yield row(f"idle.rss_mib_{CHAINS}", resident(server.process.pid), "MiB")
    yield row(f"idle.core_percent_{CHAINS}", 100 * used / SECONDS, "%")
