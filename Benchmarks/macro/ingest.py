"""ingest and sparse: a node's history into durable rows, by the listener; the floor is COPY of the same rows."""

import time

from .postgres import SQL
from .support import Bench, Failure, Load, interleaved, median, row, say, wait_for

BLOCKS, PER_BLOCK = 10_000, 100
# Blocks behind the load, so that all of it is history rather than the window that a reorganisation could reach.
BEHIND = 200
COLUMNS = (
    "chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index, transaction_from, "
    "log_index, contract_address, registry, event_type, decoding_error, agent_id, topics, data, is_canonical, created_at")


def node(place, blocks, *options):
    """Starts a node that makes its chain up."""
    return place.children.ready(
        "node", [Bench.build(), "node", "--blocks", blocks, *options], place.log("node"))


def run(place):
    place.chains(node(place, BLOCKS + BEHIND, "--logs-per-block", PER_BLOCK))
    file = place.directory / "events.copy"
    values, floors = interleaved(3, lambda: ingest(place, file), lambda: copy(place, file))
    verify(place)
    file.unlink()
    yield row("ingest.logs_per_s", median(values), "logs/s", median(floors))


def ingest(place, file):
    """Logs a second, from the moment the listener has the chain to the commit of the last block with logs."""
    seconds, stored = fill(place, BLOCKS, 600, lambda sql: sql.run(
        f"\\copy (SELECT {COLUMNS} FROM events ORDER BY id) TO '{file}' (FORMAT binary)"))
    if stored < BLOCKS * PER_BLOCK:
        raise Failure(f"only {stored} of {BLOCKS * PER_BLOCK} logs were stored")
    return stored / seconds


def fill(place, last, limit, then=lambda sql: None):
    """The seconds until everything up to `last` is stored in a fresh database, and how many logs that is."""
    place.migrate("ingest")
    with SQL(place.cluster, "ingest") as sql:
        server = place.serve("ingest", "listener")
        log = place.log("tocsin")
        wait_for(
            lambda: sql.value("SELECT listener_token FROM chains WHERE listener_token > 0"), 30,
            "the listener does not take the chain", process=server.process, log=log)
        start, load = time.monotonic(), Load(tocsin=server.process.pid, node=place.children.pid("node"))
        wait_for(
            lambda: int(sql.value("SELECT coalesce(max(checkpoint_number), 0) FROM chains")) >= last, limit,
            "the listener does not get to the end", 0.005, server.process, log)
        seconds = time.monotonic() - start
        say(f"  {seconds:.1f} s; cores used: {load.over(seconds)}")
        place.children.end(server.process)
        stored = int(sql.value(f"SELECT count(*) FROM events WHERE block_number <= {last}"))
        then(sql)
    return seconds, stored


def verify(place):
    """Has tocsin compare what is stored with the node; nothing may lack."""
    said = place.tocsin("ingest", "verify", "--chain", 1, "--from", 0, "--to", BLOCKS)
    if f"with {BLOCKS * PER_BLOCK} logs compared: 0 logs appended, 0 taken back" not in said:
        raise Failure(f"tocsin verify: {said}")


def copy(place, file):
    """Rows a second of COPY into the same, empty table with its indexes, in one durable transaction."""
    with SQL(place.cluster, "ingest") as sql:
        sql.ask("TRUNCATE events RESTART IDENTITY")
        sql.ask("CHECKPOINT")
        start = time.monotonic()
        sql.run(f"\\copy events ({COLUMNS}) FROM '{file}' (FORMAT binary)")
        seconds = time.monotonic() - start
        return int(sql.value("SELECT count(*) FROM events")) / seconds
