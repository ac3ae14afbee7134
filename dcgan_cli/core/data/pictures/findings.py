"""Facts about a set of pictures, with notes and suggested settings."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from dcgan_cli.core.data.pictures.decoding import ReadImage
from dcgan_cli.text import counted


@dataclass
class Range:
    """The value range of all pictures of one bit depth."""

    low: float
    high: float
    tops: list[float | None]
    """Distinct values that became white."""

    @property
    def is_narrow(self) -> bool:
        """Whether the values use less than half of their range."""
        return len(self.tops) == 1 and 0 < self.high - self.low < (self.tops[0] or 0) / 2

    @property
    def is_uneven(self) -> bool:
        """Whether equal values may be scaled differently in two pictures."""
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
    """Facts about the usable pictures."""

    paged_files: int = 0
    further_pages: int = 0
    """Number of pages and frames besides the first of each file."""
    alpha_unused: int = 0
    """Number of pictures with an alpha of 0 everywhere, which is ignored."""
    not_finite: int = 0
    """Number of pictures with values that are NaN or infinite."""
    values: dict[str, Range] = field(default_factory=dict)
    """Value range by bit depth, such as "16-bit"."""

    @classmethod
    def from_dict(cls, stated: dict[str, Any]) -> "Findings":
        """Return the findings from the result of `as_dict`."""
        values = {kind: Range(**found) for kind, found in stated["values"].items()}
        return cls(**stated | {"values": values})

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as values for JSON."""
        return asdict(self)

    def add(self, image: ReadImage) -> None:
        """Add a usable picture."""
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
        """Return settings with which the values of all pictures use the full range; may be {}."""
        deep = [kind for kind in self.values if kind != "8-bit"]
        for kind, found in self.values.items():
            if not (found.is_narrow or found.is_uneven) or found.high <= found.low:
                continue
            if kind in deep and len(deep) > 1:
                continue  # A range for one bit depth would make the other black or white.
            if found.high <= 255 and len(self.values) > 1:
                continue  # The setting would apply to the other bit depths too.
            digits = 2 - math.floor(math.log10(found.high - found.low))
            low, high = round(found.low, digits), round(found.high, digits)
            if low < 0 or low > high / 4:
                return {"data.black": low, "data.white": high}
            if high > 255 and found.high.is_integer():
                # Round up to a bit depth: 12-bit pictures need not contain full white.
                high = float(2 ** int(found.high).bit_length() - 1)
            return {"data.white": high}
        return {}

    def notes(self, *, has_pages: bool) -> Iterator[str | Advice]:
        """Yield notes to show before training.

        Args:
            has_pages: whether the setting `data.pages` applies to the files.
        """
        settings = self.suggested()
        for kind, found in self.values.items():
            span = f"{found.low:,.6g} to {found.high:,.6g}"
            if found.is_narrow:
                dark = ", which is dark" if found.high < (found.tops[0] or 0) / 4 else ""
                note = f"range     {kind} values are {span} of {found.tops[0]:,.6g}{dark}"
                yield Advice(note, settings, "uses the full range") if settings else note
            elif found.is_uneven:
                note = f"range     {kind} values, {span}, are scaled per picture"
                yield Advice(note, settings, "scales all pictures alike") if settings else note
        if self.not_finite:
            yield (
                f"range     {counted(self.not_finite, 'picture')} with values that are NaN or "
                "infinite; these values become 0"
            )
        if self.alpha_unused:
            yield (
                f"opaque    {counted(self.alpha_unused, 'picture')} with an alpha of 0 everywhere, "
                "which is ignored"
            )
        if self.further_pages:
            where = counted(self.paged_files, "file")
            pages = counted(self.further_pages, "further page")
            note = f"pages     {pages} or frames of {where} not used"
            every_page = {"data.pages": "all"}
            yield Advice(note, every_page, "uses them as pictures") if has_pages else note
