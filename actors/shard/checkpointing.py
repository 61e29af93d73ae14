"""Save and load a shard's checkpoints.

The ledger is forked in an instant and written by others; what is loaded must agree with the journal.

Without a store, and where anything goes wrong, there is no checkpoint: that costs time at the next start and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from actors.checkpoint.file import VERSION, About, CheckpointStore, Stored
from actors.checkpoint.fork import ForkSnapshot
from actors.checkpoint.writer import write_apart
from actors.ledger.arrays import Arrays
from actors.shard import messages as m
from actors.shard.channels import Cursor
from actors.shard.core import ShardCore

log = logging.getLogger(__name__)


class Saving:
    """Saves and loads the ledger of one core; gives the core the function that takes a snapshot."""

    def __init__(self, core: ShardCore, store: CheckpointStore | None) -> None:
        self._core, self._store = core, store
        self._shard = core.config.shard
        self._writing: asyncio.Task[None] | None = None
        core.keep = self._keep

    def _keep(self, arrays: Arrays) -> ForkSnapshot | None:
        """Fork a snapshot of the ledger; not while the last checkpoint is still being written."""
        if self._store is None or (self._writing is not None and not self._writing.done()):
            return None
        try:
            return ForkSnapshot(arrays)
        except OSError as error:
            log.error("shard %d: no checkpoint, the ledger cannot be forked: %r", self._shard, error)
            return None

    def save(self, output: m.Save) -> None:
        """Begin to write the snapshot, if there is one."""
        if self._store is None or output.arrays is None:
            return
        config = self._core.ledger.config
        about = About(
            version=VERSION,
            shard=self._shard,
            shards=config.shards,
            windows=config.windows,
            block=output.block,
            hash=output.hash,
            keys_since_ms=output.keys_since_ms,
            cursors=output.cursors,
        )
        self._writing = asyncio.get_running_loop().create_task(self._write(self._store, about, output.arrays))

    async def _write(self, store: CheckpointStore, about: About, kept: ForkSnapshot) -> None:
        try:
            await asyncio.to_thread(write_apart, store, about, kept)
        except Exception as error:
            log.error("shard %d: no checkpoint at block %d: %r", self._shard, about.block, error, exc_info=error)

    async def ended(self) -> None:
        """Wait for the checkpoint that is being written."""
        if self._writing is not None:
            await self._writing

    async def load(self, hash_at: Callable[[int, int], Awaitable[bytes | None]]) -> None:
        """Fill the new ledger from the newest checkpoint that is whole and agrees with the journals, this shard's and those of all that
        it read from. `hash_at`: of a shard's block, None where there is none."""
        if self._store is None:
            return
        for name in await asyncio.to_thread(self._store.names):
            stored = await asyncio.to_thread(self._checked, self._store, name)
            if stored is None:
                continue
            about = stored.about
            if not self._is_ours(about) or not await self._agreed(about, hash_at):
                log.warning("shard %d: a journal disagrees with checkpoint %s", self._shard, name)
            elif await asyncio.to_thread(self._restored, stored, name):
                cursors = {sender: Cursor(*cursor) for sender, cursor in about.cursors.items()}
                self._core.resume_at(about.block, about.hash, cursors)
                log.info("shard %d: restored the checkpoint at block %d", self._shard, about.block)
                return

    async def _agreed(self, about: About, hash_at: Callable[[int, int], Awaitable[bytes | None]]) -> bool:
        if await hash_at(self._shard, about.block) != about.hash:
            return False
        for shard, block, wanted in self._core.claims(about.cursors):
            found = await hash_at(shard, block)
            if found is None or found[: len(wanted)] != wanted:
                return False
        return True

    def _is_ours(self, about: About) -> bool:
        config = self._core.ledger.config
        ours = (VERSION, self._shard, config.shards, config.windows)
        return (about.version, about.shard, about.shards, about.windows) == ours

    def _checked(self, store: CheckpointStore, name: str) -> Stored | None:
        try:
            return store.read(name)
        except Exception as error:
            log.warning("shard %d: checkpoint %s is spoiled: %r", self._shard, name, error)
            return None

    def _restored(self, stored: Stored, name: str) -> bool:
        try:
            self._core.ledger.restore(stored, stored.about.keys_since_ms)
        except Exception as error:
            log.warning("shard %d: checkpoint %s is spoiled or does not fit: %r", self._shard, name, error)
            return False
        return True
