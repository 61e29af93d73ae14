"""How a block's header lies in bytes. Who only needs to know that loads no kernel."""

import struct
from typing import Final

HEADER: Final = struct.Struct("<HHHHIIqQq32s16s")
HEADER_BYTES: Final = HEADER.size
WRITER_AT: Final = struct.calcsize("<HHHHIIq")
"""Where the writer's number lies in a header."""
