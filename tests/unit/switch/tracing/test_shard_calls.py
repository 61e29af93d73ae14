"""Spans of calls to a shard: each traced request of a call has its own, after the answers; a fault of theirs loses no answer."""

import asyncio
from typing import Any

import numpy as np
import pytest

from actors.records.ids import decode_transfer
from actors.records.layout import REQUEST, RESULT, Requests, Results
from actors.records.secret import Secret
from actors.rpc.interface import BatchTimes, ShardUnavailable
from switch.tracing.current import CURRENT, TracedRows
from tests.extra import needs

needs("opentelemetry")

from switch.tracing import shard_calls  # noqa: E402
from switch.tracing.shard_calls import ShardCalls  # noqa: E402
from switch.tracing.spans import TRANSFER_ID  # noqa: E402
from tests.logged import text  # noqa: E402
from tests.unit.switch.tracing.spans import Kept  # noqa: E402

SECRET = Secret.of(bytes(range(16)))
TIMES = BatchTimes(scored_from=10, scored_until=20, stored_from=30, stored_until=40)


class Shard:
    """Answers with addresses from 1 on."""

    def __init__(self, times: BatchTimes = TIMES, fails: bool = False) -> None:
        self._times = times
        self._fails = fails

    async def submit_timed(self, rows: Requests, details: dict[int, bytes]) -> tuple[Results, BatchTimes]:
        if self._fails:
            raise ShardUnavailable(False)
        results = np.zeros(len(rows), RESULT)
        results["address"] = np.arange(1, len(rows) + 1)
        return results, self._times


async def submitted(kept: Kept, shard: Shard, *ends: int) -> list[Any]:
    """Spans of requests with rows up to each of these, all in one call."""
    calls = ShardCalls(kept.tracer, shard, 3, SECRET)
    spans: list[Any] = [kept.tracer.start_span(f"request {end}") for end in ends]
    firsts = [0, *ends[:-1]]
    traced = [TracedRows(*each, 0.5) for each in zip(spans, firsts, ends, strict=True)]
    results = await calls.submit(np.zeros(ends[-1], REQUEST), {}, traced)
    assert results["address"].tolist() == list(range(1, ends[-1] + 1))
    assert not kept.spans, "answers go first"
    await asyncio.sleep(2 * shard_calls.ANSWERS_LEAVE_S + 0.02)
    return spans


async def test_wait_call_scoring_and_commit_are_spans_and_a_single_payment_says_its_id() -> None:
    kept = Kept()
    (span,) = await submitted(kept, Shard(), 1)
    assert decode_transfer(SECRET, span.attributes[TRANSFER_ID]) == 1
    spans = kept.spans
    assert spans["shard"].attributes == {"shardpay.shard": 3, "shardpay.rows": 1}
    assert spans["queue"].parent == spans["shard"].parent == span.get_span_context()
    assert spans["queue"].end_time == spans["shard"].start_time
    assert (spans["queue"].end_time or 0) - (spans["queue"].start_time or 0) == 500_000_000
    assert spans["score"].parent == spans["commit"].parent == spans["shard"].context
    assert [(spans[name].start_time, spans[name].end_time) for name in ("score", "commit")] == [(10, 20), (30, 40)]


async def test_what_did_not_happen_is_no_span_and_a_batch_has_no_id() -> None:
    kept = Kept()
    (span,) = await submitted(kept, Shard(BatchTimes()), 5)
    assert set(kept.spans) == {"queue", "shard"} and TRANSFER_ID not in span.attributes


async def test_two_requests_of_one_call_have_their_own_spans() -> None:
    kept = Kept()
    first, second = await submitted(kept, Shard(), 1, 2)
    assert first.attributes[TRANSFER_ID] != second.attributes[TRANSFER_ID]


async def test_a_call_that_is_lost_is_lost_as_without_spans() -> None:
    kept = Kept()
    with pytest.raises(ShardUnavailable):
        await submitted(kept, Shard(fails=True), 1)


async def test_spans_that_cannot_be_written_lose_no_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(shard_calls, "child", broken)
    monkeypatch.setattr(shard_calls, "transfer_id", broken)
    await submitted(Kept(), Shard(), 1, 2)
    assert text(caplog, "switch.tracing.spans").count("a span was not written") >= 1


async def test_what_waits_to_be_written_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_calls, "WAITING_MAX", 2)
    kept = Kept()
    spans = await submitted(kept, Shard(), *range(1, 6))
    written = {
        span.parent.span_id for span in kept._exporter.get_finished_spans() if span.name == "shard" and span.parent
    }
    assert written == {span.get_span_context().span_id for span in spans[-2:]}


async def test_the_current_request_is_whose_rows_are_queued() -> None:
    kept = Kept()
    calls = ShardCalls(kept.tracer, Shard(), 0, SECRET)
    assert calls.current() is None
    span = kept.tracer.start_span("a")
    token = CURRENT.set(span)
    assert calls.current() is span
    CURRENT.reset(token)
