"""A scorer's actor decides as its pack does, over bytes; before it has packs it refuses, and its process ends with its life."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from actors.rpc.interface import NotReady
from actors.scoring import actor
from actors.scoring.actor import ScorerSpec, ScoringActor
from actors.scoring.pool import STAND_IN
from actors.scoring.scorer import Activated, Scorer
from actors.stores.deployment import Deployment
from rules.decisions.decision import DECISION
from tests.unit.actors.scoring.deciders import packs, payments
from tests.unit.actors.scoring.test_scorer import Loads, Store


@pytest.fixture
async def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScoringActor]:
    monkeypatch.setattr(actor, "log_to_file", lambda path: None)
    yield ScoringActor(ScorerSpec(number=3, url="postgresql://nobody@127.0.0.1:9/none", log_dir=str(tmp_path)))


def with_scorer(scoring: ScoringActor, store: Store) -> Scorer:
    scoring._scorer = Scorer(store, Loads(), store)  # type: ignore[arg-type]
    scoring._life = asyncio.get_running_loop().create_future()  # type: ignore[assignment]
    return scoring._scorer


async def test_before_it_has_begun_every_call_is_refused(scoring: ScoringActor) -> None:
    for method in ("decide", "preview", "activate", "probe"):
        with pytest.raises(NotReady, match="this scorer is starting"):
            await scoring.call(method, b"")
    assert await scoring.socket_path() is None


async def test_without_packs_it_is_there_and_not_ready(scoring: ScoringActor) -> None:
    with_scorer(scoring, Store())
    assert not await scoring.status()
    with pytest.raises(NotReady, match="no packs yet"):
        await scoring.call("probe", b"")
    assert msgspec.msgpack.decode(await scoring.call("activate", b""), type=Activated) == Activated(revision=1)
    assert await scoring.status() and await scoring.call("probe", b"") == b""


@pytest.mark.parametrize("count", [0, 1, 7])
async def test_decisions_are_the_packs_and_come_with_what_stands_in(scoring: ScoringActor, count: int) -> None:
    scorer = with_scorer(scoring, Store())
    await scorer.activate()
    payers, columns = payments(*range(90, 90 + 3 * count, 3))
    data = payers.tobytes() + columns.tobytes()
    for method in ("decide", "preview"):
        answer = await scoring.call(method, data)
        decisions = np.frombuffer(answer, DECISION, offset=STAND_IN.size)
        np.testing.assert_array_equal(decisions, packs()[1].decide(columns))
        assert STAND_IN.unpack_from(answer) == (int(packs()[1].pack.fallback), 1, 1)


async def test_what_is_decided_is_counted_and_what_is_previewed_is_not(scoring: ScoringActor) -> None:
    store = Store()
    scorer = with_scorer(scoring, store)
    await scorer.activate()
    payers, columns = payments(5, 500)
    for method in ("preview", "decide"):
        await scoring.call(method, payers.tobytes() + columns.tobytes())
    await asyncio.sleep(0)
    await scorer.write_counts()
    assert sum(count for (_, what, _), count in store.counted.items() if what == "decided") == 2


async def test_a_deployment_that_cannot_be_loaded_is_told_over_the_wire(scoring: ScoringActor) -> None:
    store = Store()
    store.holds = Deployment(revision=4, live=99)
    with_scorer(scoring, store)
    stated = msgspec.msgpack.decode(await scoring.call("activate", b""), type=Activated)
    assert stated.revision == 0 and "cannot be compiled" in (stated.error or "")


async def test_the_process_ends_with_its_life_but_not_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    loop = asyncio.get_running_loop()

    async def fails() -> None:
        raise ZeroDivisionError

    for life in (loop.create_task(fails()), loop.create_task(asyncio.sleep(9))):
        life.add_done_callback(actor._ended)
        await asyncio.sleep(0)
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await asyncio.sleep(0)
    assert ended == [73]
