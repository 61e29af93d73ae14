"""What the front door's one statement finds in the journal, given where chains may begin."""

from typing import TYPE_CHECKING

from actors.records.addresses import block_of
from actors.records.blocks import header_of
from actors.rpc.interface import ChainHead

if TYPE_CHECKING:
    from tests.sim.switch import Switch


def look_into_journal(
    switch: "Switch", shard: int, addresses: list[int], asked_at: int, heads: list[ChainHead]
) -> None:
    """Look now; it was asked when the journal had `asked_at` blocks."""
    journal = switch.database.journals[shard]
    for address, shown in zip(addresses, heads, strict=True):
        found = [journal[number - 1] for number in shown.successors if number <= len(journal)]
        known = shown.successors[0] - 1
        if known > len(journal) or header_of(journal[known - 1].data).writer != shown.writer:
            switch.scheduler.count("heads told by who has lost blocks, or the journal")
            continue
        if any(header_of(block.data).writer != shown.writer for block in found):
            switch.scheduler.count("heads told by who owns the journal no longer")
            continue
        durable = [place for place in shown.places if block_of(place) <= len(journal)]
        if len(shown.places) > 1:
            switch.scheduler.count("heads with several places")
        switch.auditor.judge_head(shard, address, asked_at, max(durable, default=0))
