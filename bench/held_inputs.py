"""Hundreds of inputs that no model was compiled with: files of this machine, English sentences, sounds, words in many fonts."""

from __future__ import annotations

import os
import re
import string
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

import real_inputs as given

FOLDERS = ("/usr", "/etc", "/bin", "/lib", "/opt", sys.prefix, sys.base_prefix)
LARGEST, SMALLEST = 8 << 20, 600
RATE, FRAME, BEFORE = 16000, 512, 64
"""A frame of sound, and the samples before it that are given with it."""


def walk() -> Iterator[Path]:
    for folder in dict.fromkeys(os.path.realpath(f) for f in FOLDERS if os.path.isdir(f)):
        for root, names, files in os.walk(folder):
            names[:] = sorted(n for n in names if not n.startswith("."))
            yield from (Path(root) / name for name in sorted(files))


@cache
def files_by_kind(most: int) -> dict[str, list[Path]]:
    """Readable files of this machine by the end of their name, at most `most` of a kind, each out of a folder of its own."""
    found: dict[str, list[Path]] = {}
    folders: set[tuple[str, Path]] = set()
    for path in walk():
        kind = path.suffix.lower()[:8] or "none"
        kept = found.setdefault(kind, [])
        if len(kept) >= most or (kind, path.parent) in folders:
            continue
        try:
            if not path.is_symlink() and path.is_file() and SMALLEST < path.stat().st_size < LARGEST and os.access(path, os.R_OK):
                kept.append(path)
                folders.add((kind, path.parent))
        except OSError:
            continue
    return {kind: paths for kind, paths in sorted(found.items()) if paths}


def file_rows(count: int, most: int = 6, seed: int = 5) -> np.ndarray:
    """magika's features of `count` files at most, int32 of (count, 2048)."""
    paths = [path for paths in files_by_kind(most).values() for path in paths]
    chosen = np.random.default_rng(seed).permutation(len(paths))[:count]
    return np.stack([given.first_and_last(paths[n].read_bytes()) for n in sorted(chosen)])


@cache
def texts() -> str:
    """English prose of this machine: licences, the descriptions of packages, docstrings of Python's library."""
    found = [path.read_text(errors="ignore") for path in sorted(Path("/usr/share/common-licenses").glob("*")) if path.is_file()]
    for folder in dict.fromkeys(sys.path):
        if folder.endswith("site-packages"):
            found += [path.read_text(errors="ignore") for path in sorted(Path(folder).glob("*.dist-info/METADATA"))]
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        found += re.findall(r'"""(.+?)"""', path.read_text(errors="ignore"), re.S)
    return "\n\n".join(found)


@cache
def prose(count: int, seed: int = 5) -> list[str]:
    """Sentences of 5 to 28 words, no two alike, out of `texts` and Python's reference manual."""
    plain = " ".join(texts().split())
    pattern = r"[A-Z][A-Za-z0-9 ,;:'()\-/]+[.?!]"
    found = {s for s in re.split(r"(?<=[.?!]) ", plain) if 5 <= len(s.split()) <= 28 and re.fullmatch(pattern, s)}
    ordered = sorted(found | set(given.sentences(1000, 32)))
    return [ordered[n] for n in np.random.default_rng(seed).permutation(len(ordered))[:count]]


@cache
def fonts() -> list[str]:
    """Paths of outline fonts with Latin letters: those of the system and of packages. Pillow's own where there is none."""
    places = [Path("/usr/share/fonts"), *(Path(folder) / "matplotlib" / "mpl-data" for folder in sys.path)]
    found: dict[str, str] = {}
    for place in places:
        for path in sorted(place.rglob("*.ttf")):
            if not re.match(r"(cmex|cmsy|STIXNonUni|STIXSiz|DejaVuMath|DejaVuSansDisplay|DejaVuSerifDisplay)", path.name):
                found.setdefault(path.name, str(path))
    return [found[name] for name in sorted(found)]


def random_text(rng: np.random.Generator) -> str:
    """A word or two, a number, a date, or letters and digits at random."""
    kind = int(rng.integers(0, 5))
    if kind == 0:
        return " ".join(rng.choice(given.WORDS, int(rng.integers(1, 3))))
    if kind == 1:
        return "".join(rng.choice(list(string.ascii_letters + string.digits), int(rng.integers(3, 11))))
    if kind == 2:
        return f"{rng.integers(0, 10 ** int(rng.integers(2, 7))):,}.{rng.integers(0, 100):02d}"
    if kind == 3:
        return f"{rng.integers(1, 32):02d}.{rng.integers(1, 13):02d}.20{rng.integers(0, 40):02d}"
    return re.sub(r"[^A-Za-z]", "", prose(600)[int(rng.integers(0, 600))].split()[1]).capitalize() or "Text"


