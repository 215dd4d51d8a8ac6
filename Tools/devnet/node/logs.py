"""Selecting logs."""

from collections.abc import Iterable

from .blocks import Block


class Selection:
    """Logs that matched, as JSON. `stopped_at` is the block in which they became too many."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.count = 0
        self.stopped_at: int | None = None

    def json(self) -> bytes:
        return b"[" + b",".join(self.parts) + b"]"


class LogFilter:
    """Addresses and topics by position; `None` matches anything.

    As in geth, a log must have at least as many topics as the filter has positions.
    """

    def __init__(self, addresses: frozenset[bytes] | None, topics: list[frozenset[bytes] | None]) -> None:
        self.addresses = addresses
        self.topics = topics
        self._wanted: dict[tuple, bool] = {}

    def select(self, blocks: Iterable[Block], maximum: int | None = None) -> Selection:
        selection = Selection()
        only_kind_matters = len(self.topics) < 2
        for block in blocks:
            wanted = sum(map(self._wants, block.distinct_kinds))
            if not wanted:
                continue
            if only_kind_matters and wanted == len(block.distinct_kinds):
                selection.parts.append(block.log_json)
                selection.count += len(block.kinds)
            else:
                matches = [
                    index
                    for index, kind in enumerate(block.kinds)
                    if self._wanted[kind] and (only_kind_matters or self._matches(block.logs[index].topics))
                ]
                selection.parts += map(block.log_text, matches)
                selection.count += len(matches)
            if maximum is not None and selection.count > maximum:
                selection.stopped_at = block.number
                return selection
        return selection

    def _wants(self, kind: tuple[bytes, bytes | None]) -> bool:
        wanted = self._wanted.get(kind)
        if wanted is None:
            address, first = kind
            wanted = self.addresses is None or address in self.addresses
            if wanted and self.topics:
                wanted = first is not None and (self.topics[0] is None or first in self.topics[0])
            self._wanted[kind] = wanted
        return wanted

    def _matches(self, topics: tuple[bytes, ...]) -> bool:
        return len(topics) >= len(self.topics) and all(
            options is None or topic in options for options, topic in zip(self.topics, topics)
        )
