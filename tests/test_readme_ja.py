"""README.ja.md has what README.md has: commands, figures, names, links and pictures.

The pages are compared section by section. Figures are numbers in digits. The English words from
"two" to "ten" count as figures too, because Japanese writes digits there. "One" does not count:
Japanese writes the kanji. Of code, comments and the explanations in lists of files are translated;
the output of commands (below a line with `$`) is not.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
ENGLISH = (PROJECT / "README.md").read_text(encoding="utf-8")
JAPANESE = (PROJECT / "README.ja.md").read_text(encoding="utf-8")

WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
NUMBER_WORDS = {word: number for number, word in enumerate(WORDS, 2)} | {"half an hour": 30}
NUMBER_WORD = re.compile(rf"\b({'|'.join(NUMBER_WORDS)})s?\b", re.IGNORECASE)
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
NAME = re.compile(r"`[^`]+`|[A-Za-z]+[_=\d][\w=]*", re.ASCII)  # `epochs`, bfloat16, loss=hinge
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
JAPANESE_LETTER = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
FILE_IN_A_LIST = re.compile(r"(\s*\S*[./]\S*) {2,}(\S.*)")


@dataclass
class Section:
    """A heading and what follows it, up to the next heading."""

    heading: str
    level: int
    lines: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """Paragraphs, list items and table rows."""

    @property
    def words(self) -> str:
        return "\n".join([self.heading, *self.texts, *self.comments])

    def anchor(self) -> str:
        return re.sub(r"[^\w\- ]", "", self.heading.lower()).replace(" ", "-")

    def kinds(self) -> list[str]:
        """What each text is."""
        known = {"- ": "list item", "| ": "table row", "![": "picture"}
        return [known.get(text[:2], "paragraph") for text in self.texts]

    def names(self) -> set[str]:
        return set(NAME.findall(LINK.sub(r"\2", self.words)))

    def figures(self) -> list[str]:
        words = NAME.sub(" ", LINK.sub(r"\2", self.words))
        return FIGURE.findall(
            NUMBER_WORD.sub(lambda word: str(NUMBER_WORDS[word[1].lower()]), words)
        )

    def links(self, anchors: dict[str, str]) -> list[str]:
        """Targets, with `!` before pictures. `anchors` translates those of this page."""
        return [
            mark + anchors.get(target, re.sub(r"^README(\.ja)?\.md$", "the other README", target))
            for mark, _, target in LINK.findall(self.words)
        ]

    def untranslated(self) -> Iterator[str]:
        for text in [*self.texts, *self.comments]:
            tokens = NAME.sub(" ", LINK.sub(" ", text)).split()
            words = [token.strip(".,:;()") for token in tokens]
            english = any(len(word) > 1 and word.isalpha() and word.islower() for word in words)
            if english and not JAPANESE_LETTER.search(text):
                yield text


def sections(page: str) -> list[Section]:
    found = [Section("before the first heading", 0)]
    fenced = False
    output = False
    new_text = True
    for line in page.splitlines():
        heading = re.match(r"(#+) (.*)", line)
        if heading and not fenced:
            found.append(Section(heading[2], len(heading[1])))
            new_text, output = True, False
            continue
        section = found[-1]
        section.lines.append(line)
        if line.startswith("```"):
            fenced = not fenced
        if fenced or line.startswith(("    ", "```")):
            output = output or line.startswith("    $ ")
            code, comment = (line, "") if output else split_comment(line)
            section.code += [code] if code.strip() else []
            section.comments += [comment] if comment else []
        elif not line.strip():
            new_text = True
        elif new_text or line.startswith(("- ", "| ")):
            section.texts.append(line)
            new_text = output = False
        else:
            section.texts[-1] += " " + line.strip()
    return found


def split_comment(line: str) -> tuple[str, str]:
    """A line of code without its comment, and the comment, or a file and its explanation."""
    if in_a_list := FILE_IN_A_LIST.fullmatch(line):
        return in_a_list[1], in_a_list[2]
    code, _, comment = line.partition("  #")
    return code.rstrip(), comment.strip()


def differences(english: str, japanese: str) -> list[str]:
    """One entry per section that differs: its heading, and what only one page has."""
    ours, theirs = sections(english), sections(japanese)
    for one, other in zip(ours, theirs, strict=False):
        if one.level != other.level:
            return [f"{title(one, other)}: headings of level {one.level} and {other.level}"]
    if len(ours) != len(theirs):
        extra = (ours + theirs[len(ours) :])[min(len(ours), len(theirs)) :]
        return [f"sections in one README only: {', '.join(section.heading for section in extra)}"]
    same = {f"#{section.anchor()}": f"#{section.anchor()}" for section in ours}
    translated = {
        f"#{other.anchor()}": f"#{one.anchor()}" for one, other in zip(ours, theirs, strict=True)
    }
    found = []
    for one, other in zip(ours, theirs, strict=True):
        lines = [
            *only_in_one("code", one.code, other.code),
            *only_in_one("figure", one.figures(), other.figures()),
            *only_in_one("name", one.names(), other.names()),
            *only_in_one("link", one.links(same), other.links(translated)),
            *only_in_one("kind of text", one.kinds(), other.kinds()),
            *(f"not translated: {text}" for text in other.untranslated()),
        ]
        if lines:
            found.append("\n  ".join([f"{title(one, other)}:", *lines]))
        elif one.code != other.code:
            found.append(f"{title(one, other)}: code in another order")
    return found


def title(one: Section, other: Section) -> str:
    return f'section "{one.heading}" ("{other.heading}")'


def only_in_one(what: str, english: Iterable[str], japanese: Iterable[str]) -> Iterator[str]:
    ours, theirs = Counter(english), Counter(japanese)
    for page, extra in (("README.md", ours - theirs), ("README.ja.md", theirs - ours)):
        for item in extra.elements():
            yield f"{what} only in {page}: {item}"


def test_japanese_readme_has_what_the_english_one_has():
    found = differences(ENGLISH, JAPANESE)
    assert not found, "README.ja.md and README.md differ\n" + "\n".join(found)


def found_one_by_one(pattern: str, replacement: str) -> int:
    """Change each match in README.md and return their number; each must be found.

    The first ones of all sections are changed together, then the second ones, and so on: sections
    are compared independently, and comparing the pages takes a while.
    """
    parts = [
        "\n".join(["#" * section.level + " " + section.heading, *section.lines, ""])
        for section in sections(ENGLISH)[1:]
    ]
    matches = [list(re.finditer(pattern, part)) for part in parts]
    for index in range(max(map(len, matches))):
        changed = [
            part[: found[index].start()]
            + found[index].expand(replacement)
            + part[found[index].end() :]
            if index < len(found)
            else part
            for part, found in zip(parts, matches, strict=True)
        ]
        headings = [
            part.splitlines()[0]
            for part, found in zip(changed, matches, strict=True)
            if index < len(found)
        ]
        reported = differences("".join(changed), JAPANESE)
        for heading, difference in zip(headings, reported, strict=True):
            assert heading.lstrip("# ") in difference
    return sum(map(len, matches))


def test_every_changed_number_is_found():
    """In prose, tables, code, comments, names and links."""
    assert found_one_by_one(r"\d+", r"\g<0>1") > 100


def test_every_missing_line_of_code_is_found():
    assert found_one_by_one(r"(?m)^    .*\n", "") > 100


def test_every_untranslated_section_is_found():
    for one, other in zip(sections(ENGLISH), sections(JAPANESE), strict=True):
        if one.texts:
            page = JAPANESE.replace("\n".join(other.lines), "\n".join(one.lines))
            (found,) = differences(ENGLISH, page)
            assert "not translated: " in found, one.heading
            assert one.heading in found


PAGE = """# Tool

