"""Inputs of real models, made on the spot: files of many kinds, English sentences, rendered words and pages."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import re
import sys
import sysconfig
import unicodedata
import wave
import zipfile
from pathlib import Path

import numpy as np

WORDS = [
    "invoice", "total", "amount", "2026", "receipt", "4817", "London", "street", "39.50", "balance", "account", "patient",
    "dose", "250mg", "signed", "number", "transfer", "limit", "12:45", "approved", "market", "garden", "window", "silver",
    "planet", "7031", "bridge", "yellow", "engine", "88", "ticket", "platform",
]  # fmt: skip


def sentences(count: int, skip: int = 0) -> list[str]:
    """Sentences of 8 to 22 words from Python's own reference manual, always the same ones."""
    from pydoc_data.topics import topics

    text = " ".join(" ".join(topics[name].split()) for name in sorted(topics))
    found = [s for s in re.split(r"(?<=[.?!]) ", text) if 8 <= len(s.split()) <= 22 and re.fullmatch(r"[A-Z][A-Za-z ,'\-]+\.", s)]
    return found[skip : skip + count]


def wordpieces(text: str, vocabulary: dict[str, int]) -> list[int]:
    """The token numbers of an uncased WordPiece vocabulary, with [CLS] and [SEP] (Wu et al. 2016, greedy longest match)."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    tokens = [vocabulary["[CLS]"]]
    for word in re.findall(r"\w+|[^\w\s]", plain):
        start, pieces = 0, []
        while start < len(word):
            mark = "##" if start else ""
            end = next((e for e in range(len(word), start, -1) if mark + word[start:e] in vocabulary), None)
            if end is None:
                pieces = [vocabulary["[UNK]"]]
                break
            pieces.append(vocabulary[mark + word[start:end]])
            start = end
        tokens += pieces
    return [*tokens, vocabulary["[SEP]"]]


def token_rows(texts: list[str], vocabulary: dict[str, int], length: int) -> dict[str, np.ndarray]:
    """`input_ids` and `attention_mask`, int64 of (sentences, length), padded and cut."""
    ids = np.zeros((len(texts), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        tokens = wordpieces(text, vocabulary)[:length]
        ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
    return {"input_ids": ids, "attention_mask": mask}


def files() -> list[bytes]:
    """Contents of some sixty files: sources, texts, archives, binaries, images, sound."""
    library = Path(sysconfig.get_paths()["stdlib"])
    sources = [p.read_bytes() for p in sorted(library.glob("*.py")) if p.stat().st_size > 2000][::6]
    headers = [p.read_bytes() for p in sorted(Path(sysconfig.get_paths()["include"]).glob("*.h"))][::12]
    table = [{"id": n, "name": WORDS[n % len(WORDS)], "value": n * n} for n in range(200)]
    csv = "id,name,value\n" + "".join(f"{r['id']},{r['name']},{r['value']}\n" for r in table)
    paragraphs = "</p>\n<p>".join(sentences(20))
    html = f"<!doctype html>\n<html><head><title>t</title></head><body>\n<p>{paragraphs}</p></body></html>"
    xml = "<?xml version='1.0'?>\n<rows>\n" + "".join(f"<row id='{r['id']}'>{r['name']}</row>\n" for r in table) + "</rows>"
    script = "#!/bin/sh\nset -e\nfor f in *.txt; do\n  if [ -f \"$f\" ]; then echo \"$f\"; fi\ndone\n" * 8
    toml = "".join(f"[section{n}]\nname = \"{WORDS[n % len(WORDS)]}\"\nvalue = {n}\n\n" for n in range(40))
    sql = "".join(f"INSERT INTO prices (id, name) VALUES ({r['id']}, '{r['name']}');\n" for r in table)
    javascript = "".join(f"export function f{n}(a, b) {{\n  const c = a + b * {n};\n  return c;\n}}\n" for n in range(30))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", csv)
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes((8000 * np.sin(np.arange(16000) / 9)).astype("<i2").tobytes())
    texts = [csv, json.dumps(table, indent=1), html, xml, script, toml, sql, javascript, "\n".join(sentences(40, 40))]
    binaries = [packed.getvalue(), sound.getvalue(), gzip.compress(csv.encode(), mtime=0), pickle.dumps(table)]
    binaries.append(Path(sys.executable).read_bytes())
    kinds = [text.encode() for text in texts] + binaries + [image_bytes(form) for form in ("PNG", "JPEG", "BMP", "GIF")]
    return kinds + sources + headers


def image_bytes(form: str) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray((word_image("picture", 96, 32) + 1) / 2 * 255).convert("RGB").save(target, form)
    return target.getvalue()


def first_and_last(content: bytes, edge: int = 1024, block: int = 4096, padding: int = 256) -> np.ndarray:
    """magika's features, int32 of (2 * edge,): the first bytes of the stripped file, then its last ones."""
    head, tail = content[:block].lstrip()[:edge], content[-block:].rstrip()[-edge:]
    row = np.full(2 * edge, padding, dtype=np.int32)
    row[: len(head)] = list(head)
    row[2 * edge - len(tail) :] = list(tail)
    return row


