"""webhook: deliveries claimed, sent and recorded; the floor is a bare libcurl loop to the same receiver."""

import time

from .postgres import SQL
from .support import Bench, Failure, Load, call, expect, interleaved, median, row, say, wait_for

# Eight requests at once is what one destination gets, so eight destinations make 64.
DESTINATIONS, CONCURRENCY, COUNT = 8, 64, 16_000
EVENTS = """
INSERT INTO events (
    chain_id, block_number, block_hash, block_timestamp, transaction_hash, transaction_index, log_index,
    contract_address, registry, event_type, agent_id, topics, data)
SELECT 1, 20000000 + n / 100, sha256(int8send(n / 100)), 1700000000 + n / 100, sha256(int8send(-n)), n % 100, n % 100,
    '\\x{address}', 'reputation', 'NewFeedback', {agent_id}, '\\x{topics}', '\\x{data}'
FROM generate_series(1::bigint, {count}) AS n
"""
DELIVERIES = """
INSERT INTO deliveries (
    action_id, action_version, event_id, kind, trigger_id, organization_id, destination_id, channel, run_at)
SELECT action.id, action.version, event.id, 0, trigger.id, trigger.organization_id, action.destination_id, 'rest',
    clock_timestamp()
FROM (SELECT id, row_number() OVER (ORDER BY id) % {destinations} AS place FROM events) AS event
JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM trigger_actions) AS action USING (place)
JOIN triggers AS trigger ON trigger.id = action.trigger_id
"""


def run(place):
    place.chains()
    place.migrate("webhook")
    receiver = place.receiver("--fast")
    server = place.serve("webhook", "api,dispatcher")
    server.register()
    server.create({
        "name": "Bench", "chain_id": 1, "registry": "reputation",
        "conditions": [{"condition_type": "event", "field": "event_type", "operator": "equals", "value": "NewFeedback"}],
        "actions": [{"action_type": "rest", "config": {"url": f"{receiver}/hooks/{number}"}}
                    for number in range(DESTINATIONS)]})
    with SQL(place.cluster, "webhook") as sql:
        sql.ask(EVENTS.format(count=COUNT, **Bench.run("log")))
        sql.ask("ANALYZE events")
        values, floors = interleaved(
            4, lambda: deliver(sql, receiver, place, server), lambda: bare(receiver))
    # The first round opens connections and warms caches up.
    yield row("webhook.deliveries_per_s", median(values[1:]), "deliveries/s", median(floors[1:]))


def received(receiver):
    return expect(200, call("GET", f"{receiver}/count"), "the receiver's count")["count"]


def deliver(sql, receiver, place, server):
    """Deliveries a second, from the commit that makes them due to the commit of the last outcome."""
    before = received(receiver)
    sql.ask("BEGIN")
    sql.ask(DELIVERIES.format(destinations=DESTINATIONS))
    start = time.monotonic()
    load = Load(tocsin=server.process.pid, receiver=place.children.pid("webhook receiver"))
    sql.ask("NOTIFY tocsin_deliveries")
    sql.ask("COMMIT")
    wait_for(
        lambda: sql.value("SELECT NOT EXISTS (SELECT FROM deliveries)") == "t", 120, "not everything was delivered",
        0.02, server.process, place.log("tocsin"))
    seconds = time.monotonic() - start
    say(f"  {seconds:.1f} s; cores used: {load.over(seconds)}")
    outcomes = sql.ask(
        "SELECT count(*) FILTER (WHERE outcome = 'delivered'), count(*), (SELECT count(*) FROM attempts) "
        "FROM finished_deliveries")[0]
    sql.ask("TRUNCATE finished_deliveries, attempts")
    if outcomes != [str(COUNT)] * 3 or received(receiver) - before != COUNT:
        raise Failure(f"of {COUNT} deliveries: delivered, finished, attempts: {outcomes}, "
                      f"received {received(receiver) - before}")
    return COUNT / seconds


def bare(receiver):
    result = Bench.run(
        "post", "--url", f"{receiver}/hooks/floor", "--count", COUNT, "--concurrency", CONCURRENCY)
    if result["failed"]:
        raise Failure(f"{result['failed']} requests of the bare loop failed")
    return result["requests_per_s"]
