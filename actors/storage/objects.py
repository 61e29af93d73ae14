"""A folder of an S3 bucket, through obstore. Objects are put whole.

What must not be written twice is put on condition. Requests are repeated while the store is away, up to the patience that the folder was
made with. Parts are staged in the machine's folder for temporary files, without a name, so that nothing stays of a process that is
killed.
"""

import functools
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import S3Store

from actors.storage.faults import refused
from actors.storage.hashed_file import HashedFile
from actors.storage.interface import Changed, Folder, Found, Owner, Placed, Range, StorageRefused
from actors.storage.lease import LEASE_S, Newest, ObjectLease, read, take
from actors.storage.ranges import AHEAD, RangeFile

SCHEME: Final = "s3://"
_URL: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
PATIENCE_S: Final = 120.0
"""A store that is restarted or fails over is back before; whoever waits for longer wants to know."""
HASTE_S: Final = 2.0
"""For what is written again soon anyway."""
FIRST_S: Final = 10.0
"""For the first question, where a wrong address or missing credentials are more likely than a store that is away."""
CONNECT_S: Final = "5s"
SILENCE_S: Final = "10s"
"""After which a connection counts as lost: a stopped server keeps connections open."""
BACKOFF_FIRST, BACKOFF_MAX = timedelta(milliseconds=100), timedelta(seconds=2)
RETRIES_MAX: Final = 10_000
"""Patience ends first."""
BUFFER_BYTES: Final = 4 << 20
"""A range costs some 30 ms before its first byte: with this much it is no more than a third of the time."""
READERS: Final = 64
"""Each small read takes some 30 ms, nearly all of it on the way; stores take thousands a second."""
UPLOAD_BYTES, UPLOADS = 8 << 20, 2
"""Of a part's multipart upload: a piece, and how many are on their way."""


class ObjectFolder:
    """Objects of a bucket whose keys begin with a prefix. Credentials, region and endpoint come from the environment (AWS_...)."""

    buffer_bytes = BUFFER_BYTES
    ahead_bytes = AHEAD * BUFFER_BYTES
    readers = READERS
    copied = False

    def __init__(self, url: str, patience_s: float = PATIENCE_S) -> None:
        """Raises StorageRefused for what is no URL of this kind."""
        found = _URL.fullmatch(url)
        if found is None:
            raise StorageRefused(f"{url}: an object store's folder is s3://BUCKET/PREFIX")
        self.bucket, self.prefix = found[1], (found[2] or "").strip("/")
        if self.prefix and not all(map(_is_name, self.prefix.split("/"))):
            raise StorageRefused(
                f"{url}: between two slashes stands no name; a folder's is not empty, . or .., and without control characters"
            )
        self._patience_s = patience_s
        self.staging = tempfile.gettempdir()

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def __reduce__(self) -> tuple[Any, ...]:
        """Workers connect by themselves."""
        return type(self), (str(self), self._patience_s)

    @functools.cached_property
    def _store(self) -> S3Store:
        return _connected(self.bucket, self._patience_s)

    @functools.cached_property
    def _hasty(self) -> S3Store:
        return _connected(self.bucket, HASTE_S)

    def check(self) -> None:
        """Lists one page."""
        with self._explained(""):
            next(obstore.list(_connected(self.bucket, FIRST_S), self.prefix, chunk_size=1), None)

    def holds(self, other: Folder) -> bool:
        """By bucket and prefix."""
        return isinstance(other, ObjectFolder) and f"{other}/".startswith(f"{self}/")

    def top(self) -> list[str]:
        """By a listing with a delimiter, without the folder's own marker."""
        with self._explained(""):
            found = obstore.list_with_delimiter(self._store, self.prefix or None)
        keys = [*found["common_prefixes"], *(each["path"] for each in found["objects"])]
        return sorted(name for name in map(self._name, keys) if name)

    def files(self, below: str = "") -> list[Found]:
        """By a listing, which also has the tags. Without markers of folders: objects without bytes whose keys end in a slash, which the
        client takes away."""
        with self._explained(below):
            pages = list(obstore.list(self._store, self._key(below) or None))
        found = sorted(self._found(each) for page in pages for each in page)
        folders = {below, *(str(folder) for each in found for folder in PurePosixPath(each.name).parents)}
        return [each for each in found if each.bytes or each.name not in folders]

    def unread_links(self) -> list[str]:
        """A store has none."""
        return []

    def stat(self, name: str) -> Found:
        """Size and ETag."""
        with self._explained(name):
            return self._found(obstore.head(self._store, self._key(name)))

    def opened(self, found: Found) -> RangeFile:
        """Its ranges, each of this version."""
        return RangeFile(found, self._range)

    def check_unchanged(self, opened: Any, found: Found) -> None:
        """Each range was of this version."""

    def expect(self, opened: Any, ranges: Sequence[Range]) -> None:
        """The first buffer of each."""
        opened.expect([Range(each.start, min(each.end, each.start + self.buffer_bytes)) for each in ranges])

    def tail(self, found: Found, size: int) -> bytes:
        """By one range."""
        return bytes(self._range(found, max(found.bytes - size, 0), found.bytes))

    def read(self, name: str) -> bytes:
        """At once."""
        with self._explained(name):
            return bytes(obstore.get(self._store, self._key(name)).bytes())

    def write(self, name: str, data: bytes) -> None:
        """One put."""
        with self._explained(name):
            obstore.put(self._store, self._key(name), data, use_multipart=False)

    def create(self, name: str, data: bytes) -> bool:
        """A conditional put. An answer that was lost leaves the content, by which it is known."""
        with self._explained(name):
            try:
                obstore.put(self._store, self._key(name), data, mode="create")
                return True
            except AlreadyExistsError:
                return self.read(name) == data

    def note(self, name: str, data: bytes) -> None:
        """One put, in haste."""
        with self._explained(name):
            obstore.put(self._hasty, self._key(name), data, use_multipart=False)

    def stage(self, name: str) -> "_StagedObject":
        """On this machine: an object is put when it is whole."""
        return _StagedObject(self)

    def upload(self, name: str, file: Any) -> None:
        """Put a file's bytes: in pieces, of which nothing is seen before the last one is there."""
        with self._explained(name):
            obstore.put(self._store, self._key(name), file, chunk_size=UPLOAD_BYTES, max_concurrency=UPLOADS)

    def remove(self, names: Iterable[str]) -> None:
        """In bulk."""
        keys = [self._key(name) for name in names]
        if keys:
            with self._explained(""):
                obstore.delete(self._store, keys)

    def drop(self, below: str) -> None:
        """All that a listing shows."""
        self.remove(each.name for each in self.files(below))

    def lease(self, name: str) -> ObjectLease:
        """By conditional puts. Raises Taken."""
        return take(_LeaseObjects(self, name))

    def holder(self, name: str) -> Owner | None:
        """Whoever renewed it lately, by the clocks of this machine and the store: good enough to be shown."""
        found = _LeaseObjects(self, name).listed()
        if not found:
            return None
        try:
            with self._explained(name):
                written = obstore.head(self._store, self._key(found[-1].name))["last_modified"]
            owner = read(self.read(found[-1].name)).owner
        except FileNotFoundError:
            return None
        return owner if datetime.now(UTC) - written < timedelta(seconds=2 * LEASE_S) else None

    def _range(self, found: Found, start: int, end: int) -> Any:
        with self._explained(found.name):
            try:
                options: Any = {"range": (start, end), "if_match": found.tag}
                answer = obstore.get(self._store, self._key(found.name), options=options)
            except PreconditionError:
                raise Changed(found.name) from None
            if answer.meta["e_tag"] != found.tag:
                raise Changed(found.name)
            return answer.bytes()

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self.prefix, name) if part)

    def _name(self, key: str) -> str:
        return key.removeprefix(self.prefix).removeprefix("/")

    def _found(self, meta: Any) -> Found:
        return Found(self._name(meta["path"]), meta["size"], str(meta["e_tag"]))

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """Errors of the client as errors of a folder; what is not there is FileNotFoundError, unless it is the bucket."""
        try:
            yield
        except (FileNotFoundError, NotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise self._refused(name, error) from None
            raise FileNotFoundError(2, "No such object", f"{self}/{name}") from None
        except BaseError as error:
            raise self._refused(name, error) from None

    def _refused(self, name: str, error: BaseException) -> StorageRefused:
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "Amazon S3")
        return refused(f"{self}/{name}".rstrip("/"), self.bucket, endpoint, error)


