"""Format text for messages: counts with nouns, values as typed, escaped control characters."""


def printable(text: str) -> str:
    """Return `text` with escaped control characters, which names of files may contain."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def typed(value: object) -> str:
    """Return a value as it is typed on the command line; numbers that differ look different."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(typed, value))}]"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1: "1 image", "2,000 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
