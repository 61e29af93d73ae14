"""Workers that may die: processes of this machine or actors of a Ray cluster, used in one way.

A worker is made once, gets one task at a time and answers with a result. A death is an event like an answer: whoever uses
the pool gives the task to another worker and asks for a new one. Tasks and results are small; data do not travel.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from queue import Queue
from typing import Any, Final, Literal, NamedTuple, Protocol

END_S: Final = 5.0
"""A process that is asked to end has this long, then it is killed."""

LOOK_S: Final = 0.001
"""So often whether it has ended."""
STANDARD_FILES: Final = 2
"""The highest number of a file that every process has."""

Work = Callable[[Any], Any]
"""Of a task, its result."""
Make = Callable[[Any], Work]
"""Of a job, in the worker: what works on its tasks. A function of a module, so that it travels."""


class Event(NamedTuple):
    """`ready`: a worker can take a task. `done`: `value` is its task's result. `failed`: `value` is what its task, or its making, raised;
    the worker of a task goes on. `died`: `value` says how."""

    worker: int
    kind: Literal["ready", "done", "failed", "died"]
    value: Any = None


class Pool(Protocol):
    """Workers by number."""

    prompt: bool
    """Whether a worker that was started is ready soon, so that it can be given its first task before."""

    def start(self) -> int:
        """Start one more worker; its event is `ready`."""

    def give(self, worker: int, task: Any) -> None:
        """To one that is ready, or whose task is done; of a prompt pool, to one that was started too."""

    def events(self, timeout_s: float) -> list[Event]:
        """What has come, at least one unless the time is over."""

    def end(self) -> None:
        """Begin to end all, in the middle of their tasks; nothing is asked of them any more."""

    def stop(self) -> None:
        """End all, in the middle of their tasks."""


# Processes of this machine.


class _Process(NamedTuple):
    process: Any
    pipe: Connection


def get_ready(module: str) -> None:
    """Begin to import what workers need, in a process of its own. Workers of every later pool without `copies` are copies of that one, and
    import nothing. It ends with this process."""
    forkserver.set_forkserver_preload([module])
    forkserver.ensure_running()


class ProcessPool:
    """Processes that end with this one, however it ends. `copies`: copies of this process, which begin in milliseconds with all that it has
    imported and loaded. Only for a process whose threads wait and hold no lock, for a copy has none of them; others are copies of one that
    has imported the module of `make` and nothing else."""

    def __init__(self, make: Make, job: Any, *, copies: bool = False) -> None:
        self._make, self._job, self._copies = make, job, copies
        self.prompt = copies
        self._context: Any = multiprocessing.get_context("fork" if copies else "forkserver")
        if not copies:
            get_ready(make.__module__)
        self._workers: dict[int, _Process] = {}
        self._count = 0

    def start(self) -> int:
        """One more process."""
        ours, theirs = self._context.Pipe()
        serve = _serve_as_copy if self._copies else _serve
        process = self._context.Process(target=serve, args=(self._make, self._job, theirs), daemon=True)
        with warnings.catch_warnings():
            # Python warns of any thread; those that a copy is made beside wait.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        self._count += 1
        self._workers[self._count] = _Process(process, ours)
        return self._count

    def give(self, worker: int, task: Any) -> None:
        """The death of a worker is among the next `events`."""
        with contextlib.suppress(OSError):
            self._workers[worker].pipe.send(task)

    def events(self, timeout_s: float) -> list[Event]:
        """A process that answered and then died gives both events, the answer first."""
        numbers: dict[Any, int] = {each.pipe: number for number, each in self._workers.items()}
        found = []
        for pipe in wait(list(numbers), timeout_s):
            assert isinstance(pipe, Connection)
            number = numbers[pipe]
            try:
                found.append(Event(number, *pipe.recv()))
            except (EOFError, OSError):
                found.append(Event(number, "died", self._buried(number)))
        return found

    def pids(self) -> list[int]:
        """Of the processes that run."""
        return [each.process.pid for each in self._workers.values()]

    def end(self) -> None:
        """Their pipes close, which ends them."""
        for each in self._workers.values():
            each.pipe.close()

    def stop(self) -> None:
        """Wait until they have ended. A copy has closed what `join` would wait for with a limit, so it is looked at."""
        self.end()
        deadline = time.monotonic() + END_S
        for each in self._workers.values():
            while each.process.is_alive() and time.monotonic() < deadline:
                time.sleep(LOOK_S)
            if each.process.is_alive():
                each.process.kill()
                each.process.join()
        self._workers.clear()

    def _buried(self, number: int) -> str:
        gone = self._workers.pop(number)
        gone.pipe.close()
        gone.process.join()
        code = gone.process.exitcode
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"process {gone.process.pid} ended: {how}"


def _serve_as_copy(make: Make, job: Any, pipe: Connection) -> None:
    """A copy has all files of the process that it is of, and with its pipes and locks it would outlive that. They are replaced and not
    closed, for objects that it has copies of too may close their numbers later."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for each in map(int, os.listdir("/proc/self/fd")):
        if each > STANDARD_FILES and each not in (pipe.fileno(), nothing):
            with contextlib.suppress(OSError):  # the one that listed them
                os.fstat(each)
                os.dup2(nothing, each)
    _serve(make, job, pipe)


