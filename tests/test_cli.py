"""The command line as a whole: help, mistakes, exit codes, what is imported when."""

import json
import os
import subprocess
import sys

import pytest

from dcgan_cli import __version__
from dcgan_cli.cli import run_program
from dcgan_cli.hydra_cli.compose import conf_dir
from dcgan_cli.settings.tree import keys

COMMANDS = ["train", "sample", "animate", "inspect"]


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


IMPORTED = """
import sys
from dcgan_cli.cli import run_program
code = run_program(sys.argv[1:])
heavy = {"tensorflow", "keras", "hydra", "omegaconf", "numpy"} & set(sys.modules)
print(code, *sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([c, "--help"] for c in COMMANDS)])
def test_help_imports_nothing_heavy(words):
    done = python(IMPORTED, *words)
    assert done.stderr == "0\n"
    assert done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [(["train", "--cfg", "job"], 0), (["train", "epoch=1"], 2), (["train", "data.limit=70000"], 3)],
)
def test_mistakes_are_found_before_tensorflow_is_imported(words, code):
    last = python(IMPORTED, *words).stderr.splitlines()[-1].split()
    assert last[0] == str(code)
    assert not {"tensorflow", "keras"} & set(last)


def test_inspect_and_animate_need_no_tensorflow(finished_run, tmp_path):
    for words in (["inspect", str(finished_run)], ["animate", "--run", str(finished_run)]):
        if words[0] == "animate":
            words += ["--out", str(tmp_path / "a.gif")]
        last = python(IMPORTED, *words).stderr.splitlines()[-1].split()
        assert last[0] == "0"
        assert not {"tensorflow", "keras", "hydra", "omegaconf"} & set(last)


def test_train_help_names_every_setting_and_group(dcgan):
    text = dcgan("train", "--help").out
    for key in keys():
        if not key.name.endswith(".name"):
            assert key.name + "=" in text
            assert key.doc in text
    listed = text.partition("Groups:")[2].partition("Settings and")[0].split("\n")
    choices = [line.split(maxsplit=1) for line in listed if line.strip()]
    assert all(len(line) == 2 for line in choices)  # Each has a description.
    expected = {f"{path.parent.name}={path.stem}" for path in conf_dir().glob("[!h]*/*.yaml")}
    assert {choice for choice, _ in choices} == expected


def test_version(dcgan):
    assert dcgan("--version").out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["epochs=four"], ["epochs must be a whole number, at least 0", "'four'"]),
        (["epoch=4"], ["unknown key epoch", "did you mean epochs?"]),
        (["batch_size=0"], ["batch_size must be", "at least 1", "got 0"]),
        (["model=nope"], ["model must be dcgan or dcgan28 or mlp", "'nope'"]),
        (["modle=dcgan28"], ["unknown key modle", "did you mean model"]),
        (["learning_rate=1"], ["did you mean optimizer.learning_rate?"]),
        (["optimizer.learning_rate=nan"], ["optimizer.learning_rate", "nan"]),
        (["optimizer.learning_rate=true"], ["optimizer.learning_rate must be a number", "True"]),
        (["precision=bfloat"], ["auto or float32 or bfloat16", "did you mean bfloat16?"]),
        (["+new=1"], ["unknown key new"]),
        (["epochs=1,2"], ["--multirun"]),
        (["--epochs", "4"], ["unknown option --epochs", "write epochs=4"]),
        (["--nope"], ["unknown option --nope"]),
        (["fast"], ["'fast' is not KEY=VALUE"]),
        (["data={"], ["cannot parse data={"]),
        (["--config-dir", "nowhere"], ["nowhere is not a folder"]),
        (["--cfg", "x"], ["--cfg"]),
        (["resume=nowhere"], ["nowhere is not a run folder"]),
        (["hydra.nope=1"], ["hydra.nope"]),
    ],
)
def test_mistakes_in_train(dcgan, workplace, words, fragments):
    done = dcgan("train", *words)
    assert (done.code, done.out, len(done.err.splitlines())) == (
        4 if "resume" in words[0] else 2,
        "",
        1,
    ), done.err
    for fragment in fragments:
        assert fragment in done.err
    assert not list(workplace.iterdir())


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["nope"], "dcgan"),
        (["--nope"], "dcgan"),
        (["sample", "--nope"], "dcgan sample"),
        (["animate", "--fps", "x"], "dcgan animate"),
        (["evaluate", "--n", "1"], "dcgan evaluate"),
        (["inspect", "--nope"], "dcgan inspect"),
        (["pack"], "dcgan pack"),
    ],
)
def test_mistakes_elsewhere(dcgan, workplace, words, command):
    done = dcgan(*words)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert done.err.endswith(f"; see {command} --help\n")


def test_debug_shows_the_traceback(workplace, monkeypatch):
    monkeypatch.setenv("DCGAN_DEBUG", "")
    with pytest.raises(ValueError, match="unknown key epoch"):
        run_program(["train", "epoch=1", "--debug"])


def test_cfg_prints_the_composed_settings(dcgan, workplace):
    done = dcgan("train", "--cfg", "job", "experiment=quick", "optimizer.beta_2=0.9")
    assert done.code == 0
    assert "batch_size: 24" in done.out
    assert "beta_2: 0.9" in done.out
    assert not list(workplace.iterdir())


def test_info_explains_the_defaults_list(dcgan, workplace):
    assert "experiment/quick" in dcgan("train", "--info", "defaults", "experiment=quick").out


def test_config_dir_adds_groups(dcgan, workplace):
    (workplace / "mine" / "model").mkdir(parents=True)
    (workplace / "mine" / "model" / "wide.yaml").write_text("name: dcgan28\nbase_channels: 96\n")
    done = dcgan("train", "--config-dir", "mine", "--cfg", "job", "model=wide")
    assert done.code == 0, done.err
    assert "base_channels: 96" in done.out
    done = dcgan("train", "--config-dir", "mine", "model=wid")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "did you mean wide?" in done.err


def test_typo_in_a_file_of_ones_own(dcgan, workplace):
    (workplace / "mine" / "model").mkdir(parents=True)
    (workplace / "mine" / "model" / "wide.yaml").write_text("name: dcgan28\nbase_chanels: 96\n")
    done = dcgan("train", "--config-dir", "mine", "model=wide")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "base_chanels" in done.err


def test_config_name_of_ones_own(dcgan, workplace):
    (workplace / "mine").mkdir()
    (workplace / "mine" / "small.yaml").write_text("defaults: [train, _self_]\nepochs: 7\n")
    done = dcgan("train", "--config-dir", "mine", "--config-name", "small", "--cfg", "job")
    assert done.code == 0, done.err
    assert "epochs: 7" in done.out


def test_completion_offers_groups_and_keys():
    from dcgan_cli.hydra_cli.completion import complete_override

    assert "model=dcgan28" in complete_override("model=")
    assert "optimizer.learning_rate=" in complete_override("optimizer.l")
    assert complete_override("nonsense") == []


def test_shell_completion_reaches_the_overrides():
    done = subprocess.run(
        [sys.executable, "-m", "dcgan_cli"],
        capture_output=True,
        text=True,
        env=os.environ
        | {
            "_DCGAN_COMPLETE": "complete_bash",
            "COMP_WORDS": "dcgan train exper",
            "COMP_CWORD": "2",
        },
    )
    assert "experiment=" in done.stdout


def test_inspect_without_a_run_shows_the_defaults(dcgan, workplace):
    done = dcgan("inspect", "--json")
    assert done.code == 0
    facts = json.loads(done.out)
    assert facts["kind"] == "defaults"
    assert facts["settings"]["batch_size"] == 256
    assert "256" in dcgan("inspect").out
