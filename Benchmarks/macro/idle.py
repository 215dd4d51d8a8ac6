"""idle: the memory of `tocsin serve` with one chain on which nothing happens."""

import time

from .support import row


def resident(pid):
    """MiB of a process' pages in memory, its children not included."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def run(place):
    place.chains(place.devnet("--idle"))
    server = place.serve()
    time.sleep(10)
    yield row("idle.rss_mib", resident(server.process.pid), "MiB")
