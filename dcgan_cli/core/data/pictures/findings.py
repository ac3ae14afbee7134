"""What reading pictures once finds out about them as a set, and what to say of it."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dcgan_cli.core.data.pictures.decoding import ReadImage
from dcgan_cli.text import counted


@dataclass
class Range:
    """The values of all pictures of a kind."""

    low: float
    high: float
    tops: list[float | None]
    """Which values became white, each once."""

    @property
    def is_narrow(self) -> bool:
        """Whether they use less than half of the one range that they were taken to be in."""
        return len(self.tops) == 1 and 0 < self.high - self.low < (self.tops[0] or 0) / 2

    @property
    def is_uneven(self) -> bool:
        """Whether equal values may have become different ones in two pictures."""
        return len(self.tops) > 1 or None in self.tops


@dataclass(frozen=True)
class Advice:
    """A note on pictures, with settings that make more of them."""

    text: str
    settings: Mapping[str, str | float]
    effect: str
    """What they do, as the end of a sentence that begins with them."""

    def __str__(self) -> str:
        words = (
            f"{name}={value if isinstance(value, str) else f'{value:.15g}'}"
            for name, value in self.settings.items()
        )
        return f"{self.text}; {' '.join(words)} {self.effect}"


@dataclass
class Findings:
    """What there is to say about pictures that can be used."""

    paged_files: int = 0
    further_pages: int = 0
    """Pages and frames besides the first of each file."""
    alpha_unused: int = 0
    """Pictures that are transparent everywhere, and shown nevertheless."""
    not_finite: int = 0
    """Pictures with values that are NaN or infinite."""
    values: dict[str, Range] = field(default_factory=dict)
    """By kind, such as "16-bit"."""

    @classmethod
    def from_dict(cls, stated: dict[str, Any]) -> "Findings":
        """Return what `as_dict` gave."""
        values = {kind: Range(**found) for kind, found in stated["values"].items()}
        return cls(**stated | {"values": values})

    def as_dict(self) -> dict[str, Any]:
        """Return them as JSON takes them."""
        return asdict(self)

    def add(self, image: ReadImage) -> None:
        """Take a picture into account that can be used."""
        self.paged_files += image.further_pages > 0
        self.further_pages += image.further_pages
        self.alpha_unused += image.alpha_unused
        self.not_finite += image.not_finite
        if (found := image.values) is None:
            return
        known = self.values.setdefault(found.kind, Range(found.low, found.high, []))
        known.low, known.high = min(known.low, found.low), max(known.high, found.high)
        if found.top not in known.tops:
            known.tops.append(found.top)

    def suggested(self) -> dict[str, float]:
        """Return the settings that make the values of all pictures use the whole range, if any."""
        deep = [kind for kind in self.values if kind != "8-bit"]
        for kind, found in self.values.items():
            if not (found.is_narrow or found.is_uneven) or found.high <= found.low:
                continue
            if kind in deep and len(deep) > 1:
                continue  # What suits one kind would make the other black or white.
            if found.high <= 255 and len(self.values) > 1:
                continue  # It would be for the pictures of other kinds, too.
            digits = 2 - math.floor(math.log10(found.high - found.low))
            low, high = round(found.low, digits), round(found.high, digits)
            if low < 0 or low > high / 4:
                return {"data.black": low, "data.white": high}
            if high > 255 and found.high.is_integer():
                # A scanner's 12 bits are 12 bits, also if nothing in the pictures is quite white.
                high = float(2 ** int(found.high).bit_length() - 1)
            return {"data.white": high}
        return {}

    def notes(self, *, has_pages: bool) -> Iterator[str | Advice]:
        """Yield what to know before training.

        Args:
            has_pages: whether `data.pages` is a setting of such files.
        """
        settings = self.suggested()
        for kind, found in self.values.items():
            span = f"{found.low:,.6g} to {found.high:,.6g}"
            if found.is_narrow:
                dark = ", which is dark" if found.high < (found.tops[0] or 0) / 4 else ""
                note = f"range     {kind} values are {span} of {found.tops[0]:,.6g}{dark}"
                yield Advice(note, settings, "makes use of all of it") if settings else note
            elif found.is_uneven:
                note = f"range     {kind} values, {span}, are scaled picture by picture"
                yield Advice(note, settings, "treats all alike") if settings else note
        if self.not_finite:
            yield (
                f"range     {counted(self.not_finite, 'picture')} with values that are NaN or "
                "infinite, which are taken for 0"
            )
        if self.alpha_unused:
            yield (
                f"opaque    {counted(self.alpha_unused, 'picture')} with an alpha of 0 everywhere, "
                "which is not used"
            )
        if self.further_pages:
            where = counted(self.paged_files, "file")
            pages = counted(self.further_pages, "further page")
            note = f"pages     {pages} or frames of {where} not used"
            yield Advice(note, {"data.pages": "all"}, "makes each a picture") if has_pages else note
