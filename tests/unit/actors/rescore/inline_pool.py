"""Workers in this process, for tests: a pool whose workers die when a test says so."""

from collections.abc import Callable
from typing import Any

from actors.process.worker_pool import Event
from actors.rescore.job import Job
from actors.rescore.unit import Worker


class InlinePool:
    """Does a task when it is given, and tells of it at the next look. `dies`: asked before each task whether the worker dies at it.
    `stillborn`: asked of each worker whether it dies before it is ready. `on_call`: gets each call in its order."""

    def __init__(
        self,
        job: Job,
        dies: Callable[[int], bool] = lambda _: False,
        *,
        prompt: bool = False,
        stillborn: Callable[[int], bool] = lambda _: False,
        on_call: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._work = Worker(job)
        self._dies, self._stillborn, self._on_call = dies, stillborn, on_call
        self.prompt = prompt
        self._count = 0
        self._events: list[Event] = []
        self.given: list[int] = []

    def start(self) -> int:
        self._count += 1
        self._on_call(f"start {self._count}")
        if self._stillborn(self._count):
            self._events.append(Event(self._count, "died", "the test says so"))
        else:
            self._events.append(Event(self._count, "ready"))
        return self._count

    def give(self, worker: int, task: Any) -> None:
        self.given.append(task.number)
        self._on_call(f"give {worker}")
        if self._stillborn(worker):
            return
        if self._dies(len(self.given)):
            self._events.append(Event(worker, "died", "the test says so"))
            return
        try:
            self._events.append(Event(worker, "done", self._work(task)))
        except Exception as error:
            self._events.append(Event(worker, "failed", error))

    def events(self, timeout_s: float) -> list[Event]:
        found, self._events = self._events, []
        return found

    def end(self) -> None:
        self._on_call("end")

    def stop(self) -> None:
        self._on_call("stop")
        self._events.clear()
