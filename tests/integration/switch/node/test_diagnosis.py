"""`shardpay doctor` names what would keep a switch from working, and what to do; it changes nothing."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from actors.database.connection import ClusterLock
from switch.node.diagnosis import Finding, configuration, database, front_door, machine
from tests.conftest import new_database


def only(findings: list[Finding], state: str) -> list[str]:
    return [each.check for each in findings if each.state == state]


async def of_database(url: str) -> list[Finding]:
    return [finding async for finding in database(Path("/nowhere"), url)]


async def test_a_migrated_database_is_well(database_url: str) -> None:
    findings = await of_database(database_url)
    assert only(findings, "failure") == []
    assert {each.check: each.found for each in findings}["tables"] == "as this version has them"


async def test_an_empty_database_stays_empty(empty_database_url: str) -> None:
    findings = await of_database(empty_database_url)
    assert only(findings, "failure") == [] and "the next start makes" in str(findings)
    connection = await asyncpg.connect(empty_database_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    await connection.close()


async def test_a_database_that_loses_commits_or_is_of_a_newer_version_fails(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await connection.execute(
        "INSERT INTO migration (number, name, sha256) SELECT max(number) + 1, 'x', '' FROM migration"
    )
    await connection.close()
    findings = await of_database(database_url)
    assert only(findings, "failure") == ["durability", "tables"]
    assert all(each.advice for each in findings if each.state != "ok")


async def test_a_database_that_does_not_have_every_letter_fails(postgres_url: str) -> None:
    async with new_database(postgres_url, "template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'") as url:
        findings = await of_database(url)
    assert only(findings, "failure") == ["encoding"] and "encoded in LATIN1" in str(findings)


async def test_a_database_that_cannot_be_reached_fails(tmp_path: Path) -> None:
    findings = await of_database(f"postgresql:///shardpay?host={tmp_path}")
    assert only(findings, "failure") == ["database"]


@pytest.mark.parametrize(
    ("mended", "found"),
    [
        (lambda url: re.sub(r"/[^/?]+\?", "/not_here?", url), 'database "not_here" does not exist'),
        (lambda url: url.replace("//postgres@", "//stranger@"), "authentication failed"),
        (lambda url: f"{url}&sslmode=perhaps", "sslmode"),
    ],
    ids=["database", "user", "url"],
)
async def test_a_server_that_refuses_is_a_finding_and_no_error(
    database_url: str, mended: Callable[[str], str], found: str
) -> None:
    findings = await of_database(mended(database_url))
    assert only(findings, "failure") == ["database"]
    assert found in findings[0].found and "pg_hba.conf" in findings[0].advice


async def test_a_server_that_cannot_be_started_is_a_finding_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "foreign").mkdir(parents=True)
    findings = [finding async for finding in database(tmp_path, None)]
    assert only(findings, "failure") == ["database"] and "not a PostgreSQL cluster" in findings[0].found


async def test_a_switch_that_runs_is_named(database_url: str) -> None:
    lock = ClusterLock(database_url)
    await lock.acquire()
    findings = await of_database(database_url)
    await lock.release()
    assert "in use by a live cluster" in findings[-1].found


async def test_a_port_that_something_else_has_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        findings = [finding async for finding in front_door("127.0.0.1", taken.getsockname()[1])]
    assert only(findings, "failure") == ["port"]


@pytest.mark.parametrize(("text", "state"), [("review_expires_in = 60", "ok"), ("reviews = 60", "failure")])
def test_a_configuration_is_read(tmp_path: Path, text: str, state: str) -> None:
    path = tmp_path / "shardpay.toml"
    path.write_text(text)
    assert [each.state for each in configuration(path)] == [state]


def test_a_data_directory_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert only(list(machine(tmp_path / "data")), "failure") == ["data"]


def _machine_code(data: Path) -> Finding:
    return next(each for each in machine(data) if each.check == "machine code")


def test_the_folder_of_machine_code_is_named_whether_it_can_be_written_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    kept = _machine_code(tmp_path)
    assert (kept.state, kept.advice) == ("ok", "") and kept.found.startswith(f"kept in {tmp_path}/kernels/kernels-")
    (tmp_path / "kernels").write_text("in the way")
    refused = _machine_code(tmp_path)
    assert refused.state == "warning" and "NUMBA_CACHE_DIR" in refused.advice
    assert refused.found == f"not kept: {kept.found.removeprefix('kept in ')} cannot be written"


CLOSED = """
import os, sys
from pathlib import Path
from switch.node.diagnosis import _disk, _writable
if os.getuid() == 0:
    os.setuid(65_534)
closed = Path(sys.argv[1])
print(_writable(closed / "kernels"), [each.found for each in _disk(closed / "data")] == [f"{closed}/data cannot be written"])
"""


def test_a_folder_in_which_this_user_may_not_look_cannot_be_written(tmp_path: Path) -> None:
    """Another's home, or any home under `ProtectHome`."""
    (tmp_path / "closed").mkdir(mode=0)
    command = [sys.executable, "-c", CLOSED, str(tmp_path / "closed")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "False True\n", done.stderr
