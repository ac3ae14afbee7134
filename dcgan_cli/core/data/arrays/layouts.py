"""Find the axes of an array: images, height, width, channels."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from dcgan_cli.core.arrays import Header

CHANNELS = (1, 3, 4)
"""Grey, RGB, and RGB with transparency."""
SMALLEST_SIDE = 8
"""Minimum side of an image in an array of unknown use. Shorter rows are probably tables of
measurements, smaller squares kernels."""
LONGEST_SHAPE = 4
"""Images with a larger aspect ratio are unlikely; see `find_layout`."""


class ArrayFormatError(ValueError):
    """An array is in no known format of images. The message begins with the array's name."""


@dataclass(frozen=True)
class Layout:
    """The order of an array's axes."""

    text: str
    """Description; empty for [N, H, W] and [N, H, W, C]."""
    shape: tuple[int, int, int, int]
    """N, H, W, C."""
    images_last: bool = False
    """Whether the last axis counts the images, instead of the first."""
    planes: bool = False
    """Whether the channels come before height and width."""

    @property
    def plain(self) -> bool:
        """Whether a reshape alone gives [N, H, W, C]."""
        return not self.images_last and not self.planes

    def take(self, array: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Return a slice of the images, [stop - start, H, W, C], of the array's dtype.

        Args:
            array: an array with this layout.
            start: index of the first image.
            stop: index after the last image.
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
    """Return the layout of images in an array.

    An ambiguous shape is resolved by the number of labels, then by the aspect ratio of the images.

    Args:
        name: name of the array, for the message.
        header: its dtype and shape.
        counts: possible numbers of labels.

    Raises:
        ArrayFormatError: the array contains no images, or its layout is ambiguous.
    """
    found = f"found {header}"
    if not math.prod(header.shape):
        raise ArrayFormatError(f"{name} contains no images, {found}")
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
    """Return whether an array of unknown use has the dtype and shape of images."""
    if header.dtype.kind not in "biuf" or not math.prod(header.shape):
        return False
    sides = [min(layout.shape[1:3]) for layout in _layouts(header.shape)]
    return bool(sides) and min(sides) >= SMALLEST_SIDE


def _layouts(shape: tuple[int, ...]) -> list[Layout]:
    """Return all possible layouts of a shape."""
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
    """Return the layout of rows that are square images: grey, or three planes of colour."""
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
        return f"{name} is a single picture, found {header}; images are [N, H, W] or [N, H, W, C]"
    return (
        f"{name}: images must be [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels, "
        f"or rows of square pictures, found {header}"
    )
