"""tacit compile MODEL --samples FILE -o MODEL.tacit"""

from __future__ import annotations

import argparse
from pathlib import Path

from tacit import api
from tacit.errors import ModelError


def run(arguments: argparse.Namespace) -> int:
    output = Path(arguments.output)
    if not output.parent.is_dir():
        raise ModelError(f"The folder {output.parent} does not exist.")
    model = api.compile(arguments.model, samples=arguments.samples, widths=arguments.widths, image=arguments.image)
    model.save(output)
    key_path = output.with_suffix(".key")
    model.key.save(key_path)
    print(model.report.text())
    print(f"wrote {output} (private: holds the weights) and {key_path} (public)")
    return 0
