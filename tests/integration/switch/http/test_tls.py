"""HTTPS: the certificate that is in the files is shown, also when it is another one since; whoever says nothing is hung up on."""

import asyncio
import logging
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from actors.stores.api_keys import Binding, KeyStore
from switch.api.services import Limits
from switch.cli.sample import make_sample
from switch.cli.sample_people import MERCHANT, PEOPLE, SCENARIO, make_people
from switch.http import handshake, tls
from switch.http.tls import Certificate, TlsError, TlsFiles, check_files
from switch.node.diagnosis import front_door
from tests.front_door import RunningSwitch, running_front_door, running_switch
from tests.logged import messages

CERTIFICATES = Path(__file__).parents[3] / "certificates"


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


def put(folder: Path, name: str) -> TlsFiles:
    """The files of a certificate, as a renewal puts them in place of others."""
    for ending in ("pem", "key"):
        staged = folder / f"new.{ending}"
        shutil.copy(CERTIFICATES / f"{name}.{ending}", staged)
        staged.replace(folder / f"tls.{ending}")
    return TlsFiles(certificate=str(folder / "tls.pem"), key=str(folder / "tls.key"))


def link(folder: Path, name: str) -> TlsFiles:
    """The files of a certificate as links, as certbot and mounted secrets have them: a renewal points them elsewhere, and what they
    pointed to is removed."""
    version, data = folder / name, folder / "..data"
    version.mkdir()
    put(version, name)
    staged = folder / "..data_tmp"
    staged.symlink_to(name)
    before = data.resolve()
    staged.replace(data)
    if before != data:
        shutil.rmtree(before)
    for ending in ("pem", "key"):
        if not (folder / f"tls.{ending}").is_symlink():
            (folder / f"tls.{ending}").symlink_to(f"..data/tls.{ending}")
    return TlsFiles(certificate=str(folder / "tls.pem"), key=str(folder / "tls.key"))


def session(name: str) -> aiohttp.ClientSession:
    """Of a caller who trusts one certificate."""
    trusted = ssl.create_default_context(cafile=str(CERTIFICATES / f"{name}.pem"))
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted))


@pytest.mark.parametrize("install", [put, link])
async def test_a_renewed_certificate_is_shown_to_new_connections_and_open_ones_go_on(
    switch: RunningSwitch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, install: Callable[[Path, str], TlsFiles]
) -> None:
    monkeypatch.setattr(tls, "LOOK_S", 0.05)
    async with (
        running_front_door(switch, Limits(), install(tmp_path, "first")) as secure,
        session("first") as early,
        session("second") as late,
    ):
        url = secure.base.replace("http://", "https://")
        headers = {"Authorization": f"Bearer {switch.key}"}
        body = {"kind": "user", "currency": "EUR"}
        async with early.post(f"{url}/v1/wallets", json=body, headers=headers) as answer:
            assert answer.status == 201
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await late.get(f"{url}/healthz")
        install(tmp_path, "second")
        async with asyncio.timeout(60):
            while not await shown(late, url):
                await asyncio.sleep(0.05)
        async with early.get(f"{url}/healthz") as answer:
            assert answer.status == 200, "its connection was made before"


async def test_the_samples_are_made_and_the_doctor_knows_a_switch_whatever_its_certificate_says(
    switch: RunningSwitch, tmp_path: Path
) -> None:
    async with running_front_door(switch, Limits(), put(tmp_path, "first")) as secure:
        url = secure.base.replace("http://", "https://")
        assert set(await make_sample(url, switch.key)) >= {"sample:alice", "sample:shop"}
        await KeyStore(switch.pool).create(MERCHANT, ["merchant"], Binding(owners=[MERCHANT], scenarios=[SCENARIO]))
        assert set(await make_people(url, switch.key)) >= {person.name for person in PEOPLE}
        found = [finding async for finding in front_door(*secure.front_door.address)]
    assert [(each.check, each.state) for each in found][:1] == [("switch", "ok")] and url in found[0].found


async def shown(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether a caller is shown a certificate that it trusts."""
    try:
        async with session.get(f"{url}/healthz") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectorCertificateError:
        return False


async def test_who_says_nothing_is_hung_up_on_before_it_counts_for_anybody(
    switch: RunningSwitch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "HANDSHAKE_TIMEOUT_S", 0.2)
    async with running_front_door(switch, Limits(), put(tmp_path, "first")) as secure:
        with socket.create_connection(secure.front_door.address) as silent:
            silent.settimeout(10)
            assert await asyncio.to_thread(silent.recv, 1) == b""


async def test_connections_before_their_handshake_are_counted_and_the_oldest_make_room_for_who_speaks(
    switch: RunningSwitch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "HANDSHAKE_TIMEOUT_S", 600.0)
    limits = Limits(connections_max=20)
    async with running_front_door(switch, limits, put(tmp_path, "first")) as secure, session("first") as good:
        silent = [socket.create_connection(secure.front_door.address) for _ in range(40)]
        async with good.get(secure.base.replace("http://", "https://") + "/healthz") as answer:
            assert answer.status == 200
        for each in silent[:21]:
            each.settimeout(10)
            assert await asyncio.to_thread(received, each) == b"", "it was hung up on"
        for each in silent[21:]:
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(1)
        for each in silent:
            each.close()
        connections = secure.services.connections
        async with asyncio.timeout(60):
            while len(connections._strangers) + len(connections._callers) > 1:
                await asyncio.sleep(0.01)


def received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""


async def test_what_comes_with_the_end_of_a_handshake_is_answered(switch: RunningSwitch, tmp_path: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(CERTIFICATES / "first.pem"))
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with running_front_door(switch, Limits(), put(tmp_path, "first")) as secure:
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusted.wrap_bio(inward, outward, server_hostname=secure.front_door.address[0])
        reader, writer = await asyncio.open_connection(*secure.front_door.address)
        for _ in range(10):
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outward.read())
                inward.write(await reader.read(1 << 16))
        client.write(request)
        writer.write(outward.read())  # the handshake's last message and the request
        text = b""
        async with asyncio.timeout(60):
            while b'{"status":"ok"}' not in text:
                inward.write(await reader.read(1 << 16))
                try:
                    text += client.read(1 << 16)
                except ssl.SSLWantReadError:
                    continue
        writer.close()


def test_files_that_cannot_be_used_leave_the_certificate_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = put(tmp_path, "first")
    certificate = Certificate(files)
    shutil.copy(CERTIFICATES / "second.key", files.key)
    with caplog.at_level(logging.ERROR):
        certificate.look()
        certificate.look()
    assert [message.partition(":")[0] for message in messages(caplog, "switch.http.tls")] == [
        "the certificate stays as it was"
    ]
    with pytest.raises(TlsError, match="cannot be used"):
        check_files(files)


@pytest.mark.parametrize("missing", ["tls.pem", "tls.key"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    files = put(tmp_path, "first")
    (tmp_path / missing).unlink()
    with pytest.raises(TlsError, match="No such file"):
        Certificate(files)
