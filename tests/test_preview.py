"""The newest grid in the terminal: what is written to terminals of several kinds."""

import base64
import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from dcgan_cli import preview
from dcgan_cli.console import training_reporter
from dcgan_cli.preview import Preview
from tests.conftest import QUICK
from tests.test_console import START, open_terminal

PROJECT = Path(__file__).parent.parent
PROGRAM = """
import sys
from pathlib import Path
from rich.console import Console
from dcgan_cli.preview import Preview
console = Console(stderr=True, force_terminal=True, width=80, height=24)
shown = Preview(console)
console.print("before")
shown.offer(Path(sys.argv[1]))
console.print("after")
"""
KITTY = [
    (rb"\x1b_Gi=(\d+),s=1,v=1,a=q.*?\x1b\\", b"\x1b_Gi=%s;OK\x1b\\"),
    (rb"\x1b\[16t", b"\x1b[6;20;10t"),
]
"""What such a terminal answers to what it is asked."""
SIXEL = [(rb"\x1b\[c", b"\x1b[?62;4;22c"), (rb"\x1b\[16t", b"\x1b[6;20;10t")]


@pytest.fixture
def grid(tmp_path) -> Path:
    """A grid whose left half is red and whose right half is blue."""
    pixels = np.zeros((120, 120, 3), np.uint8)
    pixels[:, :60, 0] = pixels[:, 60:, 2] = 255
    Image.fromarray(pixels).save(tmp_path / "grid.png")
    return tmp_path / "grid.png"


def shown_by_a_terminal(grid: Path, answers: list[tuple[bytes, bytes]]) -> bytes:
    """Return what a program shows on a terminal of its own that gives these answers."""
    terminal, other_end = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(grid)],
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "xterm", "COLORTERM": "truecolor"},
        preexec_fn=lambda: os.login_tty(other_end),
    )
    os.close(other_end)
    written, answered = b"", 0
    while True:
        try:
            if not select.select([terminal], [], [], 120)[0]:
                process.kill()
                raise AssertionError(written)
            written += os.read(terminal, 2**16)
        except OSError:  # The program has ended.
            break
        for question, answer in answers:
            if match := re.search(question, written[answered:], re.DOTALL):
                answered += match.end()
                os.write(terminal, answer % match.groups() if match.groups() else answer)
    assert process.wait() == 0, written
    os.close(terminal)
    assert written.index(b"before") < written.index(b"after")
    return written


def test_kitty(grid):
    """The picture is sent as PNG, and placed by characters that scroll with the text."""
    written = shown_by_a_terminal(grid, KITTY)
    chunks = re.findall(rb"\x1b_Gi=\d+,m=[01],f=100[^;]*;([^\x1b]+)\x1b\\", written)
    picture = Image.open(io.BytesIO(base64.b64decode(b"".join(chunks)))).convert("RGB")
    assert picture.height == 16 * 20  # 24 lines, but for those that others need.
    assert picture.getpixel((10, 10)) == (255, 0, 0)
    assert picture.getpixel((picture.width - 10, 10)) == (0, 0, 255)
    assert re.search(rb"\x1b_Ga=p,i=\d+,c=32,r=16,U=1", written)
    assert written.decode().count("\U0010eeee") == 16 * 32
    assert b"\x1bP" not in written


def test_sixel(grid):
    written = shown_by_a_terminal(grid, SIXEL)
    (picture,) = re.findall(rb"\x1bP[0-9;]*q(.*?)\x1b\\", written, re.DOTALL)
    assert re.search(rb"#\d+;2;100;0;0", picture)  # Colours in percent.
    assert re.search(rb"#\d+;2;0;0;100", picture)
    assert picture.count(b"-") >= 16 * 20 // 6 - 1  # Bands of six lines.
    assert b"\x1b_Gi=" not in written.partition(b"before")[2]
    assert "▀" not in written.decode(errors="replace")


def test_half_blocks(grid):
    written = shown_by_a_terminal(grid, []).decode()
    assert written.count("▀") == 16 * 32
    assert written.count("\x1b[38;2;255;0;0;48;2;255;0;0m▀") > 16 * 14
    assert written.count("\x1b[38;2;0;0;255;48;2;0;0;255m▀") > 16 * 14
    assert "Failed" not in written
    assert "\x1bP" not in written
    assert "f=100" not in written


def test_nothing_is_asked_or_written_to_standard_output_that_is_a_file(grid, tmp_path):
    """Also with a terminal as standard error, where half blocks are shown."""
    master, terminal = pty.openpty()
    with (tmp_path / "out").open("wb") as out:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(grid)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=terminal,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            start_new_session=True,
        )
    assert ended.returncode == 0
    assert (tmp_path / "out").read_bytes() == b""
    shown = b""
    while select.select([master], [], [], 0)[0]:
        shown += os.read(master, 2**16)
    assert "▀" in shown.decode(errors="replace")


def test_at_most_three_grids_a_minute_and_the_last_one(grid, monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=20)
    shown = Preview(console)
    printed: list[float] = []
    monkeypatch.setattr(console, "print", lambda picture: printed.append(now))
    for _ in range(10):
        shown.offer(grid)
        now += 5
    now -= 5
    shown.show_waiting()
    shown.show_waiting()
    assert printed == [0, 20, 40, 45]


def test_grid_that_is_not_there_ends_nothing(tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True)
    shown = Preview(console)
    shown.offer(tmp_path / "missing.png")
    assert shown._renderable is None
    assert console.file.getvalue() == ""


@pytest.mark.parametrize("setting", ["auto", "off"])
def test_setting(monkeypatch, setting, grid):
    open_terminal(monkeypatch)
    offered = []
    monkeypatch.setattr(preview.Preview, "offer", lambda self, path: offered.append(path))
    with training_reporter(preview=setting == "auto") as reporter:
        reporter.start(START)
        row = {"seconds": 1.0, "images_per_second": 1.0, "generator_loss": 1.0}
        reporter.epoch(row | {"epoch": 1, "discriminator_loss": 1.0})
    assert offered == [Path("runs/a/samples/epoch_0001.png")] * (setting == "auto")


def test_pipe_and_log_have_no_picture(dcgan, workplace):
    done = dcgan("train", *QUICK, "epochs=1", "preview=auto", "hydra.run.dir=run")
    assert done.code == 0
    log = (workplace / "run" / "train.log").read_text()
    assert not re.search("[\x1b▀]", done.out + done.err + log)
    assert "preview must be auto or off" in dcgan("train", *QUICK, "preview=on").err
