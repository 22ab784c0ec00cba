"""Runs a long computation of the core in a thread, shows how far it is on a terminal, and stops it on Ctrl-C."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tacit import _core

Result = TypeVar("Result")

POLL = 0.05
SILENT_SECONDS = 0.7


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
    started = time.monotonic()
    shown = False
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL)
            shown = _show(title, progress, time.monotonic() - started) or shown
    except KeyboardInterrupt:
        progress.stop()
        thread.join()
        raise
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    if failure:
        raise failure[0]
    return outcome[0]


def _show(title: str, progress: _core.Progress, elapsed: float) -> bool:
    if elapsed < SILENT_SECONDS or not sys.stderr.isatty():
        return False
    share = progress.fraction()
    left = f", about {elapsed * (1 - share) / share:.0f} s left" if share > 0.05 else ""
    print(f"\r\033[K{title}: {100 * share:.0f} %{left}", end="", file=sys.stderr, flush=True)
    return True
