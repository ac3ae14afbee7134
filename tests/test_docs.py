"""The documentation names what there is, and its commands can be run."""

import itertools
import re
import shlex
import shutil
import textwrap
from pathlib import Path

import pytest

import dcgan_cli
from dcgan_cli.core.data.mnist import BUNDLED_MNIST
from dcgan_cli.core.runs.find import point_latest_to
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from dcgan_cli.hydra_cli.help import configuration_page
from dcgan_cli.hydra_cli.multirun import compose_sweep
from dcgan_cli.plugins import load_file, take_options
from dcgan_cli.settings.tree import keys, may_change
from tests.pictures import write_colours
from tests.plugin_files import PAGE, write_plugins

PROJECT = Path(__file__).parent.parent
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")])
LINES = [line for page in PAGES for line in re.sub(r" \\\n *", " ", page.read_text()).splitlines()]
COMMANDS = sorted(
    {
        line.strip().removeprefix("$ ").partition("  #")[0].partition(" > ")[0]
        for line in LINES
        if re.match(
            r"    (\$ )?dcgan (train|sample|animate|evaluate|export|inspect|report|pack)\b", line
        )
    }
)
MISTAKES = sorted(
    {
        (command.strip(), answer.strip())
        for command, answer in itertools.pairwise(LINES)
        if command.startswith("    $ dcgan ") and answer.startswith("    dcgan: ")
    }
)


PYTHON = {page.name: re.findall(r"```python\n(.*?)```", page.read_text(), re.S) for page in PAGES}


def test_there_are_commands_to_test():
    assert len(COMMANDS) > 15
    assert PYTHON["README.md"]
    assert PYTHON["python.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_be_filled_in(page):
    left = re.compile(r"\s*[A-Z_]{3,}\s*|.*\b(TODO|FIXME|XXX|TBD)\b.*")
    assert [line for line in page.read_text().splitlines() if left.fullmatch(line)] == []


@pytest.mark.parametrize(
    "page",
    [
        page
        for page, blocks in PYTHON.items()
        # README.ja.md has the code of README.md (test_readme_ja.py).
        if blocks and page not in (PAGE.name, "export.md", "README.ja.md")
    ],
)
def test_documented_python(page, workplace, monkeypatch):
    """With a small network, which is trained sooner."""
    train = dcgan_cli.train
    monkeypatch.setattr(dcgan_cli, "train", lambda *words: train(*words, "model.base_channels=4"))
    namespace: dict[str, object] = {}
    for block in PYTHON[page]:
        exec(block, namespace)
    assert namespace["run"].state == "finished"
    assert list(workplace.glob("*.png"))


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command(command, dcgan, workplace, scored_run, conditional_run, monkeypatch):
    write_plugins(workplace)
    (_, name, *words), files = take_options(shlex.split(command))
    for file in files:
        load_file(file)
    if files and name == "sample":  # Of a run that needs it.
        return
    if name == "train":
        words = [
            w
            for w in words
            if "DIR" not in w and w not in ("--config-dir", "experiment=mine", "--help")
        ]
        if any(command in f"{mistake} " for mistake, _ in MISTAKES):
            return  # Tested below.
        line = CommandLine.parse(words)
        if line.options.multirun:
            compose_sweep(line)
        else:
            compose(line)
        return
    if "photos" in words:
        write_colours(workplace / "photos", 100, 80, 60)
        monkeypatch.setenv("DCGAN_CACHE", str(workplace / "cache"))
    for word in words:
        if word.endswith(".npz") and name == "inspect":
            shutil.copy(BUNDLED_MNIST, word)
    run = RunFolder(conditional_run if "--class" in words else scored_run)
    if {"cats", "frog"} & set(words):  # As of a run on folders with such names.
        run = RunFolder(Path(shutil.copytree(conditional_run, workplace / "runs" / "named")))
        run.update({"class_names": ["cats", "frog", *map(str, range(2, 10))]})
    point_latest_to(run)
    for path in ("run", "runs/mine", "runs/sweep", "runs/search", "runs/rates"):
        if path in words:
            single = path in ("run", "runs/mine")
            shutil.copytree(run.path, Path(path) / ("" if single else "0"))
    if ".onnx" in command:
        pytest.importorskip("tf2onnx", reason="the extra onnx is not installed")
    if ".mp4" in command:
        pytest.importorskip("imageio_ffmpeg", reason="the video extra is not installed")
    if "grid.png" in words and name == "inspect":
        assert dcgan("sample").code == 0
    words = ["3" if word == "15" else "100" if word == "10000" else word for word in words]
    if name == "animate" and "--out" not in words:
        words += ["--out", "here.gif"]  # The run belongs to all tests.
    if name == "report" and "--out" not in words:
        words += ["--out", "here.html"]
    if name == "evaluate":
        words += ["--n", "20"]
    done = dcgan(name, *words)
    assert done.code == 0, done.err


def test_documented_report_of_a_folder(dcgan, workplace):
    write_colours(workplace / "photos", 100, 80, 60)
    report = dcgan("inspect", "photos").out
    page = (PROJECT / "docs" / "data.md").read_text()
    shown = page.partition("    $ dcgan inspect photos\n")[2].partition("\nIt decodes")[0]
    assert textwrap.dedent(shown) == report


@pytest.mark.parametrize(("command", "answer"), MISTAKES)
def test_documented_mistake(command, answer, dcgan, workplace):
    assert dcgan(*shlex.split(command)[2:]).err.strip() == answer


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_promise_of_reliability_names_a_test():
    """And that test is there, by name."""
    text = (PROJECT / "docs" / "reliability.md").read_text()
    promised = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(promised) > 35
    for line in promised:
        if line == "| promise | test |":
            continue
        tests = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", line)
        assert tests, line
        for path, name in tests:
            assert not name or f"def {name}(" in (PROJECT / path).read_text(), name


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md"])
def test_all_that_may_change_in_a_resumed_run_is_named(page):
    text = (PROJECT / page).read_text()
    for name in may_change() - {"resume"}:
        group = name.partition(".")[0]
        assert f"`{name}`" in text or (
            group in ("optimizer", "evaluation") and f"`{group}`" in text
        )


def test_configuration_page_is_up_to_date():
    assert (PROJECT / "docs" / "configuration.md").read_text() == configuration_page()
    assert all(key.name in configuration_page() for key in keys())


def test_readme_maps_every_group():
    text = (PROJECT / "README.md").read_text()
    for folder in {path.parent for path in (PROJECT / "conf").glob("*/*.yaml")}:
        assert f"conf/{folder.name}/" in text


def test_entries_of_run_json_are_documented(finished_run):
    page = (PROJECT / "docs" / "architecture.md").read_text()
    table = page.partition("## Entries of `run.json`")[2].partition("\n## ")[0]
    documented = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    assert set(documented) == RunFolder(finished_run).record().keys()
