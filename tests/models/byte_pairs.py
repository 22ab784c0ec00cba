"""Byte-pair encoding (Sennrich et al. 2016; over bytes as in GPT-2) with the vocabulary and merges of a GGUF file."""

from __future__ import annotations

import re
from typing import Any

PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+|\d| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
"""Words, single digits, other signs; a word keeps the space before it."""


class BytePairs:
    def __init__(self, metadata: dict[str, Any]) -> None:
        self.tokens: list[str] = metadata["tokenizer.ggml.tokens"]
        self.numbers = {token: number for number, token in enumerate(self.tokens)}
        self.ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(metadata["tokenizer.ggml.merges"])}
        shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
        rest = [byte for byte in range(256) if byte not in shown]
        self.letters = {byte: chr(byte) for byte in shown} | {byte: chr(256 + i) for i, byte in enumerate(rest)}
        self.bytes = {letter: byte for byte, letter in self.letters.items()}

    def encode(self, text: str) -> list[int]:
        found = []
        for piece in PIECES.findall(text):
            parts = [self.letters[byte] for byte in piece.encode()]
            while len(parts) > 1:
                rank, at = min((self.ranks.get(pair, len(self.ranks)), i) for i, pair in enumerate(zip(parts, parts[1:])))
                if rank == len(self.ranks):
                    break
                parts[at : at + 2] = [parts[at] + parts[at + 1]]
            found += [self.numbers[part] for part in parts]
        return found

    def decode(self, numbers: list[int]) -> str:
        return bytes(self.bytes[letter] for number in numbers for letter in self.tokens[number]).decode("utf-8", "replace")
