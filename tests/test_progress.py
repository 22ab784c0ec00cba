"""Long work shows a line on a terminal and nothing on a pipe, passes errors on, and stops."""

from __future__ import annotations

import io
import os
import pty
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat

import numpy as np
import pytest

import tacit
from small_models import dense_model
from tacit import progress


class Terminal:
    """A pseudo-terminal in the place of stderr."""

    def __enter__(self):
        self.reader, writer = pty.openpty()
        self.file = open(writer, "w")  # noqa: SIM115 - closed in __exit__
        self.old, sys.stderr = sys.stderr, self.file
        return self

    def __exit__(self, *_):
        sys.stderr = self.old
        self.file.close()

    def text(self) -> str:
        os.set_blocking(self.reader, False)
        found = b""
        try:
            while part := os.read(self.reader, 4096):
                found += part
        except OSError:
            pass
        return found.decode()


def late() -> None:
    raise TimeoutError


def wait(_: object) -> str:
    time.sleep(0.2)
    return "done"


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.0)


def test_a_terminal_sees_a_line_that_is_wiped(at_once):
    with Terminal() as terminal:
        assert progress.run("proving", wait) == "done"
        text = terminal.text()
    assert "proving: 0 %" in text and text.endswith("\r\033[K") and "\n" not in text


def test_a_terminal_sees_how_many_samples_are_done(at_once):
    with Terminal() as terminal:
        for _ in progress.each("observing", range(4)):
            time.sleep(0.01)
        text = terminal.text()
    assert "observing: 75 %, about 0 s left" in text and text.endswith("\r\033[K")


def test_a_terminal_sees_what_another_thread_works_out(at_once):
    """And which part of the whole it is; what fails there fails here."""
    stop, shares = threading.Event(), chain([0.25], repeat(0.5))

    def share() -> float:
        found = next(shares)
        if found == 0.5:
            stop.set()
        return found

    with ThreadPoolExecutor(1) as pool, Terminal() as terminal:
        with progress.within("chunk 2"):
            assert progress.wait("writing", pool.submit(stop.wait, 60), share)
        text = terminal.text()
        with pytest.raises(TimeoutError):
            progress.wait("writing", pool.submit(late), lambda: 0.5)
    assert "chunk 2: writing: 25 %" in text and "chunk 2: writing: 50 %" in text and text.endswith("\r\033[K")
    assert progress.Line("proving").title == "proving"


def test_short_work_shows_nothing():
    with Terminal() as terminal:
        progress.run("proving", wait)
        assert terminal.text() == ""


def test_a_pipe_sees_nothing(at_once, monkeypatch):
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    progress.run("proving", wait)
    assert list(progress.each("observing", range(3))) == [0, 1, 2]
    monkeypatch.setattr(sys, "stderr", None)
    assert progress.run("proving", wait) == "done"
    assert pipe.getvalue() == ""


def test_errors_of_the_work_are_passed_on():
    def fail(_: object) -> None:
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        progress.run("proving", fail)


@pytest.fixture
def interruptible():
    """Shells start background processes with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_stops_the_core_and_the_model_proves_again(model, samples, interruptible):
    """The stop flag reaches the core: work that never ends by itself ends, and the same prover still works."""
    flags = []

    def endless(core):
        flags.append(core)
        while True:
            wide._prover.prove(public, witness, b"", core)

    from tacit.execute import execute

    wide = tacit.compile(dense_model((6, 300, 300, 3)), samples=samples)
    witness, public, _ = execute(wide.program, wide.tensors(), wide.integers({"x": samples[:1]}))
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        progress.run("proving", endless)
    assert time.monotonic() - started < 1.5 and flags
    receipt = wide.prove(np.zeros((1, 6), np.float32))
    tacit.verify(receipt, wide.key)
