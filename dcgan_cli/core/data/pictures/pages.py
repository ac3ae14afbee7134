"""Find the pages of TIFF files and the frames of animations."""

from PIL import Image

MAX_PAGES = 2**16
"""Maximum number of pages per file; further ones are ignored."""
SUBFILE_TYPE = 254
"""TIFF tag for the type of a page."""
THUMBNAIL, MASK = 1, 4


def page_numbers(picture: Image.Image) -> list[int]:
    """Return the numbers, from 0, of the pages or frames of an opened file that are pictures.

    Skips the other pictures in a phone's JPEG (MPO), and thumbnails and masks in a TIFF file. Stops
    at the first unreadable page, which is included. Changes the current page of `picture`.
    """
    if picture.format == "MPO":
        return [0]
    try:
        if not getattr(picture, "is_animated", False):
            return [0]
        if picture.format == "TIFF":
            return _tiff_pages(picture) or [0]
        return list(range(min(getattr(picture, "n_frames", 1), MAX_PAGES)))
    except Exception:  # Reading the first page reports the problem, if it has one.
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
