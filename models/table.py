"""Tables come from Parquet or CSV files; which it is, the first bytes tell. In CSV an empty field is a missing value, also of text."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

PARQUET_MAGIC: Final = b"PAR1"
NULLS: Final = ("", "NA", "NaN", "nan", "null", "NULL")
"""What stands for a missing value in CSV."""


def read_table(path: Path) -> pa.Table:
    """All columns of a file. Raises ValueError, naming the file, for what is neither."""
    with open(path, "rb") as file:
        is_parquet = file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    try:
        if is_parquet:
            return pq.read_table(path)
        options = pv.ConvertOptions(null_values=list(NULLS), strings_can_be_null=True)
        return pv.read_csv(path, convert_options=options)
    except (pa.ArrowException, ValueError) as error:
        raise ValueError(f"{path}: neither Parquet nor CSV with a line of names: {error}") from None
