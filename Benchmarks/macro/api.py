"""api: authenticated reads and writes of triggers, with wrk; floors are a bare route and pgbench."""

import json
import re
import shutil
import subprocess
import urllib.request

from .postgres import SQL, binary
from .support import Bench, Failure, clean_environment, interleaved, median, row

TRIGGERS, CONNECTIONS, SECONDS = 20, 32, 5
# As many as `tocsin serve` has for its API unless told otherwise.
DATABASE_CONNECTIONS = 10
TRIGGER = {"name": "Low scores", "description": "Tell us of bad feedback", "chain_id": 1, "registry": "reputation"}
INSERT = """
INSERT INTO triggers (
    organization_id, id, user_id, name, description, chain_id, registry, enabled, is_stateful, finality, mode,
    notify_retractions)
VALUES ('{organization}', gen_random_uuid(), '{user}', 'Low scores', 'Tell us of bad feedback', 1, 'reputation', true,
    false, 'latest', 'live', true)
RETURNING id, created_at, updated_at;
"""


def run(place):
    if not shutil.which("wrk"):
        raise Failure("wrk is missing: run `Tools/setup bench`")
    place.chains()
    place.migrate("api")
    server = place.serve("api", "api")
    server.register()
    for _ in range(TRIGGERS):
        server.create(TRIGGER)
    url = f"{server.url}/api/v1/triggers"
    headers = {"Authorization": f"Bearer {server.token}"}
    yield from reads(place, url, headers)
    yield from writes(place, url, headers)


def reads(place, url, headers):
    body = place.directory / "answer.json"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        body.write_bytes(answer.read())
    bare = place.children.ready("the bare route", [Bench.build(), "route", "--body", body], place.log("route"))["url"]
    values, floors = interleaved(3, lambda: wrk(url, headers), lambda: wrk(bare, headers))
    yield row("api.reads_per_s", median(values), "requests/s", median(floors))


def writes(place, url, headers):
    script = place.directory / "post.lua"
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{json.dumps(TRIGGER)}]==]"]
    for name, value in {**headers, "Content-Type": "application/json"}.items():
        lines.append(f'wrk.headers["{name}"] = "{value}"')
    script.write_text("\n".join(lines) + "\n")
    with SQL(place.cluster, "api") as sql:
        organization, user = sql.ask("SELECT organization_id, user_id FROM triggers LIMIT 1")[0]
    insert = place.directory / "insert.sql"
    insert.write_text(INSERT.format(organization=organization, user=user))
    values, floors = interleaved(3, lambda: wrk(url, {}, script), lambda: pgbench(place, insert))
    yield row("api.writes_per_s", median(values), "requests/s", median(floors))


def wrk(url, headers, script=None):
    """Requests a second; an answer that is no success is a failure."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", str(script)]
    done = subprocess.run([*command, url], text=True, capture_output=True, timeout=60)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    if done.returncode != 0 or not rate or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise Failure(f"wrk {url}: {done.stdout}{done.stderr}")
    return float(rate.group(1))


def pgbench(place, script):
    """The same INSERTs a second, prepared, from as many connections as the API has."""
    done = subprocess.run(
        [binary("pgbench"), "-n", "-M", "prepared", "-f", script, "-c", str(DATABASE_CONNECTIONS), "-j", "1", "-T",
         str(SECONDS), *place.cluster.options("api")],
        text=True, capture_output=True, timeout=60, env=clean_environment())
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode != 0 or not rate:
        raise Failure(f"pgbench: {done.stdout}{done.stderr}")
    return float(rate.group(1))
