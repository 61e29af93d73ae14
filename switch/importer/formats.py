"""Which format a file is in, and who reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from rules.vocabulary.currencies import DECIMALS
from switch.importer import berka, paysim, shardpay_format
from switch.importer.history import History, ImportFileError
from switch.importer.text_tables import header_of, is_parquet

READERS: Final[dict[str, Callable[..., History]]] = {
    paysim.NAME: paysim.read,
    berka.NAME: berka.read,
    shardpay_format.NAME: shardpay_format.read,
}
_RECOGNISERS: Final[dict[str, Callable[[set[str]], bool]]] = {
    paysim.NAME: paysim.recognises,
    berka.NAME: berka.recognises,
    shardpay_format.NAME: shardpay_format.recognises,
}


_TEXT_RECOGNISERS: Final[dict[str, Callable[[set[str]], bool]]] = {
    paysim.NAME: paysim.recognises_text,
    berka.NAME: berka.recognises_text,
}


def format_of(path: Path) -> str:
    """The format of a file or folder. Raises ImportFileError when it is none that is known."""
    if path.is_dir():
        return berka.NAME
    if is_parquet(path):
        return _recognised(path, columns_of(path), _RECOGNISERS)
    names = header_of(path).names
    if not names or names[0].lstrip().startswith(("{", "[")):
        return shardpay_format.NAME
    return _recognised(path, names, _TEXT_RECOGNISERS)


def _recognised(path: Path, names: list[str], recognisers: dict[str, Callable[[set[str]], bool]]) -> str:
    for name, recognises in recognisers.items():
        if recognises(set(names)):
            return name
    raise ImportFileError(f"{path}: its columns are those of no format that is known: {', '.join(sorted(names))[:200]}")


def read_history(name: str, path: Path, currency: str | None = None) -> History:
    """The history in a file of format `name`; `currency`: of one that names none. Raises ImportFileError."""
    if currency is not None and name != paysim.NAME:
        raise ImportFileError(f"--currency is for logs of {paysim.NAME}: files of the format {name} tell their own")
    if currency is not None and DECIMALS.get(currency, 2) != 2:
        raise ImportFileError(f"--currency: amounts of {paysim.NAME} have two decimals, those of {currency} have not")
    try:
        history = READERS[name](path) if currency is None else paysim.read(path, currency)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise ImportFileError(f"{path} cannot be read as {name}: {error}") from error
    if not len(history.payments):
        raise ImportFileError(f"{path} holds no payments")
    return history


def columns_of(path: Path) -> list[str]:
    """Names of the columns of a Parquet file. Raises ImportFileError."""
    names: list[str] = _schema(path).names
    return names


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except pa.ArrowException as error:
        raise ImportFileError(f"{path} is not a sound Parquet file: {error}") from error
