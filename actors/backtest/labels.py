"""Labels of attempts: a file with transfer ids and whether each was what rules should find."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.backtest.run import Labels
from actors.records.ids import addresses_in

COLUMNS: Final = ("id", "label")
KEY_COLUMNS: Final = ("wallet", "idempotency_key", "label")
"""Only a switch can tell which payment a key made; exports hold no keys."""
_TRUE: Final = pa.array(["true", "1"])
_FALSE: Final = pa.array(["false", "0"])
_UUID_TEXT: Final = 36


class BadLabels(Exception):
    """The file holds no labels. One line for the operator."""


def read_labels(path: Path) -> Labels:
    """Labels of a Parquet or CSV file with the columns `id` and `label` (true/false, 1/0). Raises BadLabels."""
    table = _table(path)
    _check_columns(path, table, COLUMNS)
    addresses = _addresses(path, table["id"])
    truths = _truths(path, table["label"])
    order = np.argsort(addresses, kind="stable")
    addresses, truths = addresses[order], truths[order]
    doubled = np.flatnonzero(np.diff(addresses) == 0)
    if len(doubled):
        raise BadLabels(f"{path}: row {int(order[doubled[0] + 1]) + 1} labels a transfer once more")
    return Labels(addresses, truths)


def read_label_fields(path: Path) -> list[dict[str, Any]]:
    """Labels of such a file, or of one with the columns `wallet`, `idempotency_key` and `label`, as a switch takes them. Raises
    BadLabels."""
    table = _table(path)
    columns = KEY_COLUMNS if "idempotency_key" in table.column_names else COLUMNS
    _check_columns(path, table, columns)
    truths = _truths(path, table["label"]).astype(np.bool_).tolist()
    names = columns[:-1]
    texts = [table[name].cast(pa.string()).to_pylist() for name in names]
    return [
        {**dict(zip(names, row, strict=True)), "label": truth}
        for row, truth in zip(zip(*texts, strict=True), truths, strict=True)
    ]


def read_labels_by_id(path: Path) -> list[dict[str, Any]]:
    """Labels of transfers as a switch takes them. Raises BadLabels."""
    table = _table(path)
    _check_columns(path, table, COLUMNS)
    _addresses(path, table["id"])
    truths = _truths(path, table["label"]).astype(np.bool_).tolist()
    return [{"id": id_, "label": truth} for id_, truth in zip(table["id"].to_pylist(), truths, strict=True)]


def _check_columns(path: Path, table: pa.Table, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise BadLabels(
            f"{path}: no column {missing[0]!r}; the columns are id (a transfer's) and label (true or false); with --url also "
            "wallet, idempotency_key and label"
        )


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        as_text = pc_csv.ConvertOptions(column_types=dict.fromkeys((*COLUMNS, *KEY_COLUMNS), pa.string()))
        return pc_csv.read_csv(path, convert_options=as_text)
    except (pa.ArrowException, OSError) as error:
        raise BadLabels(f"{path}: {str(error).splitlines()[0]}") from None


def _addresses(path: Path, ids: pa.ChunkedArray) -> NDArray[np.int64]:
    texts = [str(value) for value in ids.to_pylist()]
    joined = "".join(text for text in texts if len(text) == _UUID_TEXT).replace("-", "")
    try:
        raw = np.frombuffer(bytes.fromhex(joined), np.uint8)
    except ValueError:
        raw = np.empty(0, np.uint8)
    if len(raw) != 16 * len(texts):
        raise BadLabels(f"{path}: the ids of column id are not all ids of transfers")
    addresses = addresses_in(raw.reshape(-1, 16))
    wrong = np.flatnonzero(addresses <= 0)
    if len(wrong):
        raise BadLabels(f"{path}: row {int(wrong[0]) + 1}: {texts[wrong[0]]} is no id of a transfer")
    return addresses


def _truths(path: Path, labels: pa.ChunkedArray) -> NDArray[np.int8]:
    words = pc.utf8_lower(labels.cast(pa.string()))
    true, false = (pc.is_in(words, value_set=known).to_numpy() for known in (_TRUE, _FALSE))
    wrong = np.flatnonzero(~(true | false))
    if len(wrong):
        labelled: Any = labels[int(wrong[0])].as_py()
        raise BadLabels(f"{path}: row {int(wrong[0]) + 1}: the label {labelled!r} is neither true nor false")
    truths: NDArray[np.int8] = true.astype(np.int8)
    return truths
