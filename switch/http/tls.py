"""TLS of a front door: its certificate, and the newer one that takes its place without a restart."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final

import msgspec

LOOK_S: Final = 5.0
"""How often the files are looked at. A certificate is renewed weeks before it ends."""
HANDSHAKE_TIMEOUT_S: Final = 5.0
"""A connection that says nothing for so long is closed: before its handshake it counts for no caller."""

_log = logging.getLogger(__name__)


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """PEM files: the certificate with its chain, and its key, which has no password."""

    certificate: str
    key: str


class TlsError(ValueError):
    """Certificate and key that cannot be used. One line for the operator."""


class Certificate:
    """What new connections are shown. Those that are open keep what they were shown."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises TlsError."""
        self._files = files
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._state()
        _load(self.context, files)

    async def follow(self) -> None:
        """Take over what is in the files whenever they change, for ever. What cannot be used is logged, and the old certificate stays."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Take over what is in the files if they have changed."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            _load(
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._files
            )  # a half that is loaded into the one in use would break it
            _load(self.context, self._files)
        except TlsError as error:
            _log.error("the certificate stays as it was: %s", error)
        else:
            _log.info("new connections are shown the certificate that is now in %s", self._files.certificate)

    def _state(self) -> tuple[tuple[int, int], ...]:
        """What shows that a file is another one."""
        found = []
        for path in (self._files.certificate, self._files.key):
            try:
                status = Path(path).stat()
            except OSError:
                found.append((0, 0))
            else:
                found.append((status.st_mtime_ns, status.st_ino))
        return tuple(found)


def check_files(files: TlsFiles) -> None:
    """Raise TlsError unless certificate and key can be used."""
    _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), files)


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:  # SSLError is an OSError, with less to say
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise TlsError(f"certificate {files.certificate} and key {files.key} cannot be used: {reason}") from None


def _no_password() -> str:
    raise ValueError("the key has a password")
