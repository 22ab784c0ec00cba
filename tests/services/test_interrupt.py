"""Ctrl-C, and what a terminal sees, of real processes on a larger model."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import models  # noqa: E402
from tacit.services.cli import main  # noqa: E402

TACIT = "import sys; from tacit import progress; progress.SILENT_SECONDS = 0; from tacit.services.cli import main; "
READY = "print('ready', flush=True); sys.exit(main())"
NAME = "cifar_cnn"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("large")
    onnx.save(models.build(NAME), place / "model.onnx")
    np.savez(place / "samples.npz", input=models.samples(NAME, 16))
    np.savez(place / "one.npz", input=models.samples(NAME, 1))
    assert main(["compile", str(place / "model.onnx"), "--samples", str(place / "samples.npz"), "-o", str(place / "m.tacit")]) == 0
    return place


def interruptible() -> None:
    """Shells start background processes with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def command(folder: Path, name: str, output: Path) -> list[str]:
    arguments = {
        "compile": [str(folder / "model.onnx"), "--samples", str(folder / "samples.npz")],
        "prove": [str(folder / "m.tacit"), "--input", str(folder / "one.npz")],
    }[name]
    return [sys.executable, "-c", TACIT + READY, name, *arguments, "-o", str(output)]


@pytest.mark.parametrize(("name", "delay"), [("compile", 0.1), ("compile", 0.5), ("compile", 0.9), ("prove", 0.1), ("prove", 0.35)])
def test_an_interrupt_exits_with_130_and_writes_nothing(folder, tmp_path, name, delay):
    model = (folder / "m.tacit").read_bytes()
    process = subprocess.Popen(
        command(folder, name, tmp_path / "out.tacit"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=20)
    if "wrote" in out:  # a fast machine had already finished
        assert (tmp_path / "out.tacit").exists()
        return
    assert time.monotonic() - started < 2
    assert (process.returncode, out) == (130, "")
    *before, last = err.splitlines()
    assert last == "tacit: interrupted; no half-written file was left." and os.listdir(tmp_path) == []
    if before:  # the proof was made, and said what it means for the model, when the interrupt came
        assert name == "prove" and len(before) == 1 and "nothing is hidden" in before[0]
        return
    assert (folder / "m.tacit").read_bytes() == model


def test_a_terminal_sees_progress_and_a_pipe_does_not(folder, tmp_path):
    reader, writer = pty.openpty()
    done = subprocess.run(command(folder, "prove", tmp_path / "r"), stdout=subprocess.PIPE, stderr=writer)
    os.close(writer)
    shown = b""
    try:
        while part := os.read(reader, 4096):
            shown += part
    except OSError:
        pass
    assert done.returncode == 0 and b"proving: " in shown and b" %" in shown and b"s left" in shown
    assert b"committing to the weights: " in shown
    done = subprocess.run(command(folder, "prove", tmp_path / "r"), capture_output=True)
    assert done.returncode == 0 and b"%" not in done.stderr


def test_an_interrupt_waits_until_a_command_is_loaded(tmp_path):
    """Native libraries do not survive one while they load."""
    (tmp_path / "slow_command.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(1000):\n    pass\nprint('loaded', flush=True)\n"
    )
    script = "import sys; from tacit.services.cli import main as cli; sys.path.insert(0, sys.argv[1])\n" + (
        "try:\n    cli_main = sys.modules['tacit.services.cli.main']; cli_main._loaded('slow_command')\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, preexec_fn=interruptible, check=True
    )
    assert done.stdout == "loaded\ninterrupted\n"
