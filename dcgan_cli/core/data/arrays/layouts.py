"""Which axis of an array counts the images, and which are height, width and channels."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.arrays import Header

CHANNELS = (1, 3, 4)
"""Grey, RGB, and RGB with transparency."""
SMALLEST_SIDE = 8
"""Of pictures that an array is guessed to hold: shorter rows are tables of measurements, and
smaller squares are kernels."""
LONGEST_SHAPE = 4
"""A picture that is as many times as long as it is wide is unlikely; see `find_layout`."""


class ArrayFormatError(ValueError):
    """An array is in no form that images have. The message begins with the array's name."""


@dataclass(frozen=True)
class Layout:
    """How images lie in an array."""

    text: str
    """In words; empty for [N, H, W] and [N, H, W, C]."""
    shape: tuple[int, int, int, int]
    """As [N, H, W, C]."""
    images_last: bool = False
    """Whether the last axis counts the images, not the first."""
    planes: bool = False
    """Whether each image has its channels first."""

    @property
    def plain(self) -> bool:
        """Whether the array is [N, H, W, C] once it is reshaped."""
        return not self.images_last and not self.planes

    def take(self, array: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Return the images from `start` to `stop`, [stop - start, H, W, C], of the array's dtype.

        Args:
            array: of the shape that the layout was found for.
            start: the first.
            stop: behind the last.
        """
        _, height, width, channels = self.shape
        if self.images_last:
            array = np.moveaxis(array, -1, 0)
        images = array[start:stop]
        if self.planes:
            planes = images.reshape(stop - start, channels, height, width)
            return np.moveaxis(planes, 1, -1)
        return images.reshape(stop - start, height, width, channels)


def find_layout(name: str, header: Header, counts: Collection[int] = ()) -> Layout:
    """Find how images lie in an array.

    A shape that can be read in two ways is read in the one that gives as many images as there are
    labels; or else in the one whose images are no long stripes.

    Args:
        name: of the array, for the message.
        header: its type and shape.
        counts: how many images its labels are for; several if it is not known which are its labels.

    Raises:
        ArrayFormatError: it holds no images, or may be read in two ways.
    """
    found = f"found {header}"
    if not math.prod(header.shape):
        raise ArrayFormatError(f"{name} holds no images, {found}")
    layouts = _layouts(header.shape)
    if len(layouts) > 1:
        layouts = [layout for layout in layouts if layout.shape[0] in counts] or layouts
    if len(layouts) > 1:
        layouts = [layout for layout in layouts if not _is_stripe(layout)] or layouts
    if not layouts:
        raise ArrayFormatError(_no_layout(name, header))
    if len(layouts) > 1:
        ways = " or ".join(f"{n} images of {h}x{w}" for n, h, w, _ in (x.shape for x in layouts))
        raise ArrayFormatError(f"{name} may be {ways}, {found}; save it as [N, H, W, C]")
    return layouts[0]


def looks_like_images(header: Header) -> bool:
    """Whether an array of unknown use is of a type and shape that images have."""
    if header.dtype.kind not in "biuf" or not math.prod(header.shape):
        return False
    sides = [min(layout.shape[1:3]) for layout in _layouts(header.shape)]
    return bool(sides) and min(sides) >= SMALLEST_SIDE


def _layouts(shape: tuple[int, ...]) -> list[Layout]:
    """Return all ways to read a shape."""
    match shape:
        case (n, h, w, c) if c in CHANNELS:
            return [Layout("", (n, h, w, c))]
        case (_, _, _, _):
            return _four_axes(shape)
        case (n, values, 1):
            return _rows(n, values)
        case (_, _, c) if c in CHANNELS:
            return []  # One picture.
        case (a, b, c):
            images = [Layout("", (a, b, c, 1))]
            return images + [Layout("images last", (c, a, b, 1), images_last=True)] * (a == b != c)
        case (n, values) if n != values:
            return _rows(n, values)
    return []


def _four_axes(shape: tuple[int, ...]) -> list[Layout]:
    a, b, c, d = shape
    layouts = []
    if b in CHANNELS:
        layouts.append(Layout("channels first", (a, c, d, b), planes=True))
    if c in CHANNELS:
        layouts.append(Layout("images last", (d, a, b, c), images_last=True))
    return layouts


def _rows(count: int, values: int) -> list[Layout]:
    """Read each row as a square picture: a grey one, or else the three planes of one in colour."""
    side = math.isqrt(values)
    if side**2 == values and side >= SMALLEST_SIDE:
        return [Layout(f"rows of {values} as {side}x{side}", (count, side, side, 1))]
    side = math.isqrt(values // 3)
    if 3 * side**2 == values and side >= SMALLEST_SIDE:
        text = f"rows of {values} as 3 planes of {side}x{side}, as in CIFAR's files"
        return [Layout(text, (count, side, side, 3), planes=True)]
    return []


def _is_stripe(layout: Layout) -> bool:
    _, height, width, _ = layout.shape
    return max(height, width) > LONGEST_SHAPE * min(height, width)


def _no_layout(name: str, header: Header) -> str:
    shape = header.shape
    if (len(shape) == 3 and shape[2] in CHANNELS) or (len(shape) == 2 and shape[0] == shape[1]):
        return f"{name} is one picture, found {header}; images are [N, H, W] or [N, H, W, C]"
    return (
        f"{name}: images must be [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels, "
        f"or rows of square pictures, found {header}"
    )
