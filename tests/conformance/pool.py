"""Cases over worker processes: each with a time limit; a worker that dies or is late is replaced, and its case says so."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

Work = Callable[[str], Any]
_processes = multiprocessing.get_context("fork")


@dataclass
class Worker:
    """One process that answers names with results, one at a time."""

    work: Work
    end: Connection = field(init=False)
    process: Any = field(init=False)
    name: str = ""
    deadline: float = 0.0

    def __post_init__(self) -> None:
        self.end, theirs = _processes.Pipe()
        self.process = _processes.Process(target=_serve, args=(self.work, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def give(self, name: str, limit: float) -> None:
        self.name, self.deadline = name, time.monotonic() + limit
        self.end.send(name)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.end.close()


def _serve(work: Work, end: Connection) -> None:
    sys.stdin.close()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    while True:
        try:
            name = end.recv()
        except EOFError:
            return
        end.send(work(name))


def spread(
    work: Work, names: Sequence[str], jobs: int, limit: float, lost: Callable[[str, str], Any]
) -> Iterator[tuple[str, Any]]:
    """Yields (name, work(name)) as they finish; `lost(status, reason)` in place of a result that never came."""
    waiting = deque(names)
    workers: list[Worker] = []
    try:
        while waiting or workers:
            while waiting and len(workers) < jobs:
                workers.append(Worker(work))
                workers[-1].give(waiting.popleft(), limit)
            soonest = min(worker.deadline for worker in workers)
            ready = wait([worker.end for worker in workers], timeout=max(0.0, soonest - time.monotonic()))
            for worker in list(workers):
                if worker.end in ready:
                    try:
                        result = worker.end.recv()
                    except (EOFError, ConnectionError):
                        worker.process.join()
                        result = lost("crashed", f"the process ended with {worker.process.exitcode}")
                elif time.monotonic() >= worker.deadline:
                    result = lost("late", f"not done after {limit:g} s")
                else:
                    continue
                yield worker.name, result
                if worker.process.is_alive() and worker.end in ready and waiting:
                    worker.give(waiting.popleft(), limit)
                else:
                    worker.stop()
                    workers.remove(worker)
    finally:
        for worker in workers:
            worker.stop()
