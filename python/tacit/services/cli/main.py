"""Arguments, exit codes, and which command runs."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from threading import current_thread, main_thread
from types import ModuleType
from typing import Any, NoReturn

import tacit
from tacit.errors import InvalidReceipt, TacitError

DONE, REFUSED, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130
WIDTHS = ("lean", "standard", "faithful")
DEMANDS = {"error", "cosine", "agreement"}


def shape(text: str) -> tuple[str, int | tuple[int, ...] | None]:
    """'tokens=128' -> ('tokens', 128); 'x=1,128' -> ('x', (1, 128)); 'x=none' -> ('x', None)."""
    name, _, lengths = text.rpartition("=")
    if not name:
        raise ValueError(text)
    if lengths == "none":
        return name, None
    found = tuple(int(part) for part in lengths.split(","))
    return name, found[0] if len(found) == 1 else found


def pair(text: str) -> tuple[str, str]:
    """'y=file' -> ('y', 'file')."""
    name, _, value = text.partition("=")
    if not name or not value:
        raise ValueError(text)
    return name, value


def link(text: str) -> tuple[str, str, str]:
    """'x=first.key:y' -> ('x', 'first.key', 'y')."""
    name, rest = pair(text)
    key, _, output = rest.rpartition(":")
    if not key or not output:
        raise ValueError(text)
    return name, key, output


def fixed(text: str) -> tuple[str, Any]:
    """'sr=16000' -> ('sr', 16000); lists as in JSON."""
    name, _, value = text.partition("=")
    if not name:
        raise ValueError(text)
    return name, json.loads(value)


def demands(text: str) -> dict[str, float]:
    """'0.01' -> {'error': 0.01}; 'cosine=0.9999,agreement=1' -> {'cosine': 0.9999, 'agreement': 1.0}."""
    if "=" not in text:
        return {"error": float(text)}
    found = {name: float(value) for name, value in map(pair, text.split(","))}
    if not found.keys() <= DEMANDS:
        raise ValueError(text)
    return found


SHAPE: dict[str, Any] = {
    "type": shape,
    "action": "append",
    "default": [],
    "metavar": "NAME=LENGTH[,LENGTH]",
    "help": "the length of a symbolic dimension, or the shape of an input (none: it holds nothing); repeatable",
}


TOLERANCE: dict[str, Any] = {
    "type": demands,
    "metavar": "E",
    "help": "instead of --widths: the cheapest ones whose largest error is at most this share of the largest output; "
    "or demands error=E,cosine=C,agreement=A: also the least cosine of a sample, and the share of equal argmaxes",
}

FIX: dict[str, Any] = {
    "type": fixed,
    "action": "append",
    "default": [],
    "metavar": "NAME=VALUE",
    "help": "an input that becomes a constant of the model: a number or a list as in JSON; repeatable",
}


OPENINGS = (
    "proofs that the commitment hides the weights in: 100, or with --like half of those that the other model has left; "
    "0: proofs are transparent"
)


LINK: dict[str, Any] = {
    "type": lambda text: link(text),
    "action": "append",
    "default": [],
    "metavar": "INPUT=KEY:OUTPUT",
    "help": "an input that will be the committed output of another model, by its key file; repeatable",
}


def named(what: str, text: str) -> dict[str, Any]:
    """An option NAME=what that can be given more than once."""
    return {"type": pair, "action": "append", "default": [], "metavar": f"NAME={what}", "help": f"{text}; repeatable"}


RECEIPTS: dict[str, Any] = {
    "choices": ("quick", "small"),
    "default": "quick",
    "help": "quick to make, or small: up to three times the time of a proof",
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"tacit: {message}; see 'tacit --help'.\n")


def parser() -> argparse.ArgumentParser:
    root = Parser(prog="tacit", description="Proves that a committed model, and no other, computed an output.")
    root.add_argument("--version", action="version", version=f"tacit {tacit.__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    compile_ = commands.add_parser("compile", help="a model and samples -> a model file (private) and a key (public)")
    compile_.add_argument("model", help="an ONNX or GGUF file, or the folder of a safetensors model")
    compile_.add_argument("--samples", help="a file of samples: .npz, .npy, .json, or one image; typical inputs otherwise")
    compile_.add_argument("--held", help="a file of more samples, which fix nothing and are only measured")
    compile_.add_argument("-o", "--output", required=True, help="the model file to write; the key goes beside it as .key")
    compile_.add_argument("--widths", choices=WIDTHS, default="standard", help="integer widths")
    compile_.add_argument("--tolerance", **TOLERANCE)
    compile_.add_argument("--shape", **SHAPE)
    compile_.add_argument("--trips", type=int, metavar="N", help="the most turns of a loop that the input ends, without a bound")
    compile_.add_argument("--fix", **FIX)
    compile_.add_argument("--like", metavar="MODEL", help="a model file of longer shapes, whose commitment to the weights to share")
    compile_.add_argument("--batch", type=int, metavar="N", help="samples that one proof holds, along the first axis of the input")
    compile_.add_argument("--openings", type=int, metavar="N", help=OPENINGS)
    compile_.add_argument("--link", **LINK)
    compile_.add_argument("--receipts", **RECEIPTS)
    compile_.add_argument("--image", metavar="DIVIDE", type=float, help="take images; pixels are divided by this number")
    compile_.add_argument("--image-mean", metavar="M[,M,M]", type=numbers, help="then these are subtracted")
    compile_.add_argument("--image-deviation", metavar="D[,D,D]", type=numbers, help="then these divide")

    compile_.add_argument("--prompt-tokens", type=int, metavar="M", help="a model that writes: the most tokens of a prompt")
    compile_.add_argument("--new-tokens", type=int, metavar="N", help="and how many tokens it writes behind a prompt")
    compile_.add_argument("--temperature", type=float, metavar="T", help="draw tokens from a seed, not the likeliest")
    compile_.add_argument("--top-k", type=int, metavar="K", help="draw among the K likeliest")
    compile_.add_argument("--top-p", type=float, metavar="P", help="draw among the likeliest that have this share of all weight")
    compile_.add_argument("--tokenizer", metavar="FILE", help="a tokenizer.json, where the model's own cannot be read")

    compile_.add_argument("--chunks", type=int, metavar="N", help="a conversation of so many chunks; -o names a folder for them")
    compile_.add_argument("--chunk-tokens", type=int, metavar="N", help="and how many tokens each chunk has")

    prove = commands.add_parser("prove", help="a model file and an input -> a receipt")
    prove.add_argument("model", help="a model file written by compile")
    prove.add_argument("--input", help="a file with one input, or a batch: .npz, .npy, .json, .png or .jpg")
    prove.add_argument("-o", "--output", required=True, help="the receipt to write")
    hide = "names, by commas: weights, inputs, outputs, single tensors; 'none': a transparent proof; default: weights,inputs"
    prove.add_argument("--hide", default=None, metavar="NAMES", help=hide)
    prove.add_argument("--commit", **named("FILE", "hide a tensor in a commitment of its own; its secret goes to the file"))
    prove.add_argument("--committed", **named("FILE", "an input that an earlier proof committed to, by the secret's file"))
    prove.add_argument("--context", default="", help="text that the receipt is bound to")

    generate = commands.add_parser("generate", help="a model file that writes and a prompt -> a text and its receipt")
    generate.add_argument("model", help="a model file that was compiled with --new-tokens, or a folder with --chunks")
    generate.add_argument("--prompt", metavar="TEXT", help="what the text begins with")
    generate.add_argument("--tokens", metavar="N,N,...", type=whole, help="the same as token numbers")
    generate.add_argument("-o", "--output", required=True, help="the receipt to write, or the folder for a conversation's")
    generate.add_argument("--new-tokens", type=int, metavar="N", help="of a conversation: the most tokens of the answer")
    generate.add_argument("--seed", metavar="TEXT", help="what the tokens are drawn from, if the model draws them")
    generate.add_argument("--hide", default=None, metavar="NAMES", help=hide)
    generate.add_argument("--context", default="", help="text that the receipt is bound to")

    open_ = commands.add_parser("open", help="a committed tensor's secret and its receipt -> what reveals the tensor to others")
    open_.add_argument("secret", help="a file written by prove --commit")
    open_.add_argument("receipt", help="a receipt that hides the tensor")
    open_.add_argument("--key", required=True, help="the key of the receipt's model")
    open_.add_argument("--name", required=True, help="what the receipt's model calls the tensor")
    open_.add_argument("-o", "--output", required=True, help="the opening to write")

    verify = commands.add_parser("verify", help="a receipt and a key -> valid or not; several: a chain, or a conversation")
    verify.add_argument("receipt", nargs="+", help="a receipt file, or several of a chain in order, or a folder of them")
    keys = "the model's key; of several receipts one, or one each, or a folder of them"
    verify.add_argument("--key", required=True, action="append", help=keys)
    verify.add_argument("--context", default="", help="the text that the receipt must be bound to")
    verify.add_argument("--opening", **named("FILE", "what its owner revealed of a tensor that the receipt commits to"))
    verify.add_argument("--seed", metavar="TEXT", help="what tokens must have been drawn from, of a model that draws them")

    encode = commands.add_parser("encode", help="writes the encoded weights of a large model beside its file: faster proofs")
    encode.add_argument("model", help="a model file")

    recommit = commands.add_parser("recommit", help="a model file -> another commitment to its weights, for more hiding proofs")
    recommit.add_argument("model", help="a model file that was compiled with --openings")
    recommit.add_argument("-o", "--output", required=True, help="the model file to write; the key goes beside it as .key")

    inspect = commands.add_parser("inspect", help="what a model file, key or receipt says: proved, hidden, assumed; bits, costs")
    inspect.add_argument("file", nargs="?", help="a .tacit, .key or receipt file")
    inspect.add_argument("--bits", metavar="leaves=N,cells=N", help="instead: the bits of any circuit of this size, as in 2^28")

    bench = commands.add_parser("bench", help="measure a model: one JSON object")
    bench.add_argument("model", help="an ONNX or GGUF file, or the folder of a safetensors model")
    bench.add_argument("--samples", help="a file of samples; seeded random ones in [0, 1] otherwise")
    bench.add_argument("--peer", choices=("ezkl",), help="measure this system on the same file, too (pip install ezkl)")
    bench.add_argument("--runs", type=int, default=5, help="proofs to take the median of")
    bench.add_argument("--json", action="store_true", help="print one line of JSON")
    bench.add_argument("--widths", choices=WIDTHS, default="standard", help="integer widths")
    bench.add_argument("--tolerance", **TOLERANCE)
    bench.add_argument("--batch", type=int, metavar="N", help="samples that one proof holds; those given are repeated to fill it")
    bench.add_argument("--held", help="a file of more samples, which are only measured")
    bench.add_argument("--shape", **SHAPE)
    bench.add_argument("--openings", type=int, default=100, metavar="N", help="as in compile; 0: transparent proofs")
    bench.add_argument("--receipts", **RECEIPTS)
    return root


def numbers(text: str) -> tuple[float, ...]:
    """'0.5,0.4' -> (0.5, 0.4)."""
    return tuple(float(part) for part in text.split(","))


def whole(text: str) -> list[int]:
    """'5,12' -> [5, 12]."""
    return [int(part) for part in text.split(",")]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the return value is the exit code. Without `argv` this is the whole process, and an interrupt ends
    it at once: native libraries that were interrupted while they loaded may crash when the interpreter takes them down."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("tacit: %(message)s"))
    log = logging.getLogger("tacit")
    log.addHandler(handler)
    try:
        code = _guarded(argv)
    finally:
        log.removeHandler(handler)
    if argv is None and code == INTERRUPTED:
        sys.stderr.flush()
        os._exit(code)
    return code


def _guarded(argv: Sequence[str] | None) -> int:
    """Every error becomes one sentence and its exit code."""
    try:
        arguments = parser().parse_args(argv)
        command = _loaded(f"tacit.services.cli.{arguments.command}")
        code: int = command.run(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else DONE
    except InvalidReceipt as error:
        return _say(str(error), REFUSED)
    except TacitError as error:
        return _say(str(error), USAGE)
    except KeyboardInterrupt:
        return _say("interrupted; no half-written file was left.", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has left; nothing more can be said there, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except MemoryError:
        return _say("the machine has too little memory for this model.", USAGE)
    except OSError as error:
        return _say(f"{error.filename or 'the output'} cannot be used ({error.strerror or type(error).__name__}).", USAGE)
    except Exception as error:
        logging.getLogger("tacit").debug("fault", exc_info=True)
        return _say(f"a fault in Tacit itself ({type(error).__name__}: {_one_line(error)}); please report it.", FAULT)


def _loaded(name: str) -> ModuleType:
    """The module of a command. An interrupt waits until it is loaded: native libraries that one meets while they load fail with an
    error of their own, or crash."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or current_thread() is not main_thread():
        return importlib.import_module(name)
    held: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        module = importlib.import_module(name)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if held:
        raise KeyboardInterrupt
    return module


def _say(sentence: str, code: int) -> int:
    print(f"tacit: {' '.join(sentence.split())}", file=sys.stderr)
    return code


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
