"""A batch of published scores: what its rows become, and each way in which it may not add up."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors.records.credit_layout import SCORE_RANGE, ScoreRows
from actors.records.ids import encode_wallet
from actors.records.score_columns import GAP_MAX
from actors.records.secret import Secret
from models.credit.score import Cause
from switch.gateway import score_columns
from switch.gateway.score_columns import RUN_MAX, read_scores, score_rows
from switch.problems.table import ProblemError
from tests.compiled import COMPILED
from tests.hostile_arrow import changed
from tests.score_batches import DIMENSIONS, SCHEMA, as_stream, score_row, stream
from tests.steps import to_end

SECRET = Secret.of(bytes(range(16)))
WALLET = 70_001
CODES = ("few_days", "declines", "nights", "late", "alone")


def read(rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> ScoreRows:
    given = to_end(read_scores(stream(rows, schema)))
    assert (given.card, given.run) == (rows[0]["card"], rows[0]["run"])
    return to_end(score_rows(given, SECRET, 4, CODES))


def row(score: int | None = 700, **more: Any) -> dict[str, Any]:
    return {**score_row(encode_wallet(SECRET, WALLET), score), "as_of": 1_795_521_600_000, **more}


def test_a_row_becomes_what_the_record_keeps() -> None:
    reasons = [{"code": "late", "gap": 30}, {"code": "declines", "gap": 20}]
    (found,) = read([row(703, reasons=reasons, run=9)])
    assert (found["holder"], found["score"], found["cause"], found["card"], found["run"]) == (WALLET, 703, 0, 4, 9)
    assert found["subtotals"].tolist() == [143, 140, 140, 140, 140] and found["as_of"] == 1_795_521_600_000
    assert found["reasons"].tolist() == [4, 2, 0, 0] and found["gaps"].tolist() == [30, 20, 0, 0]


def test_texts_may_be_dictionaries_and_their_values_are_looked_up_once_each() -> None:
    reasons = [{"code": "late", "gap": 30}, {"code": "declines", "gap": 20}]
    coded = pa.dictionary(pa.int8(), pa.string())
    kinds = {"card": coded, "na_cause": coded, "reasons": pa.list_(pa.struct([("code", coded), ("gap", pa.int32())]))}
    schema = pa.schema([(field.name, kinds.get(field.name, field.type)) for field in SCHEMA])
    rows = [row(703, reasons=reasons), row(None)]
    assert read(rows, schema).tobytes() == read(rows).tobytes()
    for wrong, field in (
        (row(reasons=_reasons(("luck", 1))), "reasons"),
        (row(None, na_cause="bad_luck"), "na_cause[0]"),
    ):
        with pytest.raises(ProblemError) as raised:
            read([wrong], schema)
        assert [error.field for error in raised.value.errors] == [field]


def coded(rows: list[dict[str, Any]], names: tuple[str, ...], index: pa.DataType) -> bytes:
    """The stream of rows, some columns as dictionaries."""
    table = pa.Table.from_pylist(rows, SCHEMA)
    for place, name in enumerate(table.column_names):
        if name in names:
            array = table.column(name).combine_chunks().dictionary_encode()
            array = pa.DictionaryArray.from_arrays(array.indices.cast(index), array.dictionary)
            table = table.set_column(place, name, array)
    return as_stream(table)


@pytest.mark.parametrize("index", [pa.int8(), pa.uint16(), pa.int64()], ids=str)
def test_numbers_of_a_run_may_be_dictionaries_too(index: pa.DataType) -> None:
    rows = several(23)
    given = to_end(read_scores(coded(rows, ("run", "as_of", "na_cause", "card"), index)))
    assert to_end(score_rows(given, SECRET, 4, CODES)).tobytes() == read(rows).tobytes()


@pytest.mark.parametrize("name", ["run", "as_of"])
def test_a_null_in_a_dictionary_of_numbers_is_no_value(name: str) -> None:
    table = pa.Table.from_pylist(several(2), SCHEMA)
    place, kind = table.schema.get_field_index(name), table.schema.field(name).type
    numbers = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int8()), pa.array([None], kind))
    with pytest.raises(ProblemError) as raised:
        given = to_end(read_scores(as_stream(table.set_column(place, name, numbers))))
        to_end(score_rows(given, SECRET, 4, CODES))
    assert [(error.field, error.message) for error in raised.value.errors] == [(name, "null is not a value")]


def test_the_runs_of_a_dictionary_that_differ_are_refused() -> None:
    with pytest.raises(ProblemError) as raised:
        to_end(read_scores(coded([row(run=1), row(run=2)], ("run",), pa.int8())))
    assert [error.field for error in raised.value.errors] == ["run"]


def test_a_subtotal_that_is_there_twice_is_refused() -> None:
    table = pa.Table.from_pylist([row()], SCHEMA)
    one = pa.array([140], pa.int32())
    twice = pa.StructArray.from_arrays([one] * 6, [*DIMENSIONS, DIMENSIONS[0]])
    with pytest.raises(ProblemError) as raised:
        to_end(read_scores(as_stream(table.set_column(table.schema.get_field_index("subtotals"), "subtotals", twice))))
    assert [error.field for error in raised.value.errors] == ["subtotals"]


def test_what_a_row_without_a_list_hides_does_not_count() -> None:
    table = pa.Table.from_pylist([row(), row(703), row(704)], SCHEMA)
    code = pa.array(["late", None, "luck", "late", "alone"])
    gap = pa.array([5, None, 0, 7, 8], pa.int32())
    pairs = pa.StructArray.from_arrays([code, gap], ["code", "gap"], mask=pa.array([False, False, True, False, False]))
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 3, 5]), pairs, mask=pa.array([False, True, False]))
    given = table.set_column(table.schema.get_field_index("reasons"), "reasons", lists)
    found = to_end(score_rows(to_end(read_scores(as_stream(given))), SECRET, 4, CODES))
    assert found["reasons"].tolist() == [[4, 0, 0, 0], [0] * 4, [4, 5, 0, 0]]
    assert found["gaps"].tolist() == [[5, 0, 0, 0], [0] * 4, [7, 8, 0, 0]]


@pytest.mark.parametrize(("code", "gap", "hidden"), [(None, 5, False), ("late", None, False), ("late", 5, True)])
def test_null_is_no_reason_wherever_it_stands(code: str | None, gap: int | None, hidden: bool) -> None:
    table = pa.Table.from_pylist([row(), row(703)], SCHEMA)
    pairs = pa.StructArray.from_arrays(
        [pa.array(["alone", code]), pa.array([1, gap], pa.int32())], ["code", "gap"], mask=pa.array([False, hidden])
    )
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2]), pairs)
    given = table.set_column(table.schema.get_field_index("reasons"), "reasons", lists)
    with pytest.raises(ProblemError) as raised:
        to_end(score_rows(to_end(read_scores(as_stream(given))), SECRET, 4, CODES))
    assert [(error.field, error.message) for error in raised.value.errors] == [("reasons", "null is no reason")]


def test_a_stream_of_several_batches_becomes_what_one_becomes() -> None:
    rows = several(23)
    table = pa.Table.from_pylist(rows, SCHEMA)
    cut = pa.concat_tables([table.slice(0, 5), table.slice(5, 11), table.slice(16)])
    found = to_end(score_rows(to_end(read_scores(as_stream(cut))), SECRET, 4, CODES))
    assert found.tobytes() == read(rows).tobytes()


FIRST_BATCH = """
import sys
from tests.unit.switch.gateway import test_score_columns as of_here
from actors.records.score_columns import fill_plain, fill_reasons, fill_subtotals

