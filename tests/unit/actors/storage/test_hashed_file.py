"""A file that is hashed while it is written knows its bytes and their digest, whatever pieces they came in."""

import hashlib
from pathlib import Path

import numpy as np

from actors.storage.hashed_file import HashedFile


def test_bytes_and_digest_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "written"
    with open(path, "wb") as opened:
        file = HashedFile(opened)
        for piece in (b"", b"abc", np.arange(5_000, dtype=np.int32).data, memoryview(b"d" * 100_000)):
            file.write(piece)
        assert file.tell() == file.bytes == 3 + 20_000 + 100_000 and not file.closed
        file.flush()
        assert path.stat().st_size == file.bytes
        assert file.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
        file.close()
        assert file.closed and opened.closed