## Speed

A step takes 3.5 s with `fast=true`, and there are two [modes](docs/modes.md).

![A chart](chart.png)

    tool run --fast    # in 10 seconds
    tool stop

[above](#speed)
"""
TRANSLATION = """# Tool

## 速度

`fast=true` を付けると 3.5 秒です。[モード](docs/modes.md)は 2 種類です。

![グラフ](chart.png)

    tool run --fast    # 10 秒で
    tool stop

[上](#速度)
"""


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("3.5 s", "4.5 s", "figure only in README.md: 4.5"),
        ("3.5 s", "4.5 s", "figure only in README.ja.md: 3.5"),
        ("two", "three", "figure only in README.md: 3"),
        ("10 seconds", "20 seconds", "figure only in README.md: 20"),
        ("--fast ", "--slow ", "code only in README.md:     tool run --slow"),
        ("    tool stop\n", "", "code only in README.ja.md:     tool stop"),
        ("`fast=true`", "`slow=true`", "name only in README.md: `slow=true`"),
        ("docs/modes.md", "docs/all.md", "link only in README.md: docs/all.md"),
        ("#speed", "#tool", "link only in README.ja.md: #speed"),
        ("chart.png", "graph.png", "link only in README.md: !graph.png"),
        ("![A", "[A", "link only in README.ja.md: !chart.png"),
        ("[above]", "More.\n\n[above]", "kind of text only in README.md: paragraph"),
        ("## Speed", "### Speed", "headings of level 3 and 2"),
    ],
)
def test_a_difference_is_named_with_its_section(old, new, difference):
    assert differences(PAGE, TRANSLATION) == []
    assert old in PAGE
    (found,) = differences(PAGE.replace(old, new), TRANSLATION)
    assert found.startswith('section "Speed" ("速度"):')
    assert difference in found


def test_a_section_too_many_is_named():
    (found,) = differences(PAGE + "\n## Memory\n", TRANSLATION)
    assert found == "sections in one README only: Memory"


def test_an_untranslated_comment_is_named():
    (found,) = differences(PAGE, TRANSLATION.replace("# 10 秒で", "# in 10 seconds"))
    assert "not translated: in 10 seconds" in found
