"""The demonstration on handwritten digits: right, quick, and honest."""

from __future__ import annotations

import subprocess
import sys
import time

from small_models import ROOT


def test_the_demo():
    started = time.monotonic()
    done = subprocess.run([sys.executable, str(ROOT / "examples/digits/demo.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 10
    assert done.stderr == ""
    for part in ("reads 9 (label 9)", "security 128", "proved in", "bytes (private)", "exit 0", "exit 1", "nothing is hidden"):
        assert part in done.stdout, part
