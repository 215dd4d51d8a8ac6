"""listener: what the listener itself adds between a node's answers and the row in the feed.

The made-up node gets a block every 150 ms and notes when it read each request and sent each answer. A trigger
in the database announces each commit that moves the checkpoint, which reaches this program once it is done. A block's time
begins with the last byte of the first answer that shows it; what passes while a further request of the listener is at the
node is taken off.
"""

import statistics
import time

from .ingest import node
from .postgres import SQL, Notifications
from .support import Failure, row, say

SAMPLES, WARM_UP = 300, 50
GROW_MS = 150
ANNOUNCE = """
CREATE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('checkpoint', NEW.checkpoint_number::text); RETURN NULL; END $$;
CREATE TRIGGER announce AFTER UPDATE OF checkpoint_number ON chains FOR EACH ROW
WHEN (NEW.checkpoint_number IS DISTINCT FROM OLD.checkpoint_number) EXECUTE FUNCTION announce();
CREATE TABLE least (checkpoint_number bigint);
INSERT INTO least VALUES (0);
CREATE TRIGGER announce AFTER UPDATE ON least FOR EACH ROW EXECUTE FUNCTION announce();
"""


def run(place):
    journal = place.directory / "answers"
    served = node(place, 1_000, "--logs-per-block", 10, "--grow-ms", GROW_MS, "--journal", journal)
    # Two endpoints that never differ: a block is stored once both answered the same logs.
    place.chains(served, served["rpc_url"], served["rpc_url"].replace("127.0.0.1", "localhost"))
    place.migrate("listener")
    with (SQL(place.cluster, "listener") as sql,
          Notifications(place.cluster, "listener", "checkpoint") as notifications):
        sql.run(ANNOUNCE)
        server = place.serve("listener", "listener")
        first, commits = None, {}
        while first is None or len(commits) < WARM_UP + SAMPLES:
            moment, text = notifications.wait(30)
            number = int(text)
            # What the node held at the start is history.
            if first is None and number > 1_000:
                first = number
            if first is not None:
                commits[number] = moment
        place.children.end(server.process)
        floors = sorted(least(sql, notifications) for _ in range(SAMPLES))
    answers = [tuple(map(int, line.split())) for line in journal.read_text().splitlines()]
    costs = [cost(number, commits, answers) for number in sorted(commits)[WARM_UP:]]
    costs = sorted(one for one in costs if one is not None)
    if len(costs) < SAMPLES // 2:
        raise Failure(f"only {len(costs)} of {SAMPLES} blocks can be told apart")
    say(f"  {len(costs)} blocks, at most {costs[-1]:.2f} ms")
    yield row("listener.commit_ms_p50", statistics.median(costs), "ms", statistics.median(floors))
    yield row("listener.commit_ms_p99", costs[int(len(costs) * 0.99)], "ms", floors[int(len(floors) * 0.99)])


def least(sql, notifications):
    """The milliseconds from psql's line to the announcement of a commit that changes one row."""
    start = time.time_ns() // 1000
    sql.run("UPDATE least SET checkpoint_number = checkpoint_number + 1;")
    return (notifications.wait(30)[0] - start) / 1000


def cost(number, commits, answers):
    """The milliseconds that block `number` spent in the listener; None where no answer shows it as the newest."""
    shown = min((sent for _, sent, highest in answers if highest == number), default=None)
    if shown is None:
        return None
    done = commits[number]
    away, end = 0, shown
    for asked, sent, _ in sorted(answers):
        start, stop = max(asked, end), min(sent, done)
        if stop > start:
            away += stop - start
            end = stop
    return (done - shown - away) / 1000
