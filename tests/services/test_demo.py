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
    parts = ("reads 9 (label 9)", "security 128", "proved in", "bytes (private)", "exit 0", "exit 1")
    hiding = ("weights, image (hidden)", "hidden from whoever verifies: the weights, the image and", "proof 1 of the 100")
    for part in (*parts, *hiding):
        assert part in done.stdout, part
