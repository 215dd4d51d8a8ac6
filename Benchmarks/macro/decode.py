"""decode: bytes of JSON-RPC to decoded, checked events, on one core."""

from .support import Bench, interleaved, median, row


def run(_):
    values, floors = interleaved(5, lambda: Bench.run("decode"), lambda: Bench.run("parse"))
    value = median(one["logs_per_s"] for one in values)
    yield row("decode.logs_per_s", value, "logs/s", median(one["logs_per_s"] for one in floors))
