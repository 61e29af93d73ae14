"""Labels of payments: from CSV or Parquet, by transfer id; whatever is wrong with a file is one clear line."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.backtest.labels import BadLabels, read_label_fields, read_labels
from actors.records.addresses import record_address
from actors.records.ids import transfer_id
from actors.records.secret import Secret

FIRST, SECOND, THIRD = (record_address(1, 7, slot) for slot in (0, 1, 2))
IDS = {address: transfer_id(Secret.of(bytes(16)), 1_700_000_000_000, address) for address in (FIRST, SECOND, THIRD)}


def csv(folder: Path, *lines: str, header: str = "id,label") -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize("words", [("true", "false"), ("1", "0"), ("True", "FALSE")])
def test_labels_are_found_by_the_address_in_the_id(tmp_path: Path, words: tuple[str, str]) -> None:
    labels = read_labels(csv(tmp_path, f"{IDS[THIRD]},{words[0]}", f"{IDS[FIRST]},{words[1]}"))
    assert labels.of(np.array([FIRST, SECOND, THIRD, THIRD + 5])).tolist() == [0, -1, 1, -1]


def test_parquet_with_real_truth_values(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [IDS[SECOND]], "label": [True], "note": ["x"]}), tmp_path / "labels.parquet")
    assert read_labels(tmp_path / "labels.parquet").of(np.array([SECOND])).tolist() == [1]


def test_a_file_without_rows_labels_nothing(tmp_path: Path) -> None:
    assert read_labels(csv(tmp_path)).of(np.array([FIRST])).tolist() == [-1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((f"{IDS[FIRST]},maybe",), "row 1: the label 'maybe' is neither true nor false"),
        (("nonsense,true",), "not all ids of transfers"),
        (("00000001-0000-4abc-8123-456789abcdef,true",), "row 1: 00000001-0000-4abc-8123-456789abcdef is no id"),
        ((f"{IDS[FIRST]},true", f"{IDS[FIRST]},false"), "row 2 labels a transfer once more"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadLabels, match=message):
        read_labels(csv(tmp_path, *lines))


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLabels, match="no column 'label'"):
        read_labels(csv(tmp_path, f"{IDS[FIRST]},1", header="id,fraud"))
    (tmp_path / "labels.parquet").write_bytes(b"no parquet")
    with pytest.raises(BadLabels, match=r"labels\.parquet: "):
        read_labels(tmp_path / "labels.parquet")


def test_labels_by_key_are_fields_for_a_switch_and_refused_for_an_export(tmp_path: Path) -> None:
    path = csv(tmp_path, "w1,0017,true", "w2,a b,0", header="wallet,idempotency_key,label")
    assert read_label_fields(path) == [
        {"wallet": "w1", "idempotency_key": "0017", "label": True},
        {"wallet": "w2", "idempotency_key": "a b", "label": False},
    ]
    with pytest.raises(BadLabels, match=r"no column 'id'.*with --url"):
        read_labels(path)
    assert read_label_fields(csv(tmp_path, f"{IDS[FIRST]},1")) == [{"id": IDS[FIRST], "label": True}]
    with pytest.raises(BadLabels, match="no column 'wallet'"):
        read_label_fields(csv(tmp_path, "k,1", header="idempotency_key,label"))