kernels = fill_plain, fill_subtotals, fill_reasons
of_here.score_columns.load_kernels(of_here.SECRET)
before = [set(kernel.signatures) for kernel in kernels]
of_here.read(of_here.several(int(sys.argv[1])), of_here.SCHEMA)
print(sum(map(bool, before)), [set(kernel.signatures) for kernel in kernels] == before)
"""


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
@pytest.mark.parametrize("count", [1, 2, 23])
def test_a_batch_of_any_length_finds_its_kernels_loaded(count: int) -> None:
    """A kernel that is compiled by the first batch holds all who wait for the front door up for half a second. In a process of its own:
    in this one batches of other tests have loaded kernels."""
    command = [sys.executable, "-c", FIRST_BATCH, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[4])
    assert done.stdout.split() == ["3", "True"]


def test_batches_with_dictionaries_of_their_own_become_what_one_becomes() -> None:
    rows = several(23)
    parts = [_all_coded(rows[first : first + 6]) for first in range(0, 23, 6)]
    given = to_end(read_scores(as_stream(pa.concat_tables(parts))))
    assert given.columns.column("reasons").num_chunks == 4
    assert to_end(score_rows(given, SECRET, 4, CODES)).tobytes() == read(rows).tobytes()


def _all_coded(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows whose dictionaries have the values in the order of these rows, and a null that no row has."""

    def as_coded(array: pa.Array) -> pa.Array:
        array = array.dictionary_encode()
        return pa.DictionaryArray.from_arrays(
            array.indices, pa.concat_arrays([array.dictionary, pa.nulls(1, pa.string())])
        )

    table = pa.Table.from_pylist(rows, SCHEMA).combine_chunks()
    lists = table.column("reasons").chunk(0)
    pairs = pa.StructArray.from_arrays(
        [as_coded(lists.values.field("code")), lists.values.field("gap")], ["code", "gap"]
    )
    columns = {name: table.column(name) for name in table.column_names}
    columns["reasons"] = pa.ListArray.from_arrays(lists.offsets, pairs, mask=lists.is_null())
    for name in ("card", "na_cause"):
        columns[name] = as_coded(table.column(name).chunk(0))
    return pa.table(columns)


