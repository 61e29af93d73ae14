"""What scorers saw in a seed, bit for bit, made again from nothing but the journals: through every crash, takeover and restored
checkpoint, and with so little memory for attempts that windows forget."""

from collections import Counter
from typing import Any

from actors.ledger.rebuilding import Rebuilder, Rebuilt
from actors.records.blocks import GENESIS, Chain, header_of
from rules.vocabulary.columns import COLUMNS, INDEX
from tests.sim.credit_model import COLLECTION
from tests.sim.switch import Switch
from tests.sim.truth import must


def compare(switch: Switch, pages: int) -> None:
    """Rebuild every shard's journal, so many blocks at a time."""
    for shard, journal in enumerate(switch.database.journals):
        rebuilder = Rebuilder(shard, switch.capacity)
        chain = Chain(shard, 0, GENESIS)
        batches = _Batches(switch, [header_of(block.data) for block in journal])
        for start in range(0, len(journal), pages):
            run = chain.extend([(block.number, block.data) for block in journal[start : start + pages]])
            batches.compare(rebuilder.feed(run.records, run.addresses, run.seen))
        batches.compare(rebuilder.end())
        must(not batches.unseen, "shard {}: columns of {} batches were not rebuilt", shard, len(batches.unseen))


class _Batches:
    """The batches of one journal, by block; `unseen`: those with attempts that were not rebuilt yet."""

    def __init__(self, switch: Switch, headers: list[Any]) -> None:
        self._features = switch.features
        self._counts: Counter[str] = switch.scheduler.counts
        self._batch = {header.number: (header.writer, header.seen) for header in headers}
        self._done: Counter[tuple[int, int]] = Counter()
        self.unseen = {batch for batch in self._batch.values() if len(self._features.get(batch, ()))}

    def compare(self, rebuilt: Rebuilt) -> None:
        """Attempts come batch by batch, in the order of the batch's rows."""
        for record, address, columns in zip(rebuilt.records, rebuilt.addresses.tolist(), rebuilt.columns, strict=True):
            if record["digest"] == COLLECTION:
                self._counts["collections rebuilt"] += 1  # nobody scores one, but all later columns see it
                continue
            batch = self._batch[address >> 8 & (1 << 44) - 1]
            place = self._done[batch]
            self._done[batch] += 1
            seen = self._features[batch][place]
            if seen.tobytes() != columns.tobytes():
                shown = {
                    name: (int(seen[i]), int(columns[i])) for i, name in enumerate(COLUMNS) if seen[i] != columns[i]
                }
                must(False, "record {}: seen and rebuilt differ: {}", address, shown)
            if self._done[batch] == len(self._features[batch]):
                self.unseen.discard(batch)
            self._counts["columns rebuilt"] += 1
            self._counts["columns rebuilt, saturated"] += int(columns[INDEX["saturated"]]) > 0
            self._counts["columns rebuilt, with a credit"] += int(columns[INDEX["payer_credited"]]) > 0
