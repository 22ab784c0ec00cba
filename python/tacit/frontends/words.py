"""Texts and token numbers: the tokenizer of a model, as the JSON that the package `tokenizers` reads.

Folders have a `tokenizer.json`. GGUF files hold vocabulary and merges of byte-pair encodings over bytes (Radford et al. 2019) and
the name of the expression that cuts texts into pieces first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tacit.errors import InputError, ModelError
from tacit.frontends import gguf, safetensors
from tacit.frontends.checkpoint import Settings

FILE, CONTROL = "tokenizer.json", (3, 4)
"""What `tokenizer.ggml.token_type` calls tokens that texts do not spell out: control and user-defined ones."""
EXTRA = "pip install 'tacit-zkml[text]'"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DIGITS = {"type": "Digits", "individual_digits": True}
PIECES: dict[str, tuple[str, bool]] = {
    "gpt-2": (GPT2, False),
    "gpt2": (GPT2, False),
    "smollm": (GPT2, True),
    "qwen2": (CONTRACTIONS + r"\p{N}" + REST, False),
    "llama-bpe": (CONTRACTIONS + r"\p{N}{1,3}" + REST, False),
}
"""`tokenizer.ggml.pre` -> the expression whose matches are encoded one by one, and whether every digit is a piece of its own
before that; as the tokenizers that the models were published with have them."""


@dataclass(frozen=True)
class Words:
    """A tokenizer: `description` is the JSON of a `tokenizer.json`; `ends`: tokens behind which a text is over."""

    description: str
    ends: tuple[int, ...] = ()

    def encode(self, text: str) -> list[int]:
        """Raises InputError for an empty text, ModelError where the package is missing or cannot use the description."""
        found: list[int] = self._tokenizer().encode(text).ids
        if not found:
            raise InputError("The prompt has no tokens; give a text.")
        return found

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens up to the first that ends it, special ones left out."""
        stop = next((i for i, token in enumerate(tokens) if token in self.ends), len(tokens))
        text: str = self._tokenizer().decode(list(tokens[:stop]))
        return text

    def _tokenizer(self) -> Any:
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise ModelError(f"Texts need the package tokenizers: {EXTRA}; or give token numbers.") from None
        try:
            return Tokenizer.from_str(self.description)
        except Exception as error:  # the package raises Exception itself
            raise ModelError(f"The model's tokenizer cannot be used ({' '.join(str(error).split())[:200]}).") from None

    def to_json(self) -> dict[str, Any]:
        return {"description": self.description, "ends": list(self.ends)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Words:
        return cls(str(data["description"]), tuple(int(token) for token in data["ends"]))


def words_of(model: str | os.PathLike[str], tokenizer: str | os.PathLike[str] | None = None) -> Words | None:
    """The tokenizer of a model's file or folder, or of the file `tokenizer`; None where the model has none that can be read. Raises
    ModelError for files that are damaged or missing."""
    path = Path(model)
    if gguf.is_gguf(path):
        settings = Settings(str(path), gguf.read(path)[0])
        end = settings.entries.get("tokenizer.ggml.eos_token_id")
        description = _read(Path(tokenizer)) if tokenizer is not None else from_gguf(settings)
        return None if description is None else Words(description, () if end is None else (int(end),))
    folder = path if path.is_dir() else path.parent
    source = folder / FILE if tokenizer is None else Path(tokenizer)
    if tokenizer is None and not source.exists():
        return None
    return Words(_read(source), ends_of(folder))


def ends_of(folder: Path) -> tuple[int, ...]:
    """`eos_token_id` of a folder's generation settings, or of its model's."""
    for name in ("generation_config.json", safetensors.CONFIG):
        path = folder / name
        found = safetensors.read_object(path).get("eos_token_id") if path.exists() else None
        if found is not None:
            ends = found if isinstance(found, list) else [found]
            if not all(type(end) is int for end in ends):
                raise ModelError(f"{path} gives 'eos_token_id' as {repr(found)[:60]}, which is no token number.")
            return tuple(ends)
    return ()


def from_gguf(settings: Settings) -> str | None:
    """The description of a byte-pair encoding over bytes in a GGUF file's metadata; None for other kinds."""
    known = settings.entries
    pieces = PIECES.get(known.get("tokenizer.ggml.pre", ""))
    if known.get("tokenizer.ggml.model") != "gpt2" or pieces is None or not isinstance(known.get("tokenizer.ggml.merges"), list):
        return None
    tokens = settings.given("tokenizer.ggml.tokens")
    kinds = known.get("tokenizer.ggml.token_type", [])
    special = [i for i, kind in enumerate(kinds) if kind in CONTROL and i < len(tokens)]
    expression, apart = pieces
    steps: list[dict[str, Any]] = [DIGITS] if apart else []
    steps.append({"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False})
    steps.append({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False})
    begin = known.get("tokenizer.ggml.bos_token_id") if known.get("tokenizer.ggml.add_bos_token") else None
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [_added(i, tokens[i], bool(kinds[i] == CONTROL[0])) for i in special],
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
            "post_processor": None if begin is None else _beginning(int(begin), tokens[int(begin)]),
            "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "vocab": {token: i for i, token in enumerate(tokens)},
                "merges": known["tokenizer.ggml.merges"],
            },
        }
    )


def _added(number: int, content: str, special: bool) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}
    return {"id": number, "content": content, **flags}


def _beginning(number: int, content: str) -> dict[str, Any]:
    """A post-processor that puts one token before every text."""
    first, text = {"SpecialToken": {"id": content, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    other = {"Sequence": {"id": "B", "type_id": 1}}
    special = {content: {"id": content, "ids": [number], "tokens": [content]}}
    return {"type": "TemplateProcessing", "single": [first, text], "pair": [first, text, other], "special_tokens": special}


def _read(path: Path) -> str:
    return json.dumps(safetensors.read_object(path))
