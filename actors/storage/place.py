"""From what a person writes, a path or a URL, to a folder."""

from pathlib import Path
from typing import NamedTuple

from actors.storage.disk import DiskFolder
from actors.storage.interface import Folder, Found, StorageRefused

Location = str | Path


class Source(NamedTuple):
    """Files to read, and the folder that their names are relative to. `alone`: one file was named, and no folder."""

    folder: Folder
    files: list[Found]
    alone: bool


def is_url(location: Location) -> bool:
    """Whether it is something else than a path."""
    return isinstance(location, str) and "://" in location


def folder_at(location: Location, patience_s: float | None = None) -> Folder:
    """A folder that may not be there yet. `patience_s`: how long requests to a store are repeated. Raises StorageRefused."""
    if not is_url(location):
        return DiskFolder(Path(location))
    url = str(location)
    if not url.startswith("s3://"):
        raise StorageRefused(f"{url}: a path, or s3://BUCKET/PREFIX of Amazon S3 or any store that speaks its protocol")
    from actors.storage.objects import PATIENCE_S, ObjectFolder

    return ObjectFolder(url, PATIENCE_S if patience_s is None else patience_s)


def source_at(location: Location, patience_s: float | None = None) -> Source:
    """A file by itself, or all files below a folder; none where there is nothing. Raises StorageRefused."""
    parent, _, name = str(location).rstrip("/").rpartition("/")
    folder = folder_at(location, patience_s)
    folder.check()
    if name and not parent.endswith(":/"):
        above = folder_at(parent if is_url(location) else Path(location).parent, patience_s)
        try:
            return Source(above, [above.stat(name if is_url(location) else Path(location).name)], True)
        except FileNotFoundError:
            pass
    return Source(folder, folder.files(), False)
