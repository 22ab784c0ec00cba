"""Proves the reading of a held-out handwritten digit, and verifies it in a second process that has only key and receipt."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import tacit

HERE = Path(__file__).resolve().parent
SHADES = " .:-=+*#%@"
WHICH = 7


def draw(image: np.ndarray) -> str:
    """An image in [0, 1], two characters a pixel."""
    rows = np.clip((image * (len(SHADES) - 1)).round().astype(int), 0, len(SHADES) - 1)
    return "\n".join("    " + "".join(SHADES[v] * 2 for v in row) for row in rows)


def elsewhere(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """The `tacit` command in a process of its own."""
    command = [sys.executable, "-c", "import sys; from tacit.services.cli import main; sys.exit(main())", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def main() -> int:
    data = np.load(HERE / "heldout.npz")
    images = data["images"].astype(np.float32) / 16
    images, labels = images.reshape(-1, 1, 8, 8), data["labels"]

    started = time.perf_counter()
    model = tacit.compile(HERE / "digits.onnx", samples=images[-64:])
    print(f"compiled digits.onnx in {time.perf_counter() - started:.2f} s")
    print(model.report.text())

    image, label = images[WHICH], int(labels[WHICH])
    print(f"\nheld-out image {WHICH}:\n{draw(image[0])}\n")
    started = time.perf_counter()
    receipt = model.prove(image, context=b"demo")
    proved = time.perf_counter() - started
    tacit.verify(receipt, model.key, context=b"demo")
    answer = int(np.argmax(receipt.outputs[0]))
    print(f"the committed model reads {answer} (label {label}); proved in {1000 * proved:.0f} ms")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.save(folder / "digits.tacit")
        model.key.save(folder / "digits.key")
        receipt.save(folder / "digits.receipt")
        sizes = {path.suffix: path.stat().st_size for path in folder.iterdir()}
        print(f"sizes: model {sizes['.tacit']:,} bytes (private), key {sizes['.key']:,}, receipt {sizes['.receipt']:,}")
        public = ["verify", str(folder / "digits.receipt"), "--key", str(folder / "digits.key"), "--context", "demo"]
        checked = elsewhere(public)
        print(f"second process, key and receipt only: exit {checked.returncode}\n  {checked.stdout.strip()}")

        tampered = bytearray(receipt.to_bytes())
        tampered[len(tampered) // 2] ^= 1
        (folder / "digits.receipt").write_bytes(tampered)
        refused = elsewhere(public)
        print(f"one bit flipped: exit {refused.returncode}\n  {refused.stderr.strip()}")
    print("hidden from whoever verifies: the weights, the image and everything inside the model; shown: the output")
    print("learnt anyway: the architecture, its sizes, scales and tables (SECURITY.md lists them)")
    print(f"proof 1 of the {model.openings} that this commitment hides the weights in")
    return 0 if checked.returncode == 0 and refused.returncode == 1 and answer == label else 1


if __name__ == "__main__":
    sys.exit(main())
