"""Error messages for wrong arguments of `dcgan train`."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from dcgan_cli.hydra_cli.mistakes import one_line, parse, split_sweep
from dcgan_cli.hydra_cli.other_names import OTHER_NAMES
from dcgan_cli.settings.overrides import override
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.tree import flatten, keys

NUMBERS = "9" * 400
DATA_KINDS = (
    "data must be cifar10 or fashion_mnist or image_folder or mnist or npz or tfds or tfrecord"
)


def composed(*words: str) -> TrainConfig:
    return compose(CommandLine.parse(list(words)))


def message_of(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(*words)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("epochs=3", "epochs", 3),
        ("epochs='3'", "epochs", 3),
        ("epochs=${batch_size}", "epochs", 256),
        ("epochs=1_000", "epochs", 1000),
        ("++epochs=3", "epochs", 3),
        ("optimizer.learning_rate=1", "optimizer.learning_rate", 1.0),
        ("optimizer={beta_1: 0.5}", "optimizer.beta_1", 0.5),
        ("data={limit: 5}", "data.limit", 5),
        ("strategy=mirrored", "strategy.name", "mirrored"),
        ("resume=null", "resume", None),
        ("resume='null'", "resume", "null"),
        ("resume=12", "resume", "12"),
        ("experiment=quick", "epochs", 2),
        ("recipe=tutorial", "epochs", 50),
        ("recipe=pictures", "epochs", 0),
        ("experiment=[quick,tutorial]", "precision", "float32"),
    ],
)
def test_good_words(word, name, value):
    assert flatten(composed(word))[name] == value


@pytest.mark.parametrize("value", ["a b", "don't", "[x]", "a,b", ".5", "é", "null"])
def test_a_quoted_value_arrives_unchanged(value):
    assert composed(override("resume", value)).resume == value


def test_later_words_win_over_earlier_ones_and_over_experiments():
    config = composed("epochs=7", "epochs=8", "experiment=quick")
    assert (config.epochs, config.batch_size) == (8, 24)


def test_other_names_map_to_existing_settings():
    known = {key.name for key in keys()} | {"data", "hydra.run.dir"}
    assert set(OTHER_NAMES) <= known
    names = [name for names in OTHER_NAMES.values() for name in names]
    assert len(names) == len(set(names))


def test_no_words_give_the_defaults():
    assert composed() == TrainConfig()


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["epochs=-1"], ["epochs must be a whole number, at least 0", "got -1"]),
        (["epochs=abc"], ["epochs must be a whole number", "'abc'"]),
        (["epochs=1.5"], ["epochs must be a whole number", "1.5"]),
        (["epochs=true"], ["epochs must be a whole number", "True"]),
        (["epochs=null"], ["epochs must be a whole number", "None"]),
        (["epochs="], ["epochs= has no value"]),
        (["epochs=[1,2]"], ["epochs must be a whole number", "[1, 2]"]),
        (["batch_size=1e3"], ["batch_size must be a whole number", "1000.0"]),
        ([f"epochs={NUMBERS}"], ["epochs must be a whole number"]),
        (["data.limit=true"], ["data.limit must be a whole number"]),
        (["data.channels=2"], ["data.channels must be 1 or 3, got 2"]),
        (["data.flip=maybe"], ["data.flip must be true or false", "maybe"]),
        (["data.image_size=7"], ["data.image_size must be a whole number, at least 8", "7"]),
        (["data.fit=corp"], ["data.fit must be crop or stretch or pad", "did you mean crop?"]),
        (["optimizer.learning_rate=nan"], ["optimizer.learning_rate must be", "nan"]),
        (["optimizer.learning_rate=1e400"], ["optimizer.learning_rate must be", "inf"]),
        ([f"optimizer.learning_rate={NUMBERS}"], ["optimizer.learning_rate must be"]),
        (["optimizer={learning_rate: -1}"], ["optimizer.learning_rate must be", "-1"]),
        (["optimizer={lr: 1}"], ["'lr'", "OptimizerConfig"]),
        (["precision=bf16"], ["precision must be auto or", "did you mean bfloat16?"]),
        (["epoch=3"], ["unknown key epoch", "did you mean epochs?", "dcgan train --help"]),
        (["+foo=3"], ["unknown key foo"]),
        (["++foo=3"], ["unknown key foo"]),
        (["~foo"], ["unknown key foo"]),
        (["lr=1e-4"], ["unknown key lr; did you mean optimizer.learning_rate?"]),
        (["niter=3"], ["unknown key niter; did you mean epochs?"]),
        (["dropout=0.5"], ["unknown key dropout; did you mean model.dropout?"]),
        (["optimizer.learning_rat=1"], ["did you mean optimizer.learning_rate?"]),
        (["epochs.x=1"], ["unknown key epochs.x"]),
        (["foo/bar=1"], ["unknown key foo/bar"]),
        (["+data/foo=mnist"], ["data/foo"]),
        (
            ["data=minst"],
            ["data must be cifar10 or fashion_mnist or", "'minst'", "did you mean mnist?"],
        ),
        (["data=[1]"], [DATA_KINDS]),
        (["data=null"], [DATA_KINDS]),
        (["data=mnist,cifar"], ["data", "mnist,cifar", "--multirun"]),
        (["experiment=quick,tutorial"], ["experiment", "quick,tutorial", "--multirun"]),
        (["experiment=quik"], ["experiment must be", "quick", "did you mean quick?"]),
        (["model=dcgn"], ["model must be dcgan or dcgan28 or mlp", "did you mean dcgan?"]),
        (["model=dcgan"], ["data.image_size must be 32 or 64 or 128 or 256 for model=dcgan"]),
        (["epochs=1,2"], ["epochs=1,2", "--multirun"]),
        (["epochs=range(1,3)"], ["epochs=range(1,3)", "--multirun"]),
        (["data.fit=a(b"], ["cannot parse data.fit=a(b", "\"data.fit='a(b'\""]),
        (["~epochs"], ["~epochs: a setting cannot be deleted; leave it out to use the default"]),
        (
            ["~data.limit"],
            ["~data.limit: a setting cannot be deleted; write data.limit=null"],
        ),
        (["~optimizer"], ["~optimizer: a setting cannot be deleted"]),
        (["é=3"], ["cannot parse é=3"]),
        (["=3"], ["has no key"]),
        (["~"], ["has no key"]),
        (["epochs=${nosuch}"], ["nosuch"]),
        (["epochs=???"], ["epochs"]),
        (["hydra.foo=1"], ["foo"]),
        (["hydra/launcher=nosuch"], ["hydra/launcher/nosuch"]),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_bad_words(words, fragments):
    message = message_of(*words)
    for fragment in fragments:
        assert fragment in message


@pytest.mark.parametrize(
    ("word", "fragment"),
    [
        ("epochs=-1", "epochs must be a whole number, at least 0"),
        ("epochs=abc", "epochs must be a whole number"),
        ("epoch=3", "unknown key epoch"),
        ("data.fit=a(b", "cannot parse data.fit=a(b;"),
        ("epochs=${nosuch}", "nosuch"),
        ("hydra.foo=1", "foo"),
        ("hydra/launcher=nosuch", "hydra/launcher/nosuch"),
    ],
)
def test_a_bad_word_is_found_among_good_ones(word, fragment):
    assert fragment in message_of("seed=5", word, "strategy=mirrored")


def test_bad_config_names():
    message = message_of("-cn", "data/mnist")
    assert "data/mnist.yaml" in message
    assert "base_train" in message
    assert "nosuch" in message_of("-cn", "nosuch")


def test_a_bad_config_name_does_not_blame_good_words():
    message = message_of("-cn", "nosuch", "seed=5")
    assert "nosuch" in message
    assert "seed" not in message


def test_adding_an_existing_key_does_not_blame_its_value():
    message = message_of("+epochs=5")
    assert "got 5" not in message
    assert "+epochs" in message


@pytest.mark.parametrize("key", ["data.path", "resume", "evaluation.features"])
@pytest.mark.parametrize(
    "value",
    [
        "2021_05",
        "12",
        "1e5",
        "a,b",
        "~x",
        "~",
        "[a]",
        "{a: 1}",
        "a(b",
        "choice(a,b)",
        "true",
        "a=b",
        "don't",
        "a b",
        "'quoted'",
        "${noise_dim}",
    ],
)
def test_paths_are_taken_literally(key, value):
    found = flatten(composed("data=npz" if key == "data.path" else "seed=1", f"{key}={value}"))[key]
    expected = {"'quoted'": "quoted", "${noise_dim}": "100"}.get(value, value)
    if key == "resume":
        assert found == expected
    else:
        assert found == os.path.abspath(os.path.expanduser(expected))


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("# @package _global_\nepohcs: 3\n", ["experiment/mine", "epohcs"]),
        ("# @package _global_\nepochs: abc\n", ["experiment/mine", "epochs", "abc"]),
        ("# @package _global_\nepochs: -1\n", ["epochs must be", "got -1"]),
        ("# @package _global_\nepochs: [1\n", ["mine"]),
        ("# @package _global_\nepochs: ${nosuch}\n", ["nosuch"]),
    ],
)
def test_bad_custom_experiments(tmp_path, text, fragments):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(text)
    for words in (["experiment=mine"], ["batch_size=5", "experiment=mine"]):
        message = message_of("-cd", str(tmp_path), *words)
        for fragment in fragments:
            assert fragment in message


@pytest.mark.parametrize("name", ["plain", "with space", "a=b", "[x]", "don't", "é", "a,b"])
def test_config_dir_of_any_name(tmp_path, name):
    folder = tmp_path / name / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nepochs: 3\n")
    assert composed("-cd", str(folder.parent), "experiment=mine").epochs == 3
    assert composed("-cd", str(folder.parent), "experiment=quick").epochs == 2


VALUES = st.sampled_from(["-1", "0", "1e9", "nan", "null", "x", "''", "[]", "{}", "true", "a,b"])
WORDS = st.builds(
    "{}{}={}".format,
    st.sampled_from(["", "", "+", "++"]),
    st.sampled_from([key.name for key in keys()]),
    VALUES | st.text(st.characters(exclude_categories=["Cc"]), max_size=3),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=2))
def test_any_values_give_a_config_or_one_line(words):
    try:
        config = composed(*words)
    except ConfigError as error:
        assert "\n" not in str(error)  # noqa: PT017 (both outcomes are valid)
    else:
        assert isinstance(config, TrainConfig)


def test_parse():
    assert parse("optimizer.beta_1=0.5").key_or_group == "optimizer.beta_1"
    assert parse("~data").is_delete()


@pytest.mark.parametrize("word", ["a=(", "=1", "~", "a b=1"])
def test_parse_rejects_words_that_are_not_overrides(word):
    with pytest.raises(ConfigError) as caught:
        parse(word)
    assert word in str(caught.value)


def test_split_sweep():
    words = ["epochs=1,2", "seed=3", "optimizer.beta_1=choice(0.1,0.2)", "batch_size=range(1,3)"]
    words += ["experiment=quick,tutorial", "data.path='a,b'"]
    fixed, choices = split_sweep(words)
    assert fixed == ["seed=3", "data.path='a,b'"]
    assert choices == [
        "epochs=1",
        "epochs=2",
        "optimizer.beta_1=0.1",
        "optimizer.beta_1=0.2",
        "experiment=quick",
        "experiment=tutorial",
    ]
    assert split_sweep([]) == ([], [])


@pytest.mark.parametrize("word", ["resume=latest", "resume=a,b", "++resume=a"])
def test_resume_is_refused_in_a_sweep(word):
    with pytest.raises(ConfigError, match="cannot be part of a sweep"):
        split_sweep(["epochs=1,2", word])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a"), "a"),
        (ValueError("a\n  b\n\nfull_key: x.y\nobject_type=Z\n"), "x.y: a; b"),
        (ValueError("no x\nConfig search path:\n\tprovider=..."), "no x"),
    ],
)
def test_one_line(error, line):
    assert one_line(error) == line


def test_one_line_reports_the_cause():
    outer = ValueError("outer")
    outer.__cause__ = ValueError("inner\nmore")
    assert one_line(outer) == "inner; more"
