"""A report in Chromium: what its script adds, the keyboard, a narrow window, no JavaScript."""

from pathlib import Path

import pytest

from tests.chromium import Chromium
from tests.sweep_folders import copy_run, make_sweep

SHOWN = """[...document.querySelectorAll(".frames")[0].children]
  .filter((frame) => frame.checkVisibility()).map((frame) => frame.textContent.trim())"""
CONTROLS = 'document.querySelectorAll(".controls")[0]'
SIDES = "[document.documentElement.scrollWidth, window.innerWidth]"


@pytest.fixture
def page(dcgan, scored_run, workplace) -> str:
    copy_run(scored_run, workplace / "run", 30)
    assert dcgan("report", "run", "--out", "page.html").code == 0
    return Path("page.html").absolute().as_uri()


@pytest.fixture
def comparison(dcgan, scored_run, workplace) -> str:
    make_sweep(scored_run, workplace / "s", {1e-4: [30, 34], 1e-3: [20, 22]})
    assert dcgan("report", "s", "--out", "page.html").code == 0
    return Path("page.html").absolute().as_uri()


def test_epochs_are_shown_one_at_a_time(chromium: Chromium, page):
    chromium.open(page)
    assert chromium.run(SHOWN) == ["epoch 3"]
    chromium.run(f'{CONTROLS}.querySelector("input").focus()')
    chromium.press("ArrowLeft")
    chromium.wait(f'{SHOWN}[0] === "epoch 2"')
    assert len(chromium.run(SHOWN)) == 1
    assert chromium.run(f'{CONTROLS}.querySelector("output").textContent') == "epoch 2"
    label = f'{CONTROLS}.querySelector("input").getAttribute("aria-valuetext")'
    assert chromium.run(label) == "epoch 2"
    assert chromium.errors == []


def test_play_shows_each_epoch_and_stops_at_the_last(chromium: Chromium, page):
    chromium.open(page)
    chromium.run(
        """window.seen = []; new MutationObserver(() => seen.push(
            document.querySelector(".controls output").textContent
        )).observe(document.querySelector(".controls output"), { childList: true })"""
    )
    chromium.run(f'{CONTROLS}.querySelector("button").click()')
    assert chromium.run(f'{CONTROLS}.querySelector("button").textContent') == "pause"
    chromium.wait(f'{CONTROLS}.querySelector("button").textContent === "play"')
    assert chromium.run("seen") == ["epoch 1", "epoch 2", "epoch 3"]
    assert chromium.errors == []


def test_a_table_is_sorted_by_any_column(chromium: Chromium, comparison):
    chromium.open(comparison)
    table = """[...document.querySelectorAll("table.sortable")]
      .find((one) => one.tHead.textContent.trim().startsWith("run"))"""
    heads = f"[...{table}.tHead.rows[0].cells]"
    names = chromium.run(f"{heads}.map((head) => head.textContent.trim())")
    column = names.index("optimizer.learning_rate")
    values = f"""[...{table}.tBodies[0].rows]
      .map((row) => row.cells[{column}].textContent.trim())"""
    button = f'{heads}[{column}].querySelector("button")'
    for order in ("ascending", "descending"):
        chromium.run(f"{button}.focus()")
        chromium.press("Enter")
        chromium.wait(f'{heads}[{column}].getAttribute("aria-sort") === "{order}"')
        rates = [float(value) for value in chromium.run(values)]
        assert rates == sorted(rates, reverse=order == "descending")
        assert len(set(rates)) == 2
    assert chromium.errors == []


@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_the_window(chromium: Chromium, request, width, dark):
    for name in ("page", "comparison"):
        chromium.open(request.getfixturevalue(name), width, dark=dark)
        content, window = chromium.run(SIDES)
        assert content <= window == width
        light = chromium.run(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"
            ".map(Number).reduce((sum, part) => sum + part)"
        )
        assert (light < 3 * 128) == dark


def test_pictures_and_tables_are_there_without_javascript(chromium: Chromium, page):
    chromium.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(page)
        assert chromium.run(SHOWN) == ["epoch 1", "epoch 2", "epoch 3"]
        assert chromium.run('document.querySelectorAll(".controls").length') == 0
        assert chromium.run('document.querySelectorAll("table tbody tr").length') > 3
    finally:
        chromium.call("Emulation.setScriptExecutionDisabled", value=False)