def test_a_null_in_a_dictionary_of_causes_is_one_of_the_row() -> None:
    rows = [row(None), row(700), row(701)]
    table = pa.Table.from_pylist(rows, SCHEMA)
    causes = pa.DictionaryArray.from_arrays(pa.array([1, 0, None], pa.int8()), pa.array([None, "few_days"]))
    given = to_end(
        read_scores(as_stream(table.set_column(table.schema.get_field_index("na_cause"), "na_cause", causes)))
    )
    assert to_end(score_rows(given, SECRET, 4, CODES)).tobytes() == read(rows).tobytes()


def test_a_dictionary_may_have_the_card_twice() -> None:
    table = pa.Table.from_pylist([row(), row(701)], SCHEMA)
    cards = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["wallet@1", "wallet@1"]))
    place = table.schema.get_field_index("card")
    assert to_end(read_scores(as_stream(table.set_column(place, "card", cards)))).card == "wallet@1"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"score": 951}, "score[9]"),
        ({"card": "another@1"}, "card"),
        ({"run": 2}, "run"),
        ({"subtotals": dict.fromkeys(DIMENSIONS, 1)}, "subtotals[9]"),
        ({"reasons": [{"code": "late", "gap": 1}] * 2}, "reasons[9]"),
        ({"reasons": [{"code": "luck", "gap": 1}]}, "reasons"),
    ],
)
def test_what_is_wrong_in_a_later_batch_is_named_by_its_row(wrong: dict[str, Any], field: str) -> None:
    rows = several(12)
    rows[9] |= wrong
    table = pa.Table.from_pylist(rows, SCHEMA)
    with pytest.raises(ProblemError) as raised:
        given = to_end(read_scores(as_stream(pa.concat_tables([table.slice(0, 5), table.slice(5)]))))
        to_end(score_rows(given, SECRET, 4, CODES))
    assert [error.field for error in raised.value.errors] == [field]


@pytest.mark.parametrize(
    "body",
    [
        lambda: stream(several(20), SCHEMA),
        lambda: as_stream(pa.concat_tables([_all_coded(several(20)), _all_coded(several(9))])),
        lambda: coded(several(20), ("run", "as_of", "na_cause", "card"), pa.int64()),
    ],
    ids=["plain", "batches", "coded"],
)
def test_whatever_is_changed_in_a_stream_its_rows_are_those_that_arrow_shows_or_it_is_refused(body: Any) -> None:
    whole, by, taken = body(), random.Random(7), 0
    for _ in range(700):
        given = changed(whole, by)
        try:
            found = to_end(score_rows(to_end(read_scores(given)), SECRET, 4, CODES))
        except ProblemError as problem:
            assert problem.code in {"malformed_arrow", "invalid_field", "payload_too_large", "unsupported_media_type"}
            continue
        with pa.ipc.open_stream(given) as reader:
            table = reader.read_all()
        expected = to_end(score_rows(to_end(read_scores(stream(_shown(table), SCHEMA))), SECRET, 4, CODES))
        assert found.tobytes() == expected.tobytes()
        taken += 1
    assert 0 < taken < 700, "some changes are harmless, others are not"