class _StagedObject:
    """A temporary file without a name."""

    def __init__(self, folder: ObjectFolder) -> None:
        self._folder = folder
        self._file = tempfile.TemporaryFile()
        self.sink = HashedFile(self._file)

    def begin_sync(self) -> None:
        """An object is put when it is whole."""

    def place(self, name: str) -> Placed:
        """Uploaded."""
        with self._file:
            self._file.seek(0)
            self._folder.upload(name, self._file)
        return Placed(self.sink.bytes, self.sink.sha256())

    def drop(self) -> None:
        """The system frees it."""
        with suppress(OSError):  # what is not on the disk yet may find no room
            self._file.close()


class _LeaseObjects:
    """The objects of a lease: in a folder of its name, by their numbers."""

    def __init__(self, folder: ObjectFolder, name: str) -> None:
        self._folder, self._name = folder, name

    def listed(self) -> list[Found]:
        """By number."""
        return self._folder.files(self._name)

    def newest(self) -> Newest | None:
        """None where it was removed meanwhile, too."""
        found = self.listed()
        try:
            return Newest(_number(found[-1]), self._folder.read(found[-1].name)) if found else None
        except FileNotFoundError:
            return None

    def create(self, number: int, data: bytes) -> bool:
        """If-None-Match."""
        return self._folder.create(self._named(number), data)

    def renew(self, number: int, data: bytes) -> None:
        """One put, in haste: the next one is due soon."""
        self._folder.note(self._named(number), data)

    def remove(self, up_to: int) -> None:
        """Those that are there."""
        self._folder.remove(each.name for each in self.listed() if _number(each) <= up_to)

    def _named(self, number: int) -> str:
        return f"{self._name}/{number:06}"


def _is_name(text: str) -> bool:
    """Whether the client takes it as one of the names that a key is made of."""
    return text not in ("", ".", "..") and _CONTROL.search(text) is None


def _number(found: Found) -> int:
    return int(found.name.rpartition("/")[2])


def _connected(bucket: str, patience_s: float) -> S3Store:
    """A client that repeats requests for so long. A plain http:// endpoint is taken: it was named on purpose."""
    return S3Store(
        bucket,
        client_options={"allow_http": True, "connect_timeout": CONNECT_S, "read_timeout": SILENCE_S},
        retry_config={
            "max_retries": RETRIES_MAX,
            "retry_timeout": timedelta(seconds=patience_s),
            "backoff": {"init_backoff": BACKOFF_FIRST, "max_backoff": BACKOFF_MAX, "base": 2},
        },
    )
