"""fetch: a node's history fetched, checked and decoded; the floor is cryo freezing the same logs from the same node."""

import json
import os
import pathlib
import subprocess
import sys
import time

from .support import ROOT, Bench, Failure, Load, clean_environment, interleaved, median, row, say, tail

BLOCKS, PER_BLOCK = 10_000, 100
CRYO = "cryo==0.3.2"
# Ten requests of 1,000 blocks; by default it asks for one block at a time, which takes many times as long.
FREEZE = """
import sys, cryo
cryo.freeze("logs", blocks=[sys.argv[2]], rpc=sys.argv[1], output_dir=sys.argv[3], chunk_size=1000,
            inner_request_size=1000, max_concurrent_chunks=2, no_report=True, no_verbose=True)
"""


def python():
    """The interpreter that has cryo, installed from PyPI at the first run."""
    folder = pathlib.Path(os.environ.get("CRYO_VENV", ROOT / ".bench" / "cryo-venv"))
    if not (folder / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    found = folder / "bin" / "python"
    if subprocess.run([found, "-c", "import cryo"], capture_output=True).returncode != 0:
        say(f"  installing {CRYO} …")
        done = subprocess.run([found, "-m", "pip", "install", "-q", CRYO], text=True, capture_output=True)
        if done.returncode != 0:
            raise Failure(f"pip install {CRYO}: {done.stderr[-1000:]}")
    return found


def run(place):
    interpreter = python()
    log = place.log("node")
    node = place.children.ready(
        "node", [Bench.build(), "node", "--blocks", BLOCKS + 200, "--logs-per-block", PER_BLOCK], log)
    values, floors = interleaved(3, lambda: fetch(place, node), lambda: freeze(place, interpreter, node))
    yield row("fetch.logs_per_s", median(values), "logs/s", median(floors))


def fetch(place, node):
    load = Load(node=place.children.pid("node"))
    found = Bench.run("fetch", "--url", node["rpc_url"], "--to", BLOCKS)
    if found["events"] != BLOCKS * PER_BLOCK or found["contradicted_blocks"] != 0:
        raise Failure(f"not everything was found or holds: {json.dumps(found)}")
    say(f"  tocsin: {found['seconds']:.1f} s, {found['cpu_seconds']:.1f} s of CPU time; cores used beside it: "
        f"{load.over(found['seconds'])}")
    return found["logs_per_s"]


def freeze(place, interpreter, node):
    """Logs a second by cryo's own clock-to-clock work, its start included, which takes a fraction of a second."""
    folder = place.directory / "cryo"
    log = place.log("cryo")
    before, start = os.times(), time.monotonic()
    with open(log, "w") as output:
        done = subprocess.run(
            [interpreter, "-c", FREEZE, node["rpc_url"], f"1:{BLOCKS + 1}", folder], stdout=output,
            stderr=subprocess.STDOUT, env=clean_environment(), timeout=300)
    seconds, after = time.monotonic() - start, os.times()
    text = log.read_text(errors="replace")
    if done.returncode != 0 or f"rows written: {BLOCKS * PER_BLOCK:,}" not in text:
        raise Failure(f"cryo did not freeze all logs\n{tail(log)}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    say(f"  cryo: {seconds:.1f} s, {cpu:.1f} s of CPU time")
    for file in folder.glob("*.parquet"):
        file.unlink()
    return BLOCKS * PER_BLOCK / seconds
