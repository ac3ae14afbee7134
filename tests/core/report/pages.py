"""Read a report as a browser would."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.html = path.read_text()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def headings(self) -> list[str]:
        return re.findall(r"<h2>(.*?)</h2>", self.html)

    def check(self) -> None:
        """Check that it loads nothing, runs only its own script, and says what pictures show."""
        policy = next(
            m["content"] for m in self.all("meta") if m.get("http-equiv", "").startswith("C")
        )
        (script,) = self.scripts
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert "default-src 'none'" in policy
        assert f"script-src 'sha256-{digest}'" in policy
        assert len(self.all("script")) == 1
        for picture in self.all("img"):
            assert picture["src"].startswith("data:image/webp;base64,")
            assert picture["alt"]
        for chart in self.all("svg"):
            assert chart["role"] == "img"
            assert chart["aria-label"]
        for _, attributes in self.elements:
            assert not [name for name in attributes if name.startswith("on")]
            for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                value = attributes.get(name) or ""
                assert value.startswith(("data:", "#")) or not value or value.endswith(".html"), (
                    value
                )
        assert "url(http" not in self.html
        assert "@import" not in self.html
