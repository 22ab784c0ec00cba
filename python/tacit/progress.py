"""Runs a long computation of the core in a thread, shows how far it is on a terminal, and stops it on Ctrl-C."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from typing import TypeVar

from tacit import _core

Result = TypeVar("Result")
Item = TypeVar("Item")

POLL = 0.05
SILENT_SECONDS = 0.7
TELLING_SHARE = 0.05
"""Below this share of the work the time left is not worth showing."""
PARTS: list[str] = []
"""Of which parts of longer work lines speak, the outermost first."""


@contextmanager
def within(part: str) -> Iterator[None]:
    """Lines that are shown meanwhile begin with the name of this part of the work."""
    PARTS.append(part)
    try:
        yield
    finally:
        PARTS.pop()


def run(title: str, work: Callable[[_core.Progress], Result]) -> Result:
    """The result of `work(progress)`. On a terminal (stderr) a line shows progress and time left; on a pipe, nothing.

    Ctrl-C sets the stop flag, waits for the core to leave, and raises KeyboardInterrupt.
    """
    progress = _core.Progress()
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            outcome.append(work(progress))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body, daemon=True)
    line = Line(title)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(POLL)
            line.show(progress.fraction())
    except KeyboardInterrupt:
        progress.stop()
        thread.join()
        raise
    finally:
        line.clear()
    if failure:
        raise failure[0]
    return outcome[0]


def each(title: str, items: Sequence[Item]) -> Iterator[Item]:
    """The items, one after another; a terminal sees how many are done."""
    line = Line(title)
    try:
        for done, item in enumerate(items):
            line.show(done / len(items))
            yield item
    finally:
        line.clear()


def wait(title: str, work: futures.Future[Result], share: Callable[[], float]) -> Result:
    """What another thread works out; a terminal sees how much of it is done."""
    line = Line(title)
    try:
        while not futures.wait([work], POLL).done:
            line.show(share())
    finally:
        line.clear()
    return work.result()


class Line:
    """One line on a terminal's stderr, shown when work takes longer than SILENT_SECONDS; nothing on a pipe."""

    def __init__(self, title: str) -> None:
        self.title = ": ".join([*PARTS, title])
        self.started = time.monotonic()
        self.shown = False

    def show(self, share: float) -> None:
        elapsed = time.monotonic() - self.started
        if elapsed < SILENT_SECONDS or sys.stderr is None or not sys.stderr.isatty():
            return
        left = f", about {elapsed * (1 - share) / share:.0f} s left" if share > TELLING_SHARE else ""
        print(f"\r\033[K{self.title}: {100 * share:.0f} %{left}", end="", file=sys.stderr, flush=True)
        self.shown = True

    def clear(self) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
