"""tacit compile MODEL [--samples FILE] -o MODEL.tacit"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tacit import api, storage
from tacit.errors import InputError
from tacit.frontends.generation import Generation
from tacit.images import ImageScale
from tacit.key import Key
from tacit.model import Model
from tacit.numbers.drawing import Sampling


def run(arguments: argparse.Namespace) -> int:
    output, key = targets(arguments.output)
    read = (arguments.model, arguments.samples, arguments.held)
    for path in (output, key):
        storage.require_target(path)
        if os.path.realpath(path) in map(os.path.realpath, filter(None, read)):
            raise InputError(f"{path} would overwrite what is read; name another output.")
    model = api.compile(
        writing(arguments),
        arguments.samples,
        widths=arguments.widths,
        tolerance=arguments.tolerance,
        held=arguments.held,
        image=scale(arguments),
        shapes=dict(arguments.shape),
        trips=arguments.trips,
        fixed=dict(arguments.fix),
        like=None if arguments.like is None else Model.load(arguments.like),
        batch=arguments.batch,
        openings=arguments.openings,
        links={name: (Key.load(path), output) for name, path, output in arguments.link},
        receipts=arguments.receipts,
    )
    model.save(output, key=key)
    print(model.report.text())
    left = model.openings - (model.hidden_proofs() or 0)
    hides = f"{left:,} proofs can hide the weights" if model.openings else "proofs are transparent"
    print(f"wrote {output} (private: holds the weights) and {key} (public): {hides}")
    return 0


def targets(output: str) -> tuple[Path, Path]:
    """The model file and the key beside it: m.tacit and m.key; another ending is kept: m.bin and m.bin.key."""
    path = Path(output)
    if path.suffix == ".key":
        raise InputError(f"{path} ends like a key; name the model file, e.g. {path.with_suffix('.tacit')}.")
    return path, path.with_suffix(".key") if path.suffix == ".tacit" else path.with_name(f"{path.name}.key")


def writing(arguments: argparse.Namespace) -> str | Generation:
    """The model, as one that writes if the options say so."""
    settings = {"top_k": arguments.top_k, "top_p": arguments.top_p}
    if arguments.temperature is not None:
        settings["temperature"] = arguments.temperature
    sampled = any(value is not None for value in settings.values())
    path: str = arguments.model
    if arguments.prompt_tokens is None or arguments.new_tokens is None:
        if sampled or arguments.tokenizer or arguments.prompt_tokens is not None or arguments.new_tokens is not None:
            raise InputError("A model that writes needs both --prompt-tokens and --new-tokens.")
        return path
    return Generation(
        path, arguments.prompt_tokens, arguments.new_tokens, Sampling(**settings) if sampled else None, arguments.tokenizer
    )


def scale(arguments: argparse.Namespace) -> ImageScale | None:
    """The scaling of pixels that the options describe."""
    if arguments.image is None:
        if arguments.image_mean or arguments.image_deviation:
            raise InputError("--image-mean and --image-deviation need --image.")
        return None
    return ImageScale(arguments.image, arguments.image_mean or (0.0,), arguments.image_deviation or (1.0,))
