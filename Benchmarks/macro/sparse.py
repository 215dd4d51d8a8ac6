"""sparse: history with few logs, at a node that allows 10,000 blocks a call and takes its time for each."""

from .ingest import BEHIND, fill, node
from .support import Failure, median, row

BLOCKS, EVERY = 3_000_000, 10_000


def run(place):
    place.chains(node(
        place, BLOCKS + BEHIND, "--logs-per-block", 1, "--every", EVERY, "--latency-ms", 50, "--range-max", 10_000))
    yield row("sparse.blocks_per_s", median([sparse(place) for _ in range(3)]), "blocks/s")


def sparse(place):
    """Blocks a second, from the moment the listener has the chain to the commit of the last of them."""
    seconds, stored = fill(place, BLOCKS, 120)
    if stored < BLOCKS // EVERY:
        raise Failure(f"only {stored} of {BLOCKS // EVERY} logs were stored")
    return BLOCKS / seconds
