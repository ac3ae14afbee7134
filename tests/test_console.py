"""What training says, and where it may draw."""

import io
from pathlib import Path

import pytest

from dcgan_cli import console
from dcgan_cli.core.training.reporter import Start, StepReport

START = Start(
    run=Path("runs/a"),
    device="CPU",
    precision="float32",
    data="MNIST",
    image_count=1000,
    parameters={"generator": 1},
    steps=200,
    steps_per_epoch=100,
    epochs=2,
    steps_done=0,
)


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch) -> None:
    for name in ("CI", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stderr", Terminal())


def step(number: int) -> StepReport:
    return StepReport(
        step=number,
        epoch=1,
        epoch_step=number,
        images_per_second=50.0,
        generator_loss=0.5,
        discriminator_loss=1.25,
        steps=START.steps,
    )


def test_a_terminal_is_drawn_on(monkeypatch):
    open_terminal(monkeypatch)
    assert console.is_live()
    monkeypatch.setenv("CI", "false")
    assert console.is_live()
    monkeypatch.setenv("VSCODE_PID", "1")  # Of its terminals, too.
    assert console.is_live()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert not console.is_live()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JPY_PARENT_PID", "7"),
        ("COLAB_RELEASE_TAG", "release"),
        ("KAGGLE_KERNEL_RUN_TYPE", "Interactive"),
        ("DATABRICKS_RUNTIME_VERSION", "17"),
        ("CI", "true"),
        ("CI", "1"),
        ("TERM", "dumb"),
        ("NO_COLOR", "1"),
    ],
)
def test_a_notebook_or_a_log_is_not(monkeypatch, name, value):
    """They set FORCE_COLOR and the like for programs that would ask for no terminal."""
    open_terminal(monkeypatch)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv(name, value)
    assert not console.is_live()


def test_a_long_epoch_says_how_far_it_is_once_a_minute(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    reporter = console.PlainReporter()
    reporter.start(START)
    capsys.readouterr()
    for number in range(1, 100):
        now += 1.5
        reporter.step(step(number))
    forecast, *lines = capsys.readouterr().err.splitlines()
    assert forecast == "forecast  02:30 an epoch, 04:51 to go"
    assert lines == [
        f"epoch 1/2  step {number} of 100  50 images/s  generator 0.500  discriminator 1.250  "
        f"{left} left"
        for number, left in ((40, "32 s"), (80, "24 s"))
    ]


def test_epochs_that_are_said_need_no_more(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    reporter = console.PlainReporter()
    reporter.start(START)
    row = {"seconds": 1.0, "images_per_second": 1.0, "generator_loss": 1.0}
    for epoch in range(1, 11):
        now += 50
        reporter.step(step(epoch))
        reporter.epoch(row | {"epoch": epoch, "discriminator_loss": 1.0})
    assert "step 1 of" not in capsys.readouterr().err


def test_long_work_on_pictures_says_how_far_it_is(capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    for item in console.progress_bar(range(1500), 1500, "decoding"):
        assert item >= 0
        now += 0.125
    assert (
        capsys.readouterr().err
        == "decoding  480 of 1,500\ndecoding  960 of 1,500\ndecoding  1,440 of 1,500\n"
    )
