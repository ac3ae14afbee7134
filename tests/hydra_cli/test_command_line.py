"""Parsing of the arguments of `dcgan train` into flags and overrides."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli.command_line import CommandLine


def test_no_words():
    line = CommandLine.parse([])
    assert line.overrides == []
    assert line.words() == ["--config-name=train"]
    assert not line.shows_something
    assert not line.options.multirun


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["-m"], "multirun", True),
        (["--multirun"], "multirun", True),
        (["-c", "job"], "cfg", "job"),
        (["--cfg=all"], "cfg", "all"),
        (["--resolve", "-c", "job"], "resolve", True),
        (["-p", "model"], "package", "model"),
        (["--info"], "info", "all"),
        (["-i", "defaults"], "info", "defaults"),
        (["--hydra-help"], "hydra_help", True),
        (["-cn", "mine"], "config_name", "mine"),
        (["--config-name=mine"], "config_name", "mine"),
        (["-cd", "."], "config_dir", Path()),
        (["--config-dir", "."], "config_dir", Path()),
        (["-cp", "."], "config_dir", Path()),
        (["--config-path=."], "config_dir", Path()),
        (["hydra.mode=MULTIRUN"], "multirun", True),
        (["hydra.mode=run", "-m"], "multirun", False),
    ],
    ids=str,
)
def test_flags(words, name, value):
    for order in (["epochs=1", "~data", *words], [*words, "epochs=1", "~data"]):
        line = CommandLine.parse(order)
        assert getattr(line.options, name) == value
        assert line.overrides == ["epochs=1", "~data"]
    again = CommandLine.parse(line.words())
    assert (again.overrides, again.options) == (line.overrides, line.options)


@pytest.mark.parametrize(
    ("words", "shows"),
    [(["-c", "job"], True), (["-i"], True), (["--hydra-help"], True), (["-m"], False)],
)
def test_which_flags_only_show_something(words, shows):
    assert CommandLine.parse(words).shows_something is shows


def test_overrides_go_first_and_keep_their_order():
    line = CommandLine.parse(
        ["-c", "job", "seed=1,2", "-cn", "mine", "epochs=3", "--resolve", "seed=4"]
    )
    overrides = ["seed=1,2", "epochs=3", "seed=4"]
    assert line.overrides == overrides
    assert line.words() == [*overrides, "--config-name=mine", "--resolve", "--cfg=job"]


def test_adding_does_not_change_the_original():
    line = CommandLine.parse(["epochs=3"])
    assert line.adding("seed=1", "data=mnist").overrides == ["epochs=3", "seed=1", "data=mnist"]
    assert line.overrides == ["epochs=3"]


def test_search_flags(tmp_path):
    line = CommandLine.parse(["-cd", str(tmp_path), "-cn", "mine"])
    assert line.search_flags() == ["--config-name=mine", f"--config-dir={tmp_path}"]


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["--batch-size=64"], ["unknown option --batch-size=64", "write batch_size=64"]),
        (["--epochs", "3"], ["unknown option --epochs", "write epochs=3"]),
        (["--epochs", "seed=3"], ["write epochs=VALUE"]),
        (["--optimizer.beta-1=3"], ["write optimizer.beta_1=3"]),
        (["--lr", "1e-4"], ["write optimizer.learning_rate=1e-4"]),
        (["--imageSize", "64"], ["write data.image_size=64"]),
        (["--dataroot=pics"], ["write data.path=pics"]),
        (["--nz", "100"], ["write noise_dim=100"]),
        (["--nosuch"], ["unknown option --nosuch", "dcgan train --help"]),
        (["-x"], ["unknown option -x", "dcgan train --help"]),
        (["--mult"], ["unknown option --mult"]),
        (["-5"], ["unknown option -5"]),
        (["epochs"], ["'epochs' is not KEY=VALUE"]),
        (["epochs", "3"], ["write epochs=3 as one word without spaces"]),
        (["seed=1", "epochs", "=", "3", "seed=2"], ["write epochs=3 as"]),
        (["epochs", "=3"], ["write epochs=3 as"]),
        (["epochs=", "3"], ["write epochs=3 as"]),
        (["epochs = 3"], ["write epochs=3 as"]),
        (["epochs =3"], ["write epochs=3 as"]),
        (["hydra.run.dir", "=", "a"], ["write hydra.run.dir=a as"]),
        (["hydra.mode=both"], ["hydra.mode must be RUN or MULTIRUN, got both"]),
        (["epochs", "seed=3"], ["'epochs' is not KEY=VALUE"]),
        ([""], ["'' is not KEY=VALUE"]),
        (["-c"], ["expected one argument", "dcgan train --help"]),
        (["-c", "everything"], ["everything", "job", "all"]),
        (["-i", "everything"], ["everything", "defaults-tree"]),
        (["-m", "-c", "job"], ["--multirun cannot be combined with --cfg", "remove one"]),
        (["-m", "--info"], ["--multirun cannot be combined"]),
        (["-cd", "no/such"], ["--config-dir no/such is not a folder"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_mistakes(words, fragments):
    with pytest.raises(ConfigError) as caught:
        CommandLine.parse(words)
    for fragment in fragments:
        assert fragment in str(caught.value)


@given(st.lists(st.text(max_size=8) | st.sampled_from(["-m", "-c", "job", "a=b", "--", "-cn"])))
def test_any_words_are_a_command_line_or_a_config_error(words):
    try:
        line = CommandLine.parse(words)
    except ConfigError as error:
        assert str(error)  # noqa: PT017 (both outcomes are valid)
        return
    assert set(line.overrides) <= set(words)
    assert CommandLine.parse(line.words()).options == line.options
