"""Ray on one machine: loopback only, its death noticed, nothing left behind.

The runtime lives in a node process of its own, as it does in the switch, driven by lines on its standard input.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from actors.process import ray_cluster
from actors.process.identity import Process
from actors.process.ray_cluster import RayOptions, environment, ray_temp_dir, sweep
from tests.listening import listening

pytestmark = pytest.mark.long

WAIT_S = 60.0
NOTICED_WITHIN_S = 2.0

NODE = """
import json, os, sys
from pathlib import Path
from actors.process.ray_cluster import RayOptions, RayRuntime

# Ray prints messages of its own on standard output, also into the middle of a line.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
runtime = RayRuntime.start(RayOptions(data_dir=Path(sys.argv[1]), num_cpus=2, object_store_bytes=128 << 20))
import ray

@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=0)
class Worker:
    async def describe(self):
        return {"pid": os.getpid(), "nice": os.nice(0), "auth": os.environ["RAY_AUTH_MODE"]}

def failure():
    try:
        return {"described": ray.get(worker.describe.remote(), timeout=10)}
    except ray.exceptions.RayActorError as error:
        return {"failed": type(error).__name__}

worker = Worker.remote()
COMMANDS = {
    "describe": failure,
    "alive": runtime.alive,
    "pids": runtime.pids,
    "stop": runtime.stop,
    "kill": runtime.kill,
}
print(json.dumps(ray.get(worker.describe.remote())), file=answers, flush=True)
for line in sys.stdin:
    print(json.dumps(COMMANDS[line.strip()]()), file=answers, flush=True)
"""


class Node:
    """A node process in a session of its own, as the supervisor starts it."""

    def __init__(self, data_dir: Path) -> None:
        options = RayOptions(data_dir=data_dir, num_cpus=2)
        self.data_dir = data_dir
        self.errors = data_dir / "node.err"
        data_dir.mkdir(exist_ok=True)
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", NODE, str(data_dir)],
                env={**os.environ, **environment(options)},
                start_new_session=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
            )
        self.first = self._answer()

    def ask(self, command: str) -> object:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        return self._answer()

    def pids(self) -> list[int]:
        pids = self.ask("pids")
        assert isinstance(pids, list) and pids
        return pids

    def pid_of_agent(self) -> int:
        """Of the agent that prepares environments; versions of Ray name it differently."""
        return self._pid_where(lambda process: "runtimeenv" in "".join(process.cmdline()).lower().replace("_", ""))

    def pid_named(self, name: str) -> int:
        return self._pid_where(lambda process: process.name() == name)

    def _pid_where(self, fits: Callable[[psutil.Process], bool]) -> int:
        for process in (process for pid in self.pids() for process in found(pid)):
            with contextlib.suppress(psutil.NoSuchProcess):
                if fits(process):
                    return process.pid
        raise AssertionError("no process of the node is one")

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def _answer(self) -> object:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT_S)
        line = self.process.stdout.readline() if ready else b""
        assert line, f"the node ended or hangs: {self.errors.read_text()[-2000:]}"
        return json.loads(line)


@contextlib.contextmanager
def swept(path: Path) -> Iterator[Path]:
    yield path
    sweep(path)
    shutil.rmtree(ray_temp_dir(path).parent, ignore_errors=True)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    with swept(tmp_path / "data") as path:
        yield path


@contextlib.contextmanager
def started(data_dir: Path) -> Iterator[Node]:
    node = Node(data_dir)
    try:
        yield node
    finally:
        node.end()


@pytest.fixture(scope="module")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """For tests after which it still runs: each start takes 5 s."""
    with swept(tmp_path_factory.mktemp("shared") / "data") as path, started(path) as node:
        yield node


@pytest.fixture
def node(data_dir: Path) -> Iterator[Node]:
    with started(data_dir) as node:
        yield node


def found(pid: int) -> list[psutil.Process]:
    """The process, or none where it has ended since it was listed."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(pid)]
    return []


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(condition: Callable[[], bool], within_s: float = WAIT_S) -> float:
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within_s, "waited in vain"
    return time.monotonic() - start


def test_a_node_listens_on_loopback_only_and_asks_for_its_token(shared_node: Node) -> None:
    node = shared_node
    addresses = listening(process for pid in [*node.pids(), node.process.pid] for process in found(pid))
    assert addresses
    assert all(address.is_loopback for address in addresses)
    assert isinstance(node.first, dict)
    assert node.first["auth"] == "token"
    assert (node.data_dir / "ray" / "token").stat().st_mode & 0o777 == 0o600
    assert (node.data_dir / "ray").stat().st_mode & 0o777 == 0o700


def described(node: Node) -> Any:
    """What the node's actor says of itself, None while it is away."""
    answer = node.ask("describe")
    assert isinstance(answer, dict)
    assert answer.get("failed") in (None, "ActorUnavailableError")
    return answer.get("described")