def word_image(text: str, width: int, height: int, turned: bool = False) -> np.ndarray:
    """Black text on white as float32 of (height, width) in [-1, 1]."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", (width, height), 255)
    size = int(0.62 * height)
    font = ImageFont.load_default(size)
    while ImageDraw.Draw(page).textlength(text, font) > width - 8 and size > 8:
        size -= 2
        font = ImageFont.load_default(size)
    ImageDraw.Draw(page).text((4, (height - size) // 2 - 2), text, fill=0, font=font)
    array = np.asarray(page.rotate(180) if turned else page, dtype=np.float32)
    return array / 127.5 - 1


def words(count: int, width: int, height: int, seed: int, turning: bool = False) -> np.ndarray:
    """Float32 of (count, 3, height, width): rendered words with a little noise; every other one upside down if `turning`."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        text = " ".join(rng.choice(WORDS, 1 + n % 2))
        image = word_image(text, width, height, turning and n % 2 == 1) + rng.normal(0, 0.02, (height, width))
        rows.append(np.broadcast_to(np.clip(image, -1, 1), (3, height, width)))
    return np.asarray(rows, dtype=np.float32)


def pages(count: int, side: int, seed: int) -> np.ndarray:
    """Float32 of (count, 3, side, side), normalised by ImageNet's means: pages of lines of words at random places."""
    rng = np.random.default_rng(seed)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rows = []
    for _ in range(count):
        page = np.full((side, side), 1.0)
        top = int(rng.integers(8, 40))
        while top < side - 48:
            height, width, left = int(rng.integers(18, 40)), int(rng.integers(100, side - 40)), int(rng.integers(4, 30))
            line = word_image(" ".join(rng.choice(WORDS, 3)), width, height)
            page[top : top + height, left : left + width] = (line + 1) / 2
            top += height + int(rng.integers(8, 40))
        rows.append((page[None] - mean[:, None, None]) / deviation[:, None, None])
    return np.asarray(rows, dtype=np.float32)


RATE, FRAME, BEFORE = 16000, 512, 64
"""Samples a second, samples of a frame, and of the frame before it that come with it."""


def speech(seed: int, seconds: float) -> np.ndarray:
    """Harmonics of a wandering pitch under two formants, in syllables, after 0.3 s of noise."""
    generator = np.random.default_rng(seed)
    t = np.arange(int(RATE * seconds)) / RATE
    phase = 2 * np.pi * np.cumsum(110 + 30 * np.sin(8 * t) + generator.uniform(-10, 40)) / RATE
    tones = np.arange(1, 24)[:, None]
    loudness = np.exp(-(((tones * 140 - 600) / 500) ** 2)) + 0.4 * np.exp(-(((tones * 140 - 1800) / 400) ** 2))
    voice = (np.sin(tones * phase) * loudness).sum(0) * (np.sin(19 * t) > -0.3) * (t > 0.3)
    return (0.15 * voice + 0.003 * generator.standard_normal(t.size)).astype(np.float32)


def frames(wave: np.ndarray) -> list[np.ndarray]:
    padded = np.concatenate([np.zeros(BEFORE, np.float32), wave])
    return [padded[i : i + BEFORE + FRAME][None] for i in range(0, wave.size - FRAME + 1, FRAME)]
