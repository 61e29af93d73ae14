"""The log of administrators as an Arrow file, without what calls sent.

Whoever has the file can compute every hash anew.
"""

from typing import Any, Final

import pyarrow as pa

from actors.database.connection import SQL

ROWS_AT_ONCE: Final = 10_000
"""Of one record batch, some 1 MB before it is compressed."""
SCHEMA: Final = pa.schema(
    {
        "number": pa.int64(),
        "at_ms": pa.int64(),
        "account": pa.int32(),
        "key": pa.string(),
        "origin": pa.string(),
        "request": pa.string(),
        "call": pa.string(),
        "resource": pa.string(),
        "status": pa.int16(),
        "code": pa.string(),
        "digest": pa.binary(),
        "hash": pa.binary(),
    }
)
"""The columns of `admin_log` that its hashes are of, and the hash."""


async def admin_log_file(connection: Any) -> bytes:
    """All entries, in order, as the transaction that `connection` is in sees them."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, SCHEMA, options=options) as writer:
        rows: list[dict[str, Any]] = []
        async for row in connection.cursor(SQL["admin_log_all"], prefetch=1_000):
            rows.append({name: row[name] for name in SCHEMA.names})
            if len(rows) == ROWS_AT_ONCE:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, SCHEMA))
                rows.clear()
        writer.write_batch(pa.RecordBatch.from_pylist(rows, SCHEMA))
    found: bytes = sink.getvalue().to_pybytes()
    return found
