"""tacit compile MODEL [--samples FILE] -o MODEL.tacit, or -o FOLDER of a conversation's chunks"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tacit import api, storage
from tacit.conversation import compile_conversation
from tacit.errors import InputError
from tacit.frontends.generation import Generation
from tacit.images import ImageScale
from tacit.key import Key
from tacit.model import WEIGHTS, Model
from tacit.numbers.drawing import Sampling
from tacit.search import Tolerance


def run(arguments: argparse.Namespace) -> int:
    if arguments.chunks is not None or arguments.chunk_tokens is not None:
        return conversation(arguments)
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
        tolerance=None if arguments.tolerance is None else Tolerance(**arguments.tolerance),
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


def conversation(arguments: argparse.Namespace) -> int:
    """The chunks of a conversation, in a folder."""
    folder = Path(arguments.output)
    if arguments.chunks is None or arguments.chunk_tokens is None:
        raise InputError("A conversation needs both --chunks and --chunk-tokens.")
    other = ("tolerance", "image", "trips", "like", "batch", "prompt_tokens", "new_tokens")
    given = [name for name in other if getattr(arguments, name) is not None]
    given += [name for name in ("shape", "fix", "link") if getattr(arguments, name)]
    given += ["receipts"] if arguments.receipts != "quick" else []
    if given:
        raise InputError(f"A conversation does not take --{given[0].replace('_', '-')}: leave it out.")
    require_new(folder, ".tacit", "a model")
    talk = compile_conversation(
        arguments.model,
        arguments.samples,
        chunks=arguments.chunks,
        tokens=arguments.chunk_tokens,
        sampling=sampling(arguments),
        tokenizer=arguments.tokenizer,
        held=arguments.held,
        widths=arguments.widths,
        openings=arguments.openings,
    )
    talk.save(folder)
    print(talk.models[0].report.text())
    print(
        f"wrote {folder}: {len(talk.models)} chunks of {arguments.chunk_tokens} tokens, each a private .tacit and a public .key; "
        f"{WEIGHTS}, private too, has the weights of all; {talk.models[-1].openings:,} proofs of each can hide them"
    )
    return 0


def require_new(folder: Path, ending: str, what: str) -> None:
    """Raises InputError where numbered files of a kind would mix with others, or where no folder can be made for them."""
    standing = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not standing.is_dir():
        raise InputError(f"{standing} is no folder; name one.")
    if not os.access(standing, os.W_OK | os.X_OK):
        raise InputError(f"Nothing can be written in {standing}; name another folder.")
    if folder.is_dir() and any(path.suffix == ending for path in folder.iterdir()):
        raise InputError(f"{folder} holds {what} already; name another folder.")


def targets(output: str) -> tuple[Path, Path]:
    """The model file and the key beside it: m.tacit and m.key; another ending is kept: m.bin and m.bin.key."""
    path = Path(output)
    if path.suffix == ".key":
        raise InputError(f"{path} ends like a key; name the model file, e.g. {path.with_suffix('.tacit')}.")
    return path, path.with_suffix(".key") if path.suffix == ".tacit" else path.with_name(f"{path.name}.key")


def writing(arguments: argparse.Namespace) -> str | Generation:
    """The model, as one that writes if the options say so."""
    drawn = sampling(arguments)
    path: str = arguments.model
    if arguments.prompt_tokens is None or arguments.new_tokens is None:
        if drawn is not None or arguments.tokenizer or arguments.prompt_tokens is not None or arguments.new_tokens is not None:
            raise InputError("A model that writes needs both --prompt-tokens and --new-tokens, or --chunks and --chunk-tokens.")
        return path
    return Generation(path, arguments.prompt_tokens, arguments.new_tokens, drawn, arguments.tokenizer)


def sampling(arguments: argparse.Namespace) -> Sampling | None:
    """How tokens are drawn, if the options say so."""
    settings = {"top_k": arguments.top_k, "top_p": arguments.top_p}
    if arguments.temperature is not None:
        settings["temperature"] = arguments.temperature
    return Sampling(**settings) if any(value is not None for value in settings.values()) else None


def scale(arguments: argparse.Namespace) -> ImageScale | None:
    """The scaling of pixels that the options describe."""
    if arguments.image is None:
        if arguments.image_mean or arguments.image_deviation:
            raise InputError("--image-mean and --image-deviation need --image.")
        return None
    return ImageScale(arguments.image, arguments.image_mean or (0.0,), arguments.image_deviation or (1.0,))
