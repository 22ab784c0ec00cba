"""tacit prove MODEL.tacit --input FILE -o OUT.receipt [--context TEXT]"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tacit.errors import InputError
from tacit.model import Model


def run(arguments: argparse.Namespace) -> int:
    output = Path(arguments.output)
    if not output.parent.is_dir():
        raise InputError(f"The folder {output.parent} does not exist.")
    hide = None if arguments.hide is None else () if arguments.hide == "none" else tuple(arguments.hide.split(","))
    model = Model.load(arguments.model)
    model.prepare()
    started = time.perf_counter()
    receipt = model.prove(arguments.input, hide=hide, context=arguments.context)
    elapsed = time.perf_counter() - started
    receipt.save(output)
    print(f"wrote {output}: {len(receipt.to_bytes())} bytes, proved in {elapsed:.3f} s")
    return 0