def _shown(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as Arrow gives them; times as numbers, which may be of no date."""
    at = table.schema.get_field_index("as_of")
    times = pa.chunked_array(
        [values.cast(SCHEMA.field("as_of").type).cast(pa.int64()) for values in table.column(at).chunks]
    )
    return table.set_column(at, "as_of", times).to_pylist()


def test_without_causes_each_row_has_a_score() -> None:
    schema = pa.schema([field for field in SCHEMA if field.name != "na_cause"])
    assert read([row(), row(701)], schema)["cause"].tolist() == [0, 0]
    with pytest.raises(ProblemError) as raised:
        read([row(), row(None)], schema)
    assert [error.field for error in raised.value.errors] == ["na_cause[1]"]


def several(count: int) -> list[dict[str, Any]]:
    """Rows that differ in all that they have, some without a score or reasons."""
    reasons = [[{"code": code, "gap": gap + 1} for gap, code in enumerate(CODES[: at % 5])] for at in range(count)]
    return [
        {**row(None if at % 7 == 3 else 701 + at, reasons=None if at % 7 == 3 else reasons[at]), "as_of": 1_000 * at}
        for at in range(count)
    ]


def test_pieces_become_what_the_whole_becomes_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = several(23)
    whole = read(rows)
    monkeypatch.setattr(score_columns, "PIECE_ROWS", 4)
    assert read(rows).tobytes() == whole.tobytes()
    given = to_end(read_scores(stream(rows, SCHEMA)))
    assert len(list(score_rows(given, SECRET, 4, CODES))) >= 4 * 6, "others have their turn within each of six pieces"


@pytest.mark.parametrize("other", [3, 4, 11])
def test_a_card_that_differs_in_any_piece_is_refused(other: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_columns, "PIECE_ROWS", 4)
    rows = several(12)
    rows[other]["card"] = "another@1"
    with pytest.raises(ProblemError) as raised:
        read(rows)
    assert [(error.field, error.message) for error in raised.value.errors] == [("card", "one card in a batch")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"score": 951}, "score[9]"),
        ({"na_cause": "few_days"}, "na_cause[9]"),
        ({"subtotals": dict.fromkeys(DIMENSIONS, 1)}, "subtotals[9]"),
        ({"reasons": [{"code": "late", "gap": 1}] * 2}, "reasons[9]"),
    ],
)
def test_what_is_wrong_in_a_later_piece_is_named_by_its_row(
    wrong: dict[str, Any], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_columns, "PIECE_ROWS", 4)
    rows = several(12)
    rows[9] |= wrong
    with pytest.raises(ProblemError) as raised:
        read(rows)
    assert [error.field for error in raised.value.errors] == [field]


def test_a_row_without_a_score_keeps_its_cause_and_no_band() -> None:
    (found,) = read([row(None)])
    assert (found["score"], found["band"], found["cause"]) == (0, 0, Cause.FEW_DAYS)


@pytest.mark.parametrize(("score", "band"), [(350, 1), (549, 1), (550, 2), (600, 3), (650, 4), (700, 5), (950, 5)])
def test_a_band_begins_at_its_lowest_score(score: int, band: int) -> None:
    assert read([row(score)])["band"].tolist() == [band]


def test_an_id_of_another_cluster_is_nobodys() -> None:
    strange = score_row(encode_wallet(Secret.of(bytes(16)), WALLET), 700)
    assert read([row(), strange | {"as_of": 1}])["holder"].tolist() == [WALLET, 0]


def _but(**changed: int) -> dict[str, Any]:
    return dict(zip(DIMENSIONS, (140,) * 5, strict=True)) | changed


def _reasons(*pairs: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"code": code, "gap": gap} for code, gap in pairs]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([row(SCORE_RANGE.start - 1)], "score[0]"),
        ([row(), row(SCORE_RANGE.stop)], "score[1]"),
        ([row(), row(subtotals=_but(ability=141))], "subtotals[1]"),
        ([row(subtotals=_but(history=GAP_MAX + 1, ability=280 - GAP_MAX - 1))], "subtotals[0]"),
        ([row(None), row(None, na_cause=None)], "na_cause[1]"),
        ([row(na_cause="few_days")], "na_cause[0]"),
        ([row(None, na_cause="bad_luck")], "na_cause[0]"),
        ([row(None, subtotals=_but())], "subtotals[0]"),
        ([row(reasons=_reasons(("late", 0)))], "reasons[0]"),
        ([row(reasons=_reasons(("late", GAP_MAX + 1)))], "reasons[0]"),
        ([row(), row(reasons=_reasons(("late", 2), ("late", 1)))], "reasons[1]"),
        ([row(reasons=_reasons(*((code, 1) for code in CODES)))], "reasons[0]"),
        ([row(None, reasons=_reasons(("late", 1)))], "reasons[0]"),
        ([row(reasons=_reasons(("luck", 1)))], "reasons"),
        ([row(reasons=[None])], "reasons"),
        ([row(card="wallet@1"), row(card="wallet@2")], "card"),
        ([row(run=1), row(run=2)], "run"),
        ([row(run=0)], "run"),
        ([row(run=RUN_MAX + 1)], "run"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_add_up_is_refused_as_a_whole_and_named(wrong: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(ProblemError) as raised:
        read(wrong)
    assert raised.value.code == "invalid_field" and [error.field for error in raised.value.errors] == [field]


@pytest.mark.parametrize("name", ["score", "subtotals", "reasons", "card", "run", "as_of", "wallet"])
def test_a_column_that_is_missing_or_of_another_type_is_refused(name: str) -> None:
    at = SCHEMA.get_field_index(name)
    for schema in (SCHEMA.remove(at), SCHEMA.set(at, pa.field(name, pa.bool_()))):
        with pytest.raises(ProblemError) as raised:
            read([{key: value for key, value in row().items() if key in schema.names and key != name}], schema)
        assert raised.value.code in ("invalid_field", "malformed_arrow")
