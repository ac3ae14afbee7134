"""Globs, modes, paths, custom configs and launchers of Hydra."""

import os
from pathlib import Path

import pytest

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from dcgan_cli.hydra_cli.mistakes import expand_globs
from tests.conftest import QUICK

CONF = Path(__file__).parent.parent.parent / "conf"


@pytest.mark.parametrize(
    ("word", "expanded"),
    [
        ("loss=glob(h*)", "loss=hinge"),
        ("loss=glob(*hinge*)", "loss=hinge"),
        ("loss=glob([h*,m*])", "loss=hinge,minimax"),
        ("loss=glob(*,exclude=[*a*,*i*])", None),
        ("loss=glob(*,exclude=*t*)", "loss=hinge,minimax"),
        ("seed=1,2", "seed=1,2"),
    ],
)
def test_globs_become_the_choices_that_match(word, expanded):
    if expanded is None:
        with pytest.raises(ConfigError, match="matches none of hinge, "):
            expand_globs([word], [CONF])
    else:
        assert expand_globs(["epochs=1", word], [CONF]) == ["epochs=1", expanded]


def test_a_glob_on_a_setting_names_the_groups():
    with pytest.raises(
        ConfigError, match="works only for the groups data, experiment, hydra, loss"
    ):
        expand_globs(["seed=glob(*)"], [CONF])


def test_a_sweep_with_a_glob_and_hydra_mode(dcgan, workplace, forked_jobs):
    words = [*QUICK, "epochs=1", "hydra.mode=MULTIRUN", "hydra.sweep.dir=~/s"]
    done = dcgan("train", "loss=glob(h*)", *words)
    assert done.code == 0, done.err
    assert RunFolder(Path.home() / "s" / "0").config().loss.name == "hinge"
    assert not (workplace / "~").exists()
    assert (workplace / "runs" / "latest").resolve() == Path.home() / "s" / "0"


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


def test_relative_paths_start_in_the_current_folder(dcgan, workplace):
    words = [*QUICK, "epochs=1", "hydra.job.chdir=true", "hydra.run.dir=2024_01,b"]
    done = dcgan("train", *words)
    assert (done.code, done.out) == (0, "2024_01,b\n"), done.err
    assert Path.cwd() == workplace
    assert (workplace / "runs" / "latest" / "run.json").is_file()
    assert sorted(path.name for path in workplace.iterdir()) == ["2024_01,b", "runs"]
    assert (workplace / "2024_01,b" / "train.log").is_file()


def test_a_run_folder_below_home(dcgan, workplace):
    assert dcgan("train", *QUICK, "epochs=1", "hydra.run.dir=~/mine").code == 0
    assert RunFolder(Path.home() / "mine").exists()
    assert not (workplace / "~").exists()
    assert dcgan("train", "resume=~/mine").code == 0


@pytest.mark.parametrize("word", ["hydra.run.dir=~nobody-of-that-name/x"])
def test_the_home_of_an_unknown_user(dcgan, workplace, word):
    done = dcgan("train", *QUICK, "epochs=1", word)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "hydra.run.dir=~nobody" in done.err


def config_dir(folder: Path, **files: str) -> list[str]:
    for name, text in files.items():
        path = folder / "c" / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return ["-cd", str(folder / "c")]


@pytest.mark.parametrize("text", ["epochs: 8\n", "# mine\nepochs: 8\n", "# @pakage _global_\n"])
@pytest.mark.parametrize("word", ["experiment=mine", "experiment=[quick,mine]"])
def test_an_experiment_without_package_directive_names_the_missing_line(tmp_path, text, word):
    words = config_dir(tmp_path, experiment__mine=text)
    with pytest.raises(ConfigError) as caught:
        compose(CommandLine.parse([*words, word]))
    path = tmp_path / "c" / "experiment" / "mine.yaml"
    assert str(caught.value) == f"{path} must begin with the line `# @package _global_`"


@pytest.mark.parametrize(
    "text",
    ["defaults: [train, _self_]\nepochs: 8\n", "defaults: [base_train, _self_]\nepochs: 8\n"],
)
@pytest.mark.parametrize("flag", ["-cd", "--config-path", "-cp"])
def test_a_custom_primary_config(tmp_path, text, flag):
    _, folder = config_dir(tmp_path, mine=text)
    assert compose(CommandLine.parse([flag, folder, "-cn", "mine"])).epochs == 8


def test_an_experiment_with_a_byte_order_mark(tmp_path):
    words = config_dir(tmp_path, experiment__mine="\ufeff# @package _global_\nepochs: 8\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml begins with a byte order mark"):
        compose(CommandLine.parse([*words, "experiment=mine"]))


def test_a_comma_in_the_folder_of_a_sweep():
    line = CommandLine.parse(["-m", "seed=1,2", "hydra.sweep.dir=a,b"])
    assert line.overrides == ["seed=1,2", "hydra.sweep.dir='a,b'"]


def test_a_primary_config_without_the_defaults_names_what_is_missing(tmp_path):
    words = config_dir(tmp_path, mine="epochs: 8\n")
    with pytest.raises(ConfigError, match=r"mine.yaml must have `defaults: \[train, _self_\]`"):
        compose(CommandLine.parse([*words, "-cn", "mine"]))


def test_two_jobs_at_once_share_the_cores_and_keep_their_lines(dcgan, workplace, monkeypatch):
    monkeypatch.setattr("dcgan_cli.hydra_cli.sweep.core_count", lambda: 6)
    words = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweep.dir=s"]
    done = dcgan("train", "-m", *QUICK, "epochs=1", "seed=1,2", *words)
    assert done.code == 0, done.err
    assert done.err.count("2 jobs at once, 3 threads each") == 1
    for number in "01":
        run = RunFolder(Path("s") / number)
        assert run.record()["lineage"][0]["threads"] == [3, 3]
        said = [line for line in done.err.splitlines() if line.startswith(f"[{number}] ")]
        assert [line.split()[1] for line in said][:3] == ["run", "device", "data"]
    assert {line.split(os.sep)[-1] for line in done.out.splitlines()} == {"0", "1"}
