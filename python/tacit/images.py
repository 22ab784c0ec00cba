"""Image files -> the input of a model that takes one image of that size. Nothing is resized, and no colour is dropped."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tacit.errors import InputError
from tacit.numbers.dtypes import kind_of

SUFFIXES = (".png", ".jpg", ".jpeg")
CHANNELS = (1, 3)


@dataclass(frozen=True)
class ImageScale:
    """How pixels become inputs: (pixel / `divide` - `mean`) / `deviation`; the last two hold one number or one a channel.

    `last`: channels are the last axis; None decides by the shape: channels first where that axis has length 1 or 3.
    Raises InputError for numbers that are not finite and for a division by zero.
    """

    divide: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    last: bool | None = None

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "divide", float(self.divide))
            object.__setattr__(self, "mean", _numbers(self.mean))
            object.__setattr__(self, "deviation", _numbers(self.deviation))
        except (TypeError, ValueError):
            raise InputError("The scaling of images takes numbers: divide, mean, deviation.") from None
        numbers = (self.divide, *self.mean, *self.deviation)
        if not all(map(math.isfinite, numbers)) or 0.0 in (self.divide, *self.deviation):
            raise InputError("The scaling of images needs finite numbers, and neither divide nor deviation may be 0.")

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [H, W, C] -> float32 [H, W, C]."""
        scaled = (pixels.astype(np.float64) / self.divide - np.array(self.mean)) / np.array(self.deviation)
        return scaled.astype(np.float32)

    def to_json(self) -> list[Any]:
        return [self.divide, list(self.mean), list(self.deviation), self.last]

    @classmethod
    def from_json(cls, data: Any) -> ImageScale:
        divide, mean, deviation, last = data
        return cls(divide, tuple(mean), tuple(deviation), last)


def scale_of(image: Any) -> ImageScale | None:
    """The `image` argument of `compile`: None, a number that divides pixels, or an ImageScale."""
    if image is None or isinstance(image, ImageScale):
        return image
    if isinstance(image, (int, float)) and not isinstance(image, bool):
        return ImageScale(divide=image)
    raise InputError(f"image={image!r} is not a scaling; give the number that divides pixels, or an ImageScale.")


def layout(name: str, shape: tuple[int, ...], scale: ImageScale | None) -> tuple[int, int, int, bool]:
    """(channels, height, width, channels last) of an input that takes one image; 0 is a symbolic length (below 0 in `shape`).

    Raises InputError when the input takes no image or the scaling has another number of channels.
    """
    shape = tuple(max(length, 0) for length in shape)
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] not in (0, 1)):
        raise InputError(f"The model's input {name!r} of shape {list(shape)} does not take an image.")
    last = scale.last if scale is not None else None
    if last is None:
        last = shape[-3] not in CHANNELS and shape[-1] in CHANNELS
    channels, height, width = (shape[-1], shape[-3], shape[-2]) if last else shape[-3:]
    if channels not in CHANNELS:
        raise InputError(f"The model's input {name!r} of shape {list(shape)} does not take an image of 1 or 3 channels.")
    if scale is not None and not {len(scale.mean), len(scale.deviation)} <= {1, channels}:
        raise InputError(f"The scaling of images has one number a channel, but the model's input {name!r} has {channels}.")
    return channels, height, width, last


def require_fit(name: str, shape: tuple[int, ...], dtype: str, scale: ImageScale) -> None:
    """Raises InputError when `compile` was given a scaling that this input cannot use."""
    layout(name, shape, scale)
    if kind_of(dtype) != "f" and scale != ImageScale(divide=1.0, last=scale.last):
        raise InputError(f"The model's input {name!r} takes {dtype} pixels as they are: leave out the scaling, or divide by 1.")


def read(path: Path, name: str, shape: tuple[int, ...], dtype: str, scale: ImageScale | None) -> np.ndarray:
    """The image as an input of that shape: scaled float32, or its pixels (uint8) for a model that takes integers.

    Colours are converted only where nothing is lost; orientation tags are not applied.
    """
    if len(shape) not in (3, 4):
        raise InputError(f"{path} is an image, but the model's input {name!r} of shape {list(shape)} does not take an image.")
    channels, height, width, last = layout(name, shape, scale)
    integer = kind_of(dtype) != "f"
    if not integer and scale is None:
        raise InputError(
            f"{path} is an image, but this model was compiled without a scaling of pixels: compile it with image= (--image)."
        )
    pixels = _pixels(path, channels, height, width)
    values = pixels if integer or scale is None else scale.apply(pixels)
    values = values if last else np.moveaxis(values, -1, 0)
    return np.ascontiguousarray(values[np.newaxis] if len(shape) == 4 else values)


def _pixels(path: Path, channels: int, height: int, width: int) -> np.ndarray:
    """uint8 [height, width, channels]; a length of 0 takes the image's."""
    try:
        from PIL import Image
    except ImportError:
        raise InputError("Reading images needs Pillow: pip install 'tacit-zkml[image]'.") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                size = picture.size
                if (width or size[0], height or size[1]) == size:
                    return _colours(path, picture, channels)
    except InputError:
        raise
    except Exception:  # the decoders raise many kinds on damaged bytes
        raise InputError(f"The file {path} is not a readable image.") from None
    raise InputError(
        f"The image {path} has {size[0]}x{size[1]} pixels, the model takes {width or 'any'}x{height or 'any'}: resize it first."
    )


def _colours(path: Path, picture: Any, channels: int) -> np.ndarray:
    if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise InputError(f"The image {path} has pixels of kind {picture.mode}; convert it to 8-bit grey or RGB first.")
    pixels = np.asarray(picture.convert("RGBA"), dtype=np.uint8)
    if not np.all(pixels[..., 3] == 255):
        raise InputError(f"The image {path} is transparent in places; flatten it first.")
    if channels == 3:
        return pixels[..., :3]
    if not np.all(pixels[..., :3] == pixels[..., :1]):
        raise InputError(f"The image {path} has colours, but the model takes one channel: convert it to grey first.")
    return pixels[..., :1]


def _numbers(given: Any) -> tuple[float, ...]:
    """One number or several, as a tuple."""
    return tuple(map(float, given)) if isinstance(given, Iterable) and not isinstance(given, str) else (float(given),)