def test_an_actor_runs_at_normal_priority_and_comes_back_when_killed(shared_node: Node) -> None:
    before = described(shared_node)
    assert before["nice"] == 0
    os.kill(before["pid"], signal.SIGKILL)
    wait_until(lambda: described(shared_node) not in (None, before))


def test_ctrl_c_reaches_no_process_of_ray(shared_node: Node) -> None:
    before, pids = described(shared_node), shared_node.pids()
    for group in {os.getpgid(pid) for pid in pids} - {os.getpgid(shared_node.process.pid)}:
        os.killpg(group, signal.SIGINT)
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    assert described(shared_node) == before
    assert shared_node.pids() == pids


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_a_killed_ray_process_is_noticed_and_the_rest_ended(node: Node, name: str) -> None:
    pids = node.pids()
    os.kill(node.pid_named(name), signal.SIGKILL)
    wait_until(lambda: node.ask("alive") is False, NOTICED_WITHIN_S)
    node.ask("kill")
    wait_until(lambda: not [pid for pid in pids if runs(pid)])


def test_starts_after_kill_9_end_what_was_left_behind_and_a_stop_leaves_no_process_behind(data_dir: Path) -> None:
    with started(data_dir) as first:
        left = first.pids()
        # Its agents do not end with the node, and a stopped one cannot notice anything.
        os.kill(first.pid_of_agent(), signal.SIGSTOP)
    assert [pid for pid in left if runs(pid)]
    with started(data_dir) as second:
        assert not [pid for pid in left if runs(pid)]
        for pid in [*second.pids(), second.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    with started(data_dir) as third:
        pids = third.pids()
        assert third.ask("alive") is True
        third.ask("stop")
        assert not [pid for pid in pids if runs(pid)]
        assert sweep(data_dir) == 0


def test_sweep_spares_a_process_that_only_has_the_recorded_pid(data_dir: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        stat = Path(f"/proc/{bystander.pid}/stat").read_text()
        start_ticks = int(stat.rpartition(")")[2].split()[19])
        for recorded_ticks, survives in ((start_ticks - 1, True), (start_ticks, False)):
            process = Process(pid=bystander.pid, start_ticks=recorded_ticks)
            write_record(data_dir, [process])
            assert sweep(data_dir) == (0 if survives else 1)
            assert runs(bystander.pid) is survives


def write_record(data_dir: Path, processes: list[Process]) -> None:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    record = {"boot_id": boot_id, "temp_dir": str(ray_temp_dir(data_dir)), "processes": processes}
    (data_dir / "ray").mkdir(parents=True, exist_ok=True)
    (data_dir / "ray" / "session.json").write_bytes(msgspec.json.encode(record))


def test_sweep_reads_a_damaged_record_as_no_record(data_dir: Path) -> None:
    (data_dir / "ray").mkdir(parents=True)
    (data_dir / "ray" / "session.json").write_bytes(b"{")
    assert sweep(data_dir) == 0
    assert not (data_dir / "ray" / "session.json").exists()


def test_sweep_spares_a_reader_of_the_logs(data_dir: Path) -> None:
    write_record(data_dir, [])
    log = ray_temp_dir(data_dir) / "session_1" / "raylet.out"
    log.parent.mkdir(parents=True)
    log.touch()
    # Someone following a log is no part of Ray; only what writes into the session belongs to it.
    with log.open() as reading, subprocess.Popen(["sleep", "1000"], stdin=reading) as reader:
        assert sweep(data_dir) == 0
        assert runs(reader.pid)
        reader.kill()
    write_record(data_dir, [])
    with log.open("a") as writing, subprocess.Popen(["sleep", "1000"], stdout=writing) as writer:
        writing.close()
        assert sweep(data_dir) == 1
        assert not runs(writer.pid)


def test_the_sockets_fit_however_long_the_data_directory_is(tmp_path: Path) -> None:
    short = Path("/srv/shardpay")
    assert ray_temp_dir(short) == short / "ray" / "t"
    long = tmp_path / ("x" * 80)
    room = ray_cluster.SOCKET_PATH_BYTES_MAX - ray_cluster.SOCKET_PATH_BELOW_TEMP
    assert len(str(ray_temp_dir(long))) <= room
    assert ray_temp_dir(long) == ray_temp_dir(long)
    assert ray_temp_dir(long) != ray_temp_dir(tmp_path / ("y" * 80))


def test_a_short_path_needs_no_directory_for_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none_can_be_written() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", none_can_be_written)
    assert ray_temp_dir(Path("/srv/shardpay")) == Path("/srv/shardpay/ray/t")
    with pytest.raises(FileNotFoundError):
        ray_temp_dir(tmp_path / ("x" * 80))


def test_a_given_cluster_brings_its_own_network_and_token(tmp_path: Path) -> None:
    names = environment(RayOptions(data_dir=tmp_path, num_cpus=2, address="10.0.0.1:6379"))
    assert "RAY_AUTH_TOKEN_PATH" not in names
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in names
