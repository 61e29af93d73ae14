"""Ray is a process manager that we watch; it is never trusted to notice its own death.

Measured with Ray 2.60 on Linux, and why this module exists:

- Kill the raylet and its actors go on serving as orphans, and the GCS needs 15 s to notice; kill the GCS and
  calls through a handle not used before hang for ever. So `alive()` looks at the two processes themselves, and
  whoever finds them dead calls `kill()`, then `os._exit`: `ray.shutdown()`, which Ray also runs at exit, can
  block for a minute against a dead GCS.
- Ray's helpers die with the thread that started them (PR_SET_PDEATHSIG), but the raylet's own children do not:
  agents outlive a killed driver by minutes. So every start first sweeps what an earlier session in the same
  data directory left behind.
- Ray reads its settings from the environment when it is imported: `environment()` must be applied by then.

Linux only: processes are identified by pid and start time from /proc and signalled through a pidfd, so a
recycled pid is never hit. Nothing here takes a lock: the caller holds the data directory's lock, or `sweep`
would end a healthy session.
"""

import contextlib
import functools
import hashlib
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from actors.process.identity import Process, boot_id, identified, myself, runs, stat_of

NAMESPACE = "shardpay"

OBJECT_STORE_BYTES = 512 << 20
"""Only arguments beyond 100 KB go through it, a few in flight per shard; pages are taken as needed."""

OBJECT_STORE_BYTES_MIN = 80 << 20
"""Ray refuses less than 75 MiB."""

SOCKET_PATH_BYTES_MAX = 107
"""sun_path of a unix socket on Linux, without its closing zero."""

SOCKET_PATH_BELOW_TEMP = len("/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store")
"""What Ray appends to its temporary directory; 4194304 is the largest pid."""

SESSIONS_KEPT = 5
"""Ray never removes a session's logs; this many are worth keeping for a post-mortem."""

END_TIMEOUT_S = 10.0
"""SIGKILL takes effect within milliseconds; what is alive after this is stuck in the kernel and needs a person."""

SHUTDOWN_TIMEOUT_S = 10.0
"""`ray.shutdown()` takes 1.4 s; it is left alone after this, because it can hang when a Ray process dies meanwhile."""

CONNECT_TIMEOUT_S = 0.5

_EVERYWHERE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A caller learns of its callee's death in 0.1 s instead of up to 2 s: Ray waits a second for a reason to
    # put into the message, and looks at what has waited long enough once a heartbeat. Idle cost: none seen.
    "RAY_timeout_ms_task_wait_for_death_info": "50",
    "RAY_core_worker_internal_heartbeat_ms": "100",
    # Ray keeps a record of every call for a dashboard that we do not run.
    "RAY_task_events_report_interval_ms": "0",
}

_OWN_NODE = {
    # Then every port of Ray binds to loopback; else they listen on all interfaces, whatever node address is asked for.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    # Ray runs workers at nice 15: shards and front doors would starve while PostgreSQL and clients compute.
    "RAY_worker_niceness": "0",
    # Ray kills workers when the whole machine's memory is 95 % full. A shard's memory is bounded by its
    # configuration, and it would come back just as large.
    "RAY_memory_monitor_refresh_ms": "0",
    # `ray.kill` of a process that does not react (SIGSTOP) sends SIGKILL after this, by default 5 s.
    "RAY_kill_worker_timeout_milliseconds": "500",
    "RAY_enable_metrics_collection": "0",
    # The autoscaler's monitor cannot be switched off; a free port lets two switches run on one machine.
    "AUTOSCALER_METRIC_PORT": "0",
    # A shard forks for each checkpoint, and a fork waits for all threads of BLAS, for ever where one of them multiplies.
    "OPENBLAS_NUM_THREADS": "1",
}

_UNSET = ("RAY_AUTH_TOKEN", "RAY_ADDRESS", "RAY_REDIS_ADDRESS")
"""Would win over the token file or send us to another cluster."""


class RayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`address` (host:port, or `auto` on a machine of it) names an existing cluster: it brings its own resources, network, token and
    supervision."""

    data_dir: Path
    num_cpus: int
    object_store_bytes: int = OBJECT_STORE_BYTES
    address: str | None = None


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """What `sweep` needs to know of a session whose node is gone."""

    boot_id: str
    temp_dir: str
    processes: list[Process]


class RayRuntime:
    """A connection to Ray, and on an own node the watch over its processes. One a process: Ray allows no second."""

    def __init__(self, options: RayOptions, temp_dir: Path | None, essential: list[Process]) -> None:
        self._options = options
        self._temp_dir = temp_dir
        self._essential = essential

    @classmethod
    def start(cls, options: RayOptions) -> "RayRuntime":
        """Ray ready for actors, within 3 to 5 s. Must run in the main thread, which must outlive Ray.

        SIGTERM is left as it was: Ray's own handler would shut down before the caller has drained. SIGINT needs
        no care: Ray blocks it in its processes.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("Ray's processes die with the thread that starts them: start it from the main thread")
        sigterm = signal.getsignal(signal.SIGTERM)
        runtime = cls._join(options) if options.address is not None else cls._start_node(options)
        signal.signal(signal.SIGTERM, sigterm)
        return runtime

    @classmethod
    def _join(cls, options: RayOptions) -> "RayRuntime":
        _set_environment(environment(options))
        import ray

        ray.init(address=options.address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
        cluster: Any = ray
        found = cluster.get_runtime_context().gcs_address
        return cls(msgspec.structs.replace(options, address=found), None, [])

    @classmethod
    def _start_node(cls, options: RayOptions) -> "RayRuntime":
        sweep(options.data_dir)
        temp_dir = ray_temp_dir(options.data_dir)
        _private_dir(_state_dir(options.data_dir))
        _private_dir(temp_dir.parent)
        _write_token(options.data_dir)
        _remove_old_sessions(temp_dir)
        shutil.rmtree(_sockets_dir(temp_dir), ignore_errors=True)
        _private_dir(_sockets_dir(temp_dir))
        _set_environment(environment(options))
        _record(options.data_dir, temp_dir, [myself()])
        import ray

        with _few_helpers():
            ray.init(
                address="local",
                namespace=NAMESPACE,
                num_cpus=options.num_cpus,
                object_store_memory=_object_store_bytes(options.object_store_bytes),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=str(temp_dir),
            )
        essential = _children_named("gcs_server", "raylet")
        if len(essential) != 2:
            raise RuntimeError(f"Ray started, but its GCS or raylet is gone; see {temp_dir}/session_latest/logs")
        _record(options.data_dir, temp_dir, [myself(), *essential])
        return cls(options, temp_dir, essential)

    def alive(self) -> bool:
        """Whether GCS and raylet run: 50 microseconds. Of a given cluster: whether its GCS takes a connection now, up to half a second;
        one that it does not take is no proof of its death."""
        if self._options.address is not None:
            return _accepts_connections(self._options.address)
        return all(runs(process) for process in self._essential)

    @property
    def gcs(self) -> tuple[str, int] | None:
        """Host and port of a given cluster's GCS."""
        return None if self._options.address is None else _host_and_port(self._options.address)

    @property
    def sockets(self) -> Path | None:
        """A private, empty directory for the actors' own sockets; of a given cluster none, its actors run on other machines."""
        return None if self._temp_dir is None else _sockets_dir(self._temp_dir)

    def pids(self) -> list[int]:
        """Every process of the session but this one; of a given cluster, none is ours."""
        if self._temp_dir is None:
            return []
        return sorted(process.pid for process in _session_processes(self._temp_dir))

    def stop(self) -> None:
        """Let Ray end its processes, then end what is left. Drain the actors first: Ray does not."""
        import ray

        if self.alive():
            # A thread of its own, because a Ray process that dies meanwhile can make this hang.
            shutdown = threading.Thread(target=ray.shutdown, daemon=True)
            shutdown.start()
            shutdown.join(SHUTDOWN_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """End every process of the session but this one, without asking Ray; then leave by `os._exit`."""
        temp_dir = self._temp_dir
        if temp_dir is not None:
            _end(lambda: _session_processes(temp_dir))
            _record_path(self._options.data_dir).unlink(missing_ok=True)


@contextlib.contextmanager
def _few_helpers() -> Iterator[None]:
    """Start a node without autoscaler, log monitor and API server: `ray start` has options for the first two, `ray.init` passes none on.

    Each is a Python process of its own that takes 1.1 to 1.5 s of CPU at each start and memory for ever, and `ray.init` waits for the
    last. Nothing here asks them for anything: nodes are not scaled, logs are files, and there is no dashboard.
    """
    parameter: Any = import_module("ray._private.parameter")
    services: Any = import_module("ray._private.services")
    given, server = parameter.RayParams, services.start_api_server
    parameter.RayParams = functools.partial(given, no_monitor=True, include_log_monitor=False)
    services.start_api_server = lambda *_, **__: (None, None)  # as when it does not come up, which Ray takes as it is
    try:
        yield
    finally:
        parameter.RayParams, services.start_api_server = given, server


def environment(options: RayOptions) -> dict[str, str]:
    """What must be in the environment before `import ray`; give it to the node process when spawning it."""
    if options.address is not None:
        return dict(_EVERYWHERE)
    return {**_EVERYWHERE, **_OWN_NODE, "RAY_AUTH_TOKEN_PATH": str(_token_path(options.data_dir))}


def sweep(data_dir: Path) -> int:
    """End what an earlier session in `data_dir` left behind, its driver included; how many processes that were.

    A process belongs to the session when it is recorded or when it holds a file below the session's directory
    open for writing, as all of Ray's do (a person's `tail -f` only reads). Only call it while holding the data
    directory's lock.
    """
    try:
        session = msgspec.json.decode(_record_path(data_dir).read_bytes(), type=_Session)
    except FileNotFoundError:
        return 0
    except msgspec.DecodeError:
        # Written whole or not at all, so this is damage from outside: what can be derived still holds.
        session = _Session(boot_id="", temp_dir=str(ray_temp_dir(data_dir)), processes=[])
    recorded = set(session.processes) if session.boot_id == boot_id() else set()
    recorded.discard(myself())
    temp_dir = Path(session.temp_dir)
    ended = _end(lambda: {process for process in recorded if runs(process)} | _session_processes(temp_dir))
    _record_path(data_dir).unlink(missing_ok=True)
    return ended


def ray_temp_dir(data_dir: Path) -> Path:
    """Below the data directory if a unix socket's path has room for it, else a private, short directory."""
    for parent in _places_of_sockets(data_dir):
        temp_dir = parent.resolve() / "t"
        if len(os.fsencode(temp_dir)) + SOCKET_PATH_BELOW_TEMP <= SOCKET_PATH_BYTES_MAX:
            return temp_dir
    raise RuntimeError(f"no directory with a path short enough for Ray's sockets beside {data_dir}")


def _places_of_sockets(data_dir: Path) -> Iterator[Path]:
    """One after the other: there may be no directory for temporary files, and none is needed beside a short path."""
    yield _state_dir(data_dir)
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    short = f"shardpay-{os.getuid()}-{digest}"
    yield Path(tempfile.gettempdir(), short)
    yield Path("/tmp", short)


def _state_dir(data_dir: Path) -> Path:
    return data_dir.resolve() / "ray"


def _sockets_dir(temp_dir: Path) -> Path:
    return temp_dir.parent / "s"


def _record_path(data_dir: Path) -> Path:
    return _state_dir(data_dir) / "session.json"


def _token_path(data_dir: Path) -> Path:
    return _state_dir(data_dir) / "token"


def _private_dir(path: Path) -> None:
    """Ray opens its own directories to everyone, so the one around them is closed; another user's is refused."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if status.st_uid != os.getuid() or path.is_symlink():
        raise RuntimeError(f"{path} belongs to someone else")
    path.chmod(0o700)


def _write_token(data_dir: Path) -> None:
    _write_privately(_token_path(data_dir), secrets.token_hex(32).encode())


def _write_privately(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)


def _record(data_dir: Path, temp_dir: Path, processes: list[Process]) -> None:
    session = _Session(boot_id=boot_id(), temp_dir=str(temp_dir), processes=processes)
    _write_privately(_record_path(data_dir), msgspec.json.encode(session))


def _set_environment(wanted: dict[str, str]) -> None:
    if "ray" in sys.modules and any(os.environ.get(name) != value for name, value in wanted.items()):
        raise RuntimeError("ray was imported before its environment was set: it would listen beyond loopback")
    if "RAY_AUTH_TOKEN_PATH" in wanted:
        for name in _UNSET:
            os.environ.pop(name, None)
    os.environ.update(wanted)


def _remove_old_sessions(temp_dir: Path) -> None:
    sessions = sorted(path for path in temp_dir.glob("session_2*") if path.is_dir())
    for session in sessions[: max(0, len(sessions) - SESSIONS_KEPT + 1)]:
        shutil.rmtree(session, ignore_errors=True)


def _object_store_bytes(wanted: int) -> int:
    """What fits into /dev/shm (64 MB in a plain container): beyond it Ray would put the store on disk."""
    try:
        room = shutil.disk_usage("/dev/shm").free * 9 // 10
    except OSError:
        return wanted
    return min(wanted, room) if room >= OBJECT_STORE_BYTES_MIN else wanted


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _accepts_connections(address: str) -> bool:
    try:
        socket.create_connection(_host_and_port(address), CONNECT_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _all_pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _children_named(*names: str) -> list[Process]:
    found = []
    for pid in _all_pids():
        stat = stat_of(pid)
        if stat is not None and stat[0] in names and stat[2] == os.getpid() and stat[1] not in "ZX":
            found.append(Process(pid=pid, start_ticks=stat[3]))
    return found


def _session_processes(temp_dir: Path) -> set[Process]:
    """Those that hold a file below `temp_dir` open for writing; 10 ms with a hundred processes on the machine."""
    prefix = f"{temp_dir}/session_"
    found = set()
    for pid in _all_pids():
        if pid != os.getpid() and _writes_below(pid, prefix):
            process = identified(pid)
            if process is not None and runs(process):
                found.add(process)
    return found


def _writes_below(pid: int, prefix: str) -> bool:
    """Processes of other users cannot be looked into, and are not ours."""
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{fd}").startswith(prefix):
                continue
            fields = Path(f"/proc/{pid}/fdinfo/{fd}").read_text().split()
            if int(fields[fields.index("flags:") + 1], 8) & os.O_ACCMODE != os.O_RDONLY:
                return True
    except OSError:
        return False
    return False


def _end(find: Callable[[], set[Process]]) -> int:
    """SIGKILL what `find` names until it names nothing: a dying raylet may still have forked; how many that were."""
    ended: set[Process] = set()
    deadline = time.monotonic() + END_TIMEOUT_S
    while victims := find():
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes {sorted(process.pid for process in victims)} survive SIGKILL")
        for process in victims:
            _send_kill(process)
        ended |= victims
        time.sleep(0.01)
    return len(ended)


def _send_kill(process: Process) -> None:
    try:
        pidfd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        # Checked after opening: from here on the descriptor means this process, whatever becomes of its number.
        if runs(process):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)
