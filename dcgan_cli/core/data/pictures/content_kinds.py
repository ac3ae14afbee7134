"""Detect the kind of a file by its first bytes, for messages about unreadable pictures."""

import re

from PIL import features

PICTURES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF....WEBP",
    "BMP": rb"BM....\0\0\0\0",
    "TIFF": rb"II\*\0|MM\0\*|II\+\0|MM\0\+",
    "AVIF": rb"....ftypavi[fs]|....ftypmi[fsa]1.{4}(?:.{4})*?avi[fs]",
    "HEIC": rb"....ftyp(?:hei[cmsxf]|hev[cmsx])|....ftypm[is]f1.{4}(?:.{4})*?(?:hei[cmsx]|hevc)",
    "JPEG 2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
}
"""Supported picture formats, with a pattern of the first bytes of each."""
OTHERS = {
    "an HTML page": (
        rb"(?i)(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body)\b"
    ),
    "an SVG drawing": rb"(?i)(?:\xef\xbb\xbf)?\s*<(?:.*<)?svg\b",
    "an XML document": rb"(?:\xef\xbb\xbf)?\s*<\?xml",
    "a Git LFS pointer (git lfs pull gets the file)": rb"version https://git-lfs",
    "JSON": rb'\s*[{\[]\s*["{\[\]}]',
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "a Photoshop document": rb"8BPS",
    "PostScript": rb"%!PS",
    "a PDF document": rb"%PDF",
    "a video": rb"....ftyp(?!m[is]f1)|\x1a\x45\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]|....moov",
    "a sound": rb"ID3|RIFF....WAVE|OggS|fLaC",
    "a camera's raw file": rb"FUJIFILMCCD-RAW|....ftypcrx ",
    "an icon": rb"\0\0\x01\0",
    "an OpenEXR picture": rb"\x76\x2f\x31\x01",
    "a DICOM file": rb".{128}DICM",
    "a ZIP archive": rb"PK\x03\x04",
    "gzip-compressed": rb"\x1f\x8b\x08",
    "a NumPy array": rb"\x93NUMPY",
    "macOS metadata": rb"\0\x05\x16[\0\x07]",
}
"""Other kinds of files, in words that follow "is"."""
HEAD_BYTES = 1024


def picture_kind(content: bytes) -> str | None:
    """Return the format in `PICTURES` that matches the first bytes, or None."""
    return _kind(content, PICTURES)


def why_no_picture(content: bytes) -> str:
    """Return why Pillow cannot read a file, as the end of a sentence.

    Args:
        content: the file, or its first kilobyte.
    """
    kind = picture_kind(content)
    if kind == "AVIF" and not features.check("avif"):
        return "is AVIF, which this build of Pillow cannot read; install Pillow from PyPI"
    if kind == "TIFF":  # TIFF has more variants than Pillow supports.
        return "is a damaged or unsupported TIFF, such as floating-point colour"
    if kind:
        return f"is a damaged {kind}"
    other = _kind(content, OTHERS)
    return f"is {other}, not an image" if other else "is not an image"


def _kind(content: bytes, kinds: dict[str, bytes]) -> str | None:
    head = bytes(content[:HEAD_BYTES])
    return next((kind for kind, begin in kinds.items() if re.match(begin, head, re.DOTALL)), None)
