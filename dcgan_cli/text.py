"""Text for people: counts with their nouns, control characters made visible."""


def printable(text: str) -> str:
    """Write control characters as escapes: a file's name or content might hold some."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def counted(number: int, noun: str) -> str:
    """Return a number and what is counted, in the plural if need be: "1 image", "2,000 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
