"""match: one event against 1,000, 100,000 and 1,000,000 stored triggers."""

from .support import Bench, Failure, interleaved, median, row, say

# Evaluating a million triggers takes long, so fewer events do it.
SIZES = {1_000: (20_000, 2_000, 3), 100_000: (20_000, 200, 3), 1_000_000: (20_000, 40, 2)}


def run(_):
    for triggers, (events, linear_events, repeats) in SIZES.items():
        values, floors = interleaved(
            repeats, lambda: Bench.run("match", "--triggers", triggers, "--events", events, "--checked", linear_events),
            lambda: Bench.run("linear", "--triggers", triggers, "--events", linear_events))
        if values[0]["checksum"] != floors[0]["checksum"]:
            raise Failure(
                f"the index found {values[0]['checksum']} matches where evaluating every trigger found "
                f"{floors[0]['checksum']} (seed {values[0]['seed']})")
        one = values[0]
        say(f"  {triggers} triggers: {one['matches_per_event']:.2f} matches an event in the {one['share_of_events']:.1%} "
            f"of events that have 10 or fewer; built in {one['build_seconds']:.1f} s; seed {one['seed']}")
        for name, unit in (("us_p50", "µs"), ("us_p99", "µs"), ("rss_mib", "MiB")):
            yield row(f"match.{name}.{triggers}", median(one[name] for one in values), unit,
                      median(one[name] for one in floors))
