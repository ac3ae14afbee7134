"""Format text for messages: counts with nouns, escaped control characters."""


def printable(text: str) -> str:
    """Return `text` with escaped control characters, which names of files may contain."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1: "1 image", "2,000 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
