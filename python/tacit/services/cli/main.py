"""Arguments, exit codes, and which command runs."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from tacit.errors import InvalidReceipt, TacitError

DONE, REFUSED, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str):
        self.exit(USAGE, f"tacit: {message}; see 'tacit --help'.\n")


def parser() -> argparse.ArgumentParser:
    root = Parser(prog="tacit", description="Proves that a committed model, and no other, computed an output.")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    compile_ = commands.add_parser("compile", help="an ONNX file and samples -> a model file (private) and a key (public)")
    compile_.add_argument("model", help="an ONNX file")
    compile_.add_argument("--samples", required=True, help="a file of samples: .npz, .npy or .json")
    compile_.add_argument("-o", "--output", required=True, help="the model file to write; the key is written beside it as .key")
    compile_.add_argument("--widths", choices=("lean", "standard", "faithful"), default="standard", help="integer widths")
    compile_.add_argument("--image", metavar="DIVIDE", type=float, help="images are accepted; pixels are divided by this number")

    prove = commands.add_parser("prove", help="a model file and an input -> a receipt")
    prove.add_argument("model", help="a model file written by compile")
    prove.add_argument("--input", required=True, help="a file with one input: .npz, .npy, .json, .png or .jpg")
    prove.add_argument("-o", "--output", required=True, help="the receipt to write")
    prove.add_argument("--hide", default=None, help="'none'; this version hides nothing")
    prove.add_argument("--context", default="", help="text that the receipt is bound to")

    verify = commands.add_parser("verify", help="a receipt and a key -> valid or not")
    verify.add_argument("receipt", help="a receipt file")
    verify.add_argument("--key", required=True, help="the model's key")
    verify.add_argument("--context", default="", help="the text that the receipt must be bound to")

    inspect = commands.add_parser("inspect", help="what a model file, key or receipt says: proved, hidden, assumed; bits, sizes, costs")
    inspect.add_argument("file", help="a .tacit, .key or receipt file")

    bench = commands.add_parser("bench", help="measure a model: one JSON object")
    bench.add_argument("model", help="an ONNX file")
    bench.add_argument("--samples", help="a file of samples; seeded random ones in [0, 1] otherwise")
    bench.add_argument("--peer", choices=("ezkl",), help="measure this system on the same file, too (pip install ezkl)")
    bench.add_argument("--runs", type=int, default=5, help="proofs to take the median of")
    bench.add_argument("--json", action="store_true", help="print JSON only")
    bench.add_argument("--widths", choices=("lean", "standard", "faithful"), default="standard", help="integer widths")
    return root


def run(arguments: argparse.Namespace) -> int:
    if arguments.command == "verify":
        from tacit.services.cli import verify as command
    elif arguments.command == "compile":
        from tacit.services.cli import compile as command  # type: ignore[no-redef]
    elif arguments.command == "prove":
        from tacit.services.cli import prove as command  # type: ignore[no-redef]
    elif arguments.command == "inspect":
        from tacit.services.cli import inspect as command  # type: ignore[no-redef]
    else:
        from tacit.services.cli import bench as command  # type: ignore[no-redef]
    return command.run(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the return value is the exit code."""
    logging.basicConfig(format="tacit: %(message)s", level=logging.WARNING)
    try:
        arguments = parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return run(arguments)
    except InvalidReceipt as error:
        print(f"tacit: {error}", file=sys.stderr)
        return REFUSED
    except TacitError as error:
        print(f"tacit: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("tacit: interrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    except MemoryError:
        print("tacit: the machine has too little memory for this model.", file=sys.stderr)
        return USAGE
    except Exception as error:
        logging.getLogger("tacit").debug("fault", exc_info=True)
        print(f"tacit: a fault in Tacit itself ({type(error).__name__}: {_one_line(error)}); please report it.", file=sys.stderr)
        return FAULT


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
