"""Headless Chromium, driven through its DevTools protocol over a pipe.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import select
import shutil
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 120
"""Seconds until something that the browser should do counts as failed."""


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """A browser with one page, offline. Collects the page's errors in `errors`."""

    def __init__(self, program: str, profile: Path) -> None:
        self.errors: list[str] = []
        self._number = 0
        self._received = b""
        self._has_loaded = False
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        # Chromium reads from 3 and writes to 4. High numbers do not get in the way.
        given = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (commands, answers)]
        options = [
            *("--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu"),
            *("--no-first-run", "--disable-dev-shm-usage", f"--user-data-dir={profile}"),
            "about:blank",
        ]
        files = [
            *((os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(given, start=3)),
            *((os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_RDWR, 0) for n in (0, 1, 2)),
        ]
        self._process = os.posix_spawn(program, [program, *options], os.environ, file_actions=files)
        for end in (commands, answers, *given):
            os.close(end)
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        offline = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("Network.emulateNetworkConditions", offline=True, **offline)

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(RuntimeError, OSError):
            self._session = None
            self.call("Browser.close")
        os.waitpid(self._process, 0)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def open(self, url: str, width: int = 1000, *, dark: bool = False) -> None:
        """Open a page in a window of `width` pixels, and wait until it has loaded."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._has_loaded = False
        self.call("Page.navigate", url=url)
        while not self._has_loaded:
            self._note(self._next())

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, or what its promise resolves to."""
        result = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"Boolean({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition}; errors of the page: {self.errors}")

    def press(self, key: str) -> None:
        """Press a key, such as ArrowRight."""
        codes = {"ArrowRight": 39, "ArrowLeft": 37, "Tab": 9, "Enter": 13}
        text = {"text": "\r"} if key == "Enter" else {}  # Without it, buttons do not hear of it.
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                **(text if kind == "keyDown" else {}),
            )

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse button at `start` (in pixels of the window), and release it at `end`."""
        moves = [("mousePressed", start, 1), ("mouseMoved", end, 1), ("mouseReleased", end, 0)]
        for kind, (x, y), buttons in moves:
            more = {"x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, **more)

    def screenshot(self, path: Path) -> None:
        """Write a PNG of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call(
            "Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1}
        )["data"]
        path.write_bytes(base64.b64decode(data))

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._answers], [], [], max(0, end - time.monotonic()))
            data = os.read(self._answers, 2**20) if ready else b""
            if not data:
                raise RuntimeError("Chromium ended, or does not answer")
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        """Remember errors and warnings of the page, and that it has loaded."""
        given = event.get("params", {})
        match event.get("method"):
            case "Page.loadEventFired":
                self._has_loaded = True
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(given["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if given["type"] in ("error", "warning", "assert"):
                self.errors.append(json.dumps(given["args"]))
            case "Log.entryAdded" if given["entry"]["level"] in ("error", "warning"):
                self.errors.append(json.dumps(given["entry"]))
