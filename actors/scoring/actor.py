"""A stateless scoring actor, and one as a front door sees it."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from actors.database.pool import Pool
from actors.process.logs import log_to_file
from actors.process.tuning import freeze_gc
from actors.rpc.interface import NotReady
from actors.rpc.transport import Caller, CallServer, Method
from actors.scoring.pack_compiler import load_pack
from actors.scoring.pool import STAND_IN
from actors.scoring.scorer import Activated, Scorer
from actors.stores.controls import ControlStore
from actors.stores.rule_packs import PackStore
from rules.vocabulary.columns import COLUMN_COUNT

log = logging.getLogger(__name__)

_ACTIVATED: Final = msgspec.msgpack.Decoder(Activated)


class ScorerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scorer's process needs to know. `sockets`: directory for its socket, see `CallServer`."""

    number: int
    url: str
    log_dir: str
    sockets: str | None = None


class ScoringActor:
    """Decides batches with the deployed packs. Runs as a Ray actor; safe to kill at any time."""

    def __init__(self, spec: ScorerSpec) -> None:
        log_to_file(Path(spec.log_dir) / f"scorer-{spec.number}.log")
        self._spec = spec
        self._scorer: Scorer | None = None
        self._life: asyncio.Task[None] | None = None
        self._calls = CallServer(spec.sockets, ScorerCalls(self._begun).methods)

    async def status(self) -> bool:
        """Whether it decides. The first call begins its life: Ray runs the constructor outside the event loop."""
        if self._life is None:
            self._life = asyncio.get_running_loop().create_task(self._run())
            self._life.add_done_callback(_ended)
        return self._scorer is not None and self._scorer.revision > 0

    async def _run(self) -> None:
        pool = await Pool.open(self._spec.url, name="shardpay-scorer")
        scorer = self._scorer = Scorer(PackStore(pool), load_pack, ControlStore(pool))
        await scorer.activate()
        freeze_gc()
        await scorer.run()

    async def socket_path(self) -> str | None:
        """As `CallServer.path`."""
        return await self._calls.path()

    async def call(self, method: str, data: bytes) -> bytes:
        """As `CallServer.call`."""
        return await self._calls.call(method, data)

    def _begun(self) -> Scorer:
        if self._scorer is None:
            raise NotReady("this scorer is starting")
        return self._scorer


class ScorerCalls:
    """A scorer's methods, bytes in and bytes out. Not the actor's own: Ray wraps each method of an actor in a coroutine."""

    def __init__(self, scorer: Callable[[], Scorer]) -> None:
        self._scorer = scorer
        self.methods: dict[str, Method] = {
            "decide": self.decide,
            "preview": self.preview,
            "activate": self.activate,
            "probe": self.probe,
        }

    def decide(self, data: bytes) -> bytes:
        """As `Scorer.decide`: n addresses and n rows of columns in; the fallback and n DECISION rows out."""
        return self._decided(data, counted=True)

    def preview(self, data: bytes) -> bytes:
        """As `decide`, not counted."""
        return self._decided(data, counted=False)

    def _decided(self, data: bytes, *, counted: bool) -> bytes:
        numbers = np.frombuffer(data, np.int64)
        count = len(numbers) // (COLUMN_COUNT + 1)
        columns = numbers[count:].reshape(count, COLUMN_COUNT)
        decisions, fallback = self._scorer().decide(numbers[:count], columns, counted=counted)
        return STAND_IN.pack(*fallback) + decisions.tobytes()

    async def activate(self, data: bytes) -> bytes:
        """As `Scorer.activate`."""
        return msgspec.msgpack.encode(await self._scorer().activate())

    def probe(self, data: bytes) -> bytes:
        """Whether it decides. Raises NotReady."""
        if not self._scorer().revision:
            raise NotReady("this scorer has no packs yet")
        return b""


def _ended(task: "asyncio.Task[None]") -> None:
    """A scorer that looks for deployments no more ends, and is started again."""
    if not task.cancelled():
        log.critical("the scorer's life ended: %r", task.exception())
        logging.shutdown()
        os._exit(73)


class RemoteScorer:
    """A scorer, as a front door sees it."""

    def __init__(self, actor: Any) -> None:
        self._caller = Caller(actor)
        self.replace = self._caller.replace

    async def activate(self) -> Activated:
        """As `Scorer.activate`. Raises NotReady or CallLost."""
        return _ACTIVATED.decode(await self._caller.call("activate", b""))
