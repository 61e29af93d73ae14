"""Labels come as arrays, ascending, also when there are none."""

import numpy as np

from actors.database.connection import connect
from actors.database.label_rows import all_labels


async def test_without_labels_there_are_empty_arrays_of_the_right_kinds(database_url: str) -> None:
    connection = await connect(database_url, name="test")
    try:
        addresses, frauds = await all_labels(connection)
    finally:
        await connection.close()
    assert (addresses.tolist(), frauds.tolist()) == ([], [])
    assert addresses.dtype == np.dtype(np.int64) and frauds.dtype == np.dtype(np.int8)