def _serve(make: Make, job: Any, pipe: Connection) -> None:
    """A worker's life. Signals of the terminal and of whoever stops the group are for the driver, which decides what becomes of tasks."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    tasks: Queue[Any] = Queue()
    threading.Thread(target=_receive, args=(pipe, tasks), daemon=True).start()
    try:
        work = make(job)
    except Exception as error:
        pipe.send(("failed", _sendable(error)))
        return
    pipe.send(("ready", None))
    while True:
        task = tasks.get()
        try:
            answer = ("done", work(task))
        except Exception as error:
            answer = ("failed", _sendable(error))
        pipe.send(answer)


def _receive(pipe: Connection, tasks: "Queue[Any]") -> None:
    """The driver's end closes when it dies or stops: then nobody waits for what is worked on."""
    try:
        while True:
            tasks.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)


def _sendable(error: Exception) -> Exception:
    import pickle

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


# Actors of a Ray cluster.


class RayPool:
    """Actors with one processor each on the cluster that this process is connected to (see `ray_cluster`)."""

    prompt = False

    def __init__(self, make: Make, job: Any) -> None:
        import ray  # Not before its environment was set.

        self._ray: Any = ray
        self._make = make
        self._job = ray.put(job)
        self._class: Any = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self._workers: dict[int, Any] = {}
        self._waiting: dict[Any, tuple[int, Literal["ready", "done"]]] = {}
        self._count = 0

    @staticmethod
    def processors() -> int:
        """Of the cluster."""
        import ray

        cluster: Any = ray
        return int(cluster.cluster_resources().get("CPU", 1))

    def start(self) -> int:
        """One more actor, as soon as the cluster has a processor for it."""
        self._count += 1
        actor = self._class.remote(self._make, self._job)
        self._workers[self._count] = actor
        self._waiting[actor.ready.remote()] = (self._count, "ready")
        return self._count

    def give(self, worker: int, task: Any) -> None:
        """The death of a worker is among the `events`."""
        self._waiting[self._workers[worker].work.remote(task)] = (worker, "done")

    def events(self, timeout_s: float) -> list[Event]:
        """Answers of actors, and their deaths."""
        if not self._waiting:
            return []
        some, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=timeout_s)
        more, _ = self._ray.wait(list(self._waiting), num_returns=len(self._waiting), timeout=0)
        return [self._event(answer) for answer in dict.fromkeys([*some, *more])]

    def end(self) -> None:
        """Kill them."""
        while self._workers:
            _, actor = self._workers.popitem()
            with contextlib.suppress(self._ray.exceptions.RayError):  # a cluster that is gone has ended them
                self._ray.kill(actor)
        self._waiting.clear()

    def stop(self) -> None:
        """Ray sees to the rest."""
        self.end()

    def _event(self, answer: Any) -> Event:
        worker, kind = self._waiting.pop(answer)
        try:
            return Event(worker, kind, self._ray.get(answer))
        except self._ray.exceptions.RayTaskError as error:
            return Event(worker, "failed", error.cause)
        except (
            self._ray.exceptions.RayError
        ) as error:  # that it died, or was killed, or cannot be placed or read any more
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(self._workers.pop(worker))
            return Event(worker, "died", " ".join(str(error).split())[:300])


class _Actor:
    """A worker on a cluster."""

    def __init__(self, make: Make, job: Any) -> None:
        self._error: Exception | None = None
        try:
            self._work = make(job)
        except Exception as error:  # an actor that raises here has died, for all that Ray says
            self._error = error

    def ready(self) -> None:
        """Answers when it is made, or raises why it cannot be."""
        if self._error is not None:
            raise self._error

    def work(self, task: Any) -> Any:
        """A task's result."""
        return self._work(task)
