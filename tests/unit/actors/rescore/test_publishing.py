"""What a switch is sent: each row once, with the figures of the output; what cannot be published is refused with its reason."""

import itertools
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.rescore import publishing
from actors.rescore.inputs import prepare
from actors.rescore.job import RescoreRefused, Settings
from actors.rescore.output import Output
from actors.rescore.publishing import Batch, Numbers, Place, answered, batches
from actors.rescore.run import Manifest, Options, run
from actors.storage.place import folder_at
from models.scorecard import Characteristic, Scorecard
from tests.rescore_files import wallets_table
from tests.unit.actors.rescore.inline_pool import InlinePool
from tests.unit.models.credit.wallets import small_card

AS_OF = 1_767_225_600_000
ROWS = 2_500


def finished(
    folder: Path, wallets: pa.Array, card: Scorecard | None = None, **settings: Any
) -> tuple[Output, Manifest]:
    pq.write_table(wallets_table(ROWS, 1).set_column(0, "wallet", wallets), folder / "in.parquet", row_group_size=1_000)
    how = Settings(part_rows=1_024, **{"as_of": AS_OF, **settings})
    prepared = prepare(folder / "in.parquet", folder / "out", card or small_card(), how)
    options = Options(workers=1, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
    return Output(folder_at(folder / "out")), run(prepared, partial(InlinePool), options)


def ids(rows: int = ROWS) -> list[bytes]:
    return [at.to_bytes(16) for at in range(rows)]


@pytest.mark.parametrize("kind", ["bytes", "text"])
def test_each_row_is_sent_once_from_any_place_on_with_the_figures_of_the_output(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "BATCH_ROWS", 300)
    wallets = pa.array(ids(), pa.binary(16)) if kind == "bytes" else pa.array([str(UUID(bytes=each)) for each in ids()])
    output, manifest = finished(tmp_path, wallets)
    sent: list[dict[str, Any]] = []
    ends = [Place()]
    while len(sent) < ROWS:
        for batch in itertools.islice(batches(output, manifest, Numbers(7), ends[-1]), 4):
            sent += batch.table.to_pylist()
            ends.append(batch.end)
    assert [row["wallet"] for row in sent] == ids() and len(ends) == len(set(ends)) > 8
    assert ends[-1] == Place(len(manifest.parts)) and not list(batches(output, manifest, Numbers(7), ends[-1]))
    shown = [row for part in manifest.parts for row in pq.read_table(output.part(part)).to_pylist()]
    for row, given in zip(sent, shown, strict=True):
        assert (row["score"], row["na_cause"], row["run"]) == (given["score"], given["not_available"], 7)
        assert row["card"] == "small@1" and int(row["as_of"].timestamp() * 1000) == AS_OF
        reasons = [(given[f"reason_{at}"], given[f"gap_{at}"]) for at in range(1, 5) if given[f"reason_{at}"]]
        assert [(each["code"], each["gap"]) for each in row["reasons"]] == reasons
        if row["score"] is None:
            assert row["subtotals"] is None
        else:
            assert sum(row["subtotals"].values()) == row["score"]


def test_batches_are_answered_in_order_while_the_next_are_under_way() -> None:
    numbers, at_once, most = (
        iter(range(9)),
        threading.Semaphore(publishing.UNDER_WAY),
        threading.Barrier(publishing.UNDER_WAY),
    )
    given = (Batch(pa.table({"number": [number]}), Place(number)) for number in numbers)

    def call(table: pa.Table) -> pa.Table:
        assert at_once.acquire(blocking=False), "no more than so many at once"
        if table.column("number")[0].as_py() < publishing.UNDER_WAY:
            most.wait(timeout=10)  # so many are under way together
        at_once.release()
        return pa.table({"code": table.column("number")})

    got = [(batch.end.parts, answer.column("code").to_pylist()) for batch, answer in answered(given, call)]
    assert got == [(number, [number]) for number in range(9)]


def test_a_lease_is_kept_while_an_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "WAIT_S", 0.01)
    kept, enough = [], threading.Event()

    def on_wait() -> None:
        kept.append(1)
        if len(kept) > 20:
            enough.set()

    def call(table: pa.Table) -> pa.Table:
        assert enough.wait(timeout=10)
        return table

    assert len(list(answered([Batch(pa.table({"number": [0]}), Place())], call, on_wait))) == 1
    kept.clear()
    enough.clear()

    def taken_over() -> None:
        on_wait()
        if enough.is_set():
            raise RescoreRefused("taken over")

    with pytest.raises(RescoreRefused, match="taken over"):
        list(answered([Batch(pa.table({"number": [0]}), Place())], call, taken_over))


def test_what_fails_ends_the_publication_behind_what_was_answered() -> None:
    given = (Batch(pa.table({"number": [number]}), Place(number)) for number in range(9))

    def call(table: pa.Table) -> pa.Table:
        if table.column("number")[0].as_py() == 3:
            raise ConnectionError("away")
        return table

    got = []
    with pytest.raises(ConnectionError):
        for batch, _ in answered(given, call):
            got.append(batch.end.parts)
    assert got == [0, 1, 2] and next(given).end.parts <= 3 + publishing.UNDER_WAY + 1, "no more is read than is sent"

    def reading() -> Iterator[Batch]:
        yield Batch(pa.table({"number": [0]}), Place())
        raise RescoreRefused("no ids")

    with pytest.raises(RescoreRefused):
        list(answered(reading(), lambda table: table))


def test_a_run_is_undone_for_each_of_its_wallets(tmp_path: Path) -> None:
    output, manifest = finished(tmp_path, pa.array(ids(), pa.binary(16)), scores_only=True)
    sent = pa.concat_tables([batch.table for batch in batches(output, manifest, Numbers(8, undone=7))])
    assert sent.schema.names == ["wallet", "undone", "run"]
    assert sent.column("wallet").to_pylist() == ids()
    assert set(sent.column("undone").to_pylist()) == {7} and set(sent.column("run").to_pylist()) == {8}


def test_what_cannot_be_published_is_refused_with_its_reason(tmp_path: Path) -> None:
    item = Characteristic(feature="late", reason="L", edges=(1,), points=(1, 2), missing=0)
    plain = Scorecard(name="plain", version=1, characteristics=(item,))
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"scores_only": True}, "without subtotals"),
        ({"as_of": None}, "score with --as-of"),
        ({"as_of": 4_102_444_800_000}, "as of 2100-01-01T00:00:00"),
        ({"card": plain}, "only scores of a wallet card"),
        ({"wallets": pa.array(range(ROWS))}, "no ids of a switch: they are int64"),
        ({"wallets": pa.array([f"w{at}" for at in range(ROWS)])}, "no ids of a switch: badly formed"),
    )
    for at, (case, stated) in enumerate(cases):
        folder = tmp_path / str(at)
        folder.mkdir()
        output, manifest = finished(folder, case.pop("wallets", pa.array(ids(), pa.binary(16))), **case)
        with pytest.raises(RescoreRefused, match=stated):
            list(batches(output, manifest, Numbers(1)))
