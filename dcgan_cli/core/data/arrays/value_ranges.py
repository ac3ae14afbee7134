"""Find the value range of an array of images, from all of its values, and convert to uint8."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.data.arrays.layouts import ArrayFormatError, Layout

BLOCK_VALUES = 2**18
"""Number of values that are checked or scaled at a time."""
TOLERANCE = 1e-3
"""How far floating-point values may exceed their range, because of rounding."""
DEPTHS = (10, 12, 14, 16)
"""Bit depths of cameras and scanners, stored in 16 bits."""


@dataclass(frozen=True)
class Range:
    """The values that become 0 and 255."""

    text: str
    """Description of dtype and range, such as "float32 in [0, 1]"."""
    black: float
    white: float

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Scale values to uint8, rounding to the nearest."""
        if (self.black, self.white) == (0, 255):
            if values.dtype == np.uint8:
                return values
            return np.rint(values).clip(0, 255).astype(np.uint8)
        scaled = (values.astype(np.float64) - self.black) * (255 / (self.white - self.black))
        return np.rint(scaled).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Extent:
    """Minimum and maximum of an array, and whether all values are whole numbers."""

    low: float
    high: float
    whole: bool


def find_range(name: str, array: np.ndarray, like: np.ndarray | None = None) -> Range:
    """Return the value range of an array.

    - bool: true is white;
    - uint8: unchanged;
    - uint16: [0, 255], otherwise the smallest of 10, 12, 14 and 16 bits that covers all values;
    - other integers: [0, 255], or [0, 1] if there are no other values;
    - floating point: [0, 1], [-1, 1] (if a value is below -0.5), or [0, 255] (if all are whole
      numbers, or a value is above 127.5).

    Args:
        name: name of the array, for messages.
        array: any shape, C or Fortran order.
        like: an array of the same data set. If both are integers or both are floating point, its
            range applies to this array too.

    Raises:
        ArrayFormatError: the values are not real numbers, are not finite, or are in no known range.
    """
    kind = array.dtype.kind
    if kind not in "biuf":
        raise ArrayFormatError(f"{name} is {_type(array.dtype)}; images are numbers, such as uint8")
    if array.dtype == np.uint8:
        return Range("uint8", 0, 255)
    if kind == "b":
        return Range("bool, true is white", 0, 1)
    extent = _extent(name, array)
    if like is not None and _family(like) == _family(array):
        found = find_range("the training images", like)
        slack = TOLERANCE * (found.white - found.black)
        if extent.low < found.black - slack or extent.high > found.white + slack:
            raise ArrayFormatError(
                f"{name} is {_from_to(array, extent)}, but the training images are {found.text}; "
                "scale both to the same range"
            )
        return found
    limits = _float_limits(extent) if kind == "f" else _integer_limits(array.dtype, extent)
    if limits is None:
        more = "" if kind == "f" else ", or as uint16 if it has more bits"
        raise ArrayFormatError(
            f"{name} is {_from_to(array, extent)}, which is not a known range of pixels; scale it "
            f"to [0, 1] or [-1, 1], or save it as uint8 from 0 to 255{more}"
        )
    black, white = limits
    if white > 255:
        bits = int(white).bit_length()
        return Range(f"{_from_to(array, extent)}, taken as {bits} bits", black, white)
    if kind != "f" and white == 1:
        return Range(f"{array.dtype.name}, 0 or 1: 1 is white", black, white)
    return Range(f"{array.dtype.name} in [{black}, {white}]", black, white)


def to_pixels(array: np.ndarray, layout: Layout, found: Range) -> np.ndarray:
    """Return an array's images as uint8 [N, H, W, C]; returns a view if no conversion is needed.

    Converts block by block, so it allocates memory only for the pixels and one block of values.
    """
    if array.dtype == np.uint8 and layout.plain and array.flags.c_contiguous:
        return array.reshape(layout.shape)
    pixels = np.empty(layout.shape, np.uint8)
    count = len(pixels)
    step = max(1, BLOCK_VALUES // pixels[0].size)
    for start in range(0, count, step):
        stop = min(start + step, count)
        pixels[start:stop] = found.pixels(layout.take(array, start, stop))
    return pixels


def _extent(name: str, array: np.ndarray) -> _Extent:
    """Return the extent of an array's values.

    Raises:
        ArrayFormatError: a value is not finite; the message names the first one.
    """
    low, high, whole = np.inf, -np.inf, True
    for start, block in _blocks(array):
        if array.dtype.kind == "f" and not (finite := np.isfinite(block)).all():
            first = int(np.argmin(finite))
            in_memory = array.shape if array.flags.c_contiguous else array.shape[::-1]
            place = [int(at) for at in np.unravel_index(start + first, in_memory)]
            place = place if array.flags.c_contiguous else place[::-1]
            raise ArrayFormatError(
                f"{name}{place} is {block[first]}, which is not finite; replace the value, or "
                "remove the image"
            )
        low, high = min(low, block.min().item()), max(high, block.max().item())
        whole = whole and (array.dtype.kind != "f" or bool((block == np.rint(block)).all()))
    return _Extent(low, high, whole)


def _blocks(array: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield all values in memory order, as blocks [B] with the index of their first value."""
    flat = array.ravel("A")  # A view, since arrays in files are in C or in Fortran order.
    for start in range(0, flat.size, BLOCK_VALUES):
        yield start, flat[start : start + BLOCK_VALUES]


def _float_limits(extent: _Extent) -> tuple[int, int] | None:
    low, high = extent.low, extent.high
    if low >= -TOLERANCE and high <= 1 + TOLERANCE:
        return 0, 1
    if -1 - TOLERANCE <= low < -0.5 and high <= 1 + TOLERANCE:
        return -1, 1
    # Images that were resized have fractional values; require a bright one to be sure.
    if low >= 0 and high <= 255 and (extent.whole or high > 127.5):
        return 0, 255
    return None


def _integer_limits(dtype: np.dtype, extent: _Extent) -> tuple[int, int] | None:
    if extent.low < 0:
        return None
    if extent.high <= 1:
        return 0, 1
    if extent.high <= 255:
        return 0, 255
    if dtype.kind == "u" and dtype.itemsize == 2:
        return 0, next(2**bits - 1 for bits in DEPTHS if extent.high < 2**bits)
    return None


def _family(array: np.ndarray) -> str:
    if array.dtype == np.uint8:
        return "uint8"
    return "integer" if array.dtype.kind in "iu" else array.dtype.kind


def _from_to(array: np.ndarray, extent: _Extent) -> str:
    return f"{array.dtype.name} from {extent.low:g} to {extent.high:g}"


def _type(dtype: np.dtype) -> str:
    if dtype.names:
        return f"structured (fields {', '.join(dtype.names)})"
    return {"U": "text", "S": "text", "c": dtype.name}.get(dtype.kind, f"of type {dtype}")
