"""What SQL statements call in braces: where addresses, blocks and records keep their fields.

It follows from the one declaration of the bytes.
"""

from typing import Final

from actors.records import layout
from actors.records.addresses import BLOCK_SHIFT, SHARD_SHIFT
from actors.records.header import HEADER_BYTES, WRITER_AT
from actors.records.late import SPAN_BITS, WIDTHS
from actors.records.layout import RECORD, Kind, offset_of

NAMES: Final = {
    "block_bits": SHARD_SHIFT - BLOCK_SHIFT,
    "block_mask": (1 << (SHARD_SHIFT - BLOCK_SHIFT)) - 1,
    "block_shift": BLOCK_SHIFT,
    "header_bytes": HEADER_BYTES,
    "record_bytes": RECORD.itemsize,
    "shard_shift": SHARD_SHIFT,
    "late_span_bits": SPAN_BITS,
    "late_width_max": WIDTHS[-1],
    "late_widths": "ARRAY[" + ", ".join(map(str, WIDTHS)) + "]",
    "slot_mask": (1 << BLOCK_SHIFT) - 1,
    "writer_at": WRITER_AT,
    **{f"{field}_at": offset_of(RECORD, field) for field in RECORD.names or ()},
    **{kind.name.lower(): int(kind) for kind in Kind},
    **{name.lower(): getattr(layout, name) for name in dir(layout) if name.startswith("FLAG_")},
}
"""Fields of a record as `FIELD_at`, kinds and flags by their names in small letters."""