def line(rng: np.random.Generator, text: str, width: int, height: int) -> np.ndarray:
    """Dark text on a light ground (or the other way round) in a font of its own, as float32 of (height, width) in [-1, 1]."""
    from PIL import Image, ImageDraw, ImageFont

    paths = fonts()
    size = int(rng.uniform(0.45, 0.78) * height)
    path = paths[int(rng.integers(0, len(paths)))] if paths else None
    make = (lambda s: ImageFont.truetype(path, s)) if path else ImageFont.load_default
    while make(size).getlength(text) > width - 8 and size > 8:
        size -= 1
    dark, light = int(rng.integers(0, 90)), int(rng.integers(165, 256))
    ink, ground = (dark, light) if rng.random() < 0.8 else (light, dark)
    page = Image.new("L", (width, height), ground)
    ImageDraw.Draw(page).text((int(rng.integers(2, 7)), height // 2), text, fill=ink, font=make(size), anchor="lm")
    return np.asarray(page, dtype=np.float32) / 127.5 - 1


def lines(count: int, width: int, height: int, seed: int, turning: bool = False) -> np.ndarray:
    """Float32 of (count, 3, height, width): lines of text with noise; every other one upside down if `turning`."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        image = line(rng, random_text(rng), width, height)
        if turning and n % 2:
            image = image[::-1, ::-1]
        image = np.clip(image + rng.normal(0, rng.uniform(0, 0.08), image.shape), -1, 1)
        rows.append(np.broadcast_to(image, (3, height, width)))
    return np.asarray(rows, dtype=np.float32)


def pages(count: int, side: int, seed: int) -> np.ndarray:
    """Float32 of (count, 3, side, side), normalised by ImageNet's means: lines of text at random places on a light ground."""
    rng = np.random.default_rng(seed)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rows = []
    for _ in range(count):
        page = np.full((side, side), rng.uniform(0.7, 1.0))
        top = int(rng.integers(4, 40))
        while top < side - 50:
            height, width, left = int(rng.integers(14, 46)), int(rng.integers(80, side - 40)), int(rng.integers(2, 38))
            page[top : top + height, left : left + width] = (line(rng, random_text(rng), width, height) + 1) / 2
            top += height + int(rng.integers(4, 40))
        page = np.clip(page + rng.normal(0, rng.uniform(0, 0.03), page.shape), 0, 1)
        rows.append((page[None] - mean[:, None, None]) / deviation[:, None, None])
    return np.asarray(rows, dtype=np.float32)


def voice(seconds: float, seed: int) -> np.ndarray:
    """Speech-like: harmonics of a wandering pitch under three moving formants, in syllables, with pauses, over noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(RATE * seconds)) / RATE
    pitch = rng.uniform(85, 230) * (1 + 0.12 * np.sin(2 * np.pi * rng.uniform(0.5, 2) * t) + 0.03 * np.sin(2 * np.pi * 5 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tones = np.arange(1, 26)[:, None]
    wander = [f * (1 + 0.25 * np.sin(2 * np.pi * rng.uniform(0.8, 4) * t + rng.uniform(0, 6))) for f in (550, 1500, 2600)]
    loudness = sum(g * np.exp(-(((tones * pitch - f) / w) ** 2)) for g, f, w in zip((1, 0.5, 0.25), wander, (250, 350, 450)))
    syllables = np.clip(np.sin(2 * np.pi * rng.uniform(2.5, 5) * t) + 0.35, 0, 1)
    spoken = np.sin(2 * np.pi * 0.45 * t + rng.uniform(0, 6)) > -0.5
    return (0.04 * rng.uniform(0.5, 3) * (np.sin(tones * phase) * loudness).sum(0) * syllables * spoken).astype(np.float32)


def sound(seconds: float, seed: int) -> np.ndarray:
    """A voice, tones, a sweep, clicks, silence or noise alone, by the seed, each over some noise."""
    rng = np.random.default_rng(1000 + seed)
    t = np.arange(int(RATE * seconds)) / RATE
    noise = rng.standard_normal(t.size) * 10 ** rng.uniform(-4, -1.7)
    kind = seed % 8
    if kind < 4:
        heard = voice(seconds, seed)
    elif kind == 4:
        heard = sum(rng.uniform(0.02, 0.2) * np.sin(2 * np.pi * f * t) for f in rng.uniform(80, 4000, 3))
    elif kind == 5:
        heard = 0.3 * np.sin(2 * np.pi * (100 * t + 900 * t * t)) * (np.sin(6 * t) > 0)
    elif kind == 6:
        heard = 0.5 * (np.sin(2 * np.pi * 3 * t) > 0.999)
    else:
        heard = np.zeros_like(t)
    return np.clip(heard + noise, -1, 1).astype(np.float32)


def frames(wave: np.ndarray) -> list[np.ndarray]:
    """Each of (1, BEFORE + FRAME), with the end of the frame before it."""
    padded = np.concatenate([np.zeros(BEFORE, np.float32), wave])
    return [padded[i : i + BEFORE + FRAME][None] for i in range(0, wave.size - FRAME + 1, FRAME)]
