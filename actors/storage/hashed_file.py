"""A file that is hashed while it is written, from its first byte to its last."""

import hashlib
from typing import Any


class HashedFile:
    """What writers of files write to. `file`: opened for writing, with nothing in it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return bool(self._file.closed)

    def write(self, data: Any) -> None:
        """Append. Raises OSError where there is no room."""
        self._file.write(data)
        self._sha256.update(data)
        self.bytes += memoryview(data).nbytes

    def tell(self) -> int:
        """Bytes so far."""
        return self.bytes

    def flush(self) -> None:
        """Nothing waits in this process any more. Raises OSError where there is no room."""
        self._file.flush()

    def close(self) -> None:
        """Flushed too."""
        self._file.close()

    def sha256(self) -> str:
        """Of all that was written, in hexadecimal."""
        return self._sha256.hexdigest()
