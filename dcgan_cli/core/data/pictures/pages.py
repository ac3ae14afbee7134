"""Pages of a TIFF file and frames of an animation, each a picture of its own."""

from PIL import Image

MAX_PAGES = 2**16
"""More of one file are left alone."""
SUBFILE_TYPE = 254
"""The TIFF tag that says what a page is."""
THUMBNAIL, MASK = 1, 4


def page_numbers(picture: Image.Image) -> list[int]:
    """Return which pages or frames of an opened file are pictures of their own, from 0.

    The other pictures in a phone's JPEG (MPO), and thumbnails and masks in a TIFF file, are none. A
    page that cannot be read is the last one. The picture is at another page afterwards.
    """
    if picture.format == "MPO":
        return [0]
    try:
        if not getattr(picture, "is_animated", False):
            return [0]
        if picture.format == "TIFF":
            return _tiff_pages(picture) or [0]
        return list(range(min(getattr(picture, "n_frames", 1), MAX_PAGES)))
    except Exception:  # The first is whole, or reading it says what is wrong.
        return [0]


def _tiff_pages(picture: Image.Image) -> list[int]:
    numbers: list[int] = []
    for number in range(MAX_PAGES):
        try:
            picture.seek(number)
        except EOFError:
            break
        except Exception:
            return [*numbers, number]
        kind = getattr(picture, "tag_v2", {}).get(SUBFILE_TYPE, 0)
        if not (isinstance(kind, int) and kind & (THUMBNAIL | MASK)):
            numbers.append(number)
    return numbers
