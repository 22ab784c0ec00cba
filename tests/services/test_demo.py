"""The demonstration on handwritten digits: right, quick, and honest."""

from __future__ import annotations

import resource
import subprocess
import sys

from small_models import ROOT


def processor_seconds() -> float:
    """Of all processes that have ended, so that a busy machine does not matter."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def test_the_demo():
    used = processor_seconds()
    done = subprocess.run([sys.executable, str(ROOT / "examples/digits/demo.py")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert processor_seconds() - used < 6
    assert done.stderr == ""
    parts = ("reads 9 (label 9)", "security 128", "proved in", "bytes (private)", "exit 0", "exit 1")
    hiding = ("weights, image (hidden)", "hidden from whoever verifies: the weights, the image and", "proof 1 of the 100")
    for part in (*parts, *hiding):
        assert part in done.stdout, part
