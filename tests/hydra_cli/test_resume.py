"""Settings of a resumed run: which may change and which may not."""

import dataclasses

import pytest

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.errors import CheckpointError, ConfigError
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose
from dcgan_cli.hydra_cli.resume import resumed_config
from dcgan_cli.settings.schema import OptimizerConfig, TrainConfig
from dcgan_cli.settings.tree import flatten, may_change

FACTS = {"precision": "float32", "data_sha256": "0" * 64}
OWN = TrainConfig(epochs=7, batch_size=64, optimizer=OptimizerConfig(beta_1=0.5))


@pytest.fixture
def run(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    run.create(dataclasses.asdict(OWN), FACTS)
    return run


def resumed(run: RunFolder, *words: str) -> TrainConfig:
    line = CommandLine.parse(["resume=latest", *words])
    return resumed_config(line.overrides, compose(line), run)


def changes(config: TrainConfig) -> dict:
    own = flatten(OWN) | {"resume": "latest"}
    return {name: value for name, value in flatten(config).items() if value != own[name]}


def test_all_settings_that_may_change():
    assert sorted(may_change() - {"resume"}) == [
        "checkpoint_every",
        "checkpoint_seconds",
        "convolution",
        "data.cache",
        "data.path",
        "data.skip_bad",
        "epochs",
        "evaluate_every",
        "evaluation.features",
        "evaluation.samples",
        "max_time",
        "optimizer.beta_1",
        "optimizer.beta_2",
        "optimizer.cooldown",
        "optimizer.epsilon",
        "optimizer.learning_rate",
        "patience",
        "precision",
        "preview",
        "report",
        "strategy.name",
        "tracking",
    ]
    assert set(flatten(OWN)) >= may_change()


def test_resuming_keeps_the_settings_of_the_run(run):
    assert changes(resumed(run)) == {}


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("epochs=100", "epochs", 100),
        ("checkpoint_every=1", "checkpoint_every", 1),
        ("checkpoint_seconds=1", "checkpoint_seconds", 1.0),
        ("precision=float32", "precision", "float32"),
        ("convolution=direct", "convolution", "direct"),
        ("data.path=/data", "data.path", "/data"),
        ("data.skip_bad=true", "data.skip_bad", True),
        ("data.cache=false", "data.cache", False),
        ("optimizer.learning_rate=0.1", "optimizer.learning_rate", 0.1),
        ("optimizer.beta_1=0.6", "optimizer.beta_1", 0.6),
        ("optimizer.beta_2=0.6", "optimizer.beta_2", 0.6),
        ("optimizer.epsilon=0.6", "optimizer.epsilon", 0.6),
        ("optimizer.cooldown=0.6", "optimizer.cooldown", 0.6),
        ("strategy=mirrored", "strategy.name", "mirrored"),
        ("strategy.name=mirrored", "strategy.name", "mirrored"),
        ("++epochs=100", "epochs", 100),
    ],
)
def test_what_may_change(run, word, name, value):
    assert changes(resumed(run, word)) == {name: value}


def test_an_explicit_default_overrides_the_setting_of_the_run(run):
    assert changes(resumed(run, "epochs=50")) == {"epochs": 50}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("batch_size=256", "batch_size"),
        ("buffer_size=5", "buffer_size"),
        ("noise_dim=5", "noise_dim"),
        ("num_examples_to_generate=5", "num_examples_to_generate"),
        ("seed=5", "seed"),
        ("data.fit=pad", "data.fit"),
        ("data.channels=3", "data.channels"),
        ("data.flip=true", "data.flip"),
        ("data.name=npz", "data.name"),
        ("data.limit=5", "data.limit"),
        ("data={limit: 5}", "data.limit"),
        ("model.base_channels=5", "model.base_channels"),
        ("model.leaky_relu_slope=0.5", "model.leaky_relu_slope"),
        ("model.dropout=0.5", "model.dropout"),
    ],
)
def test_what_may_not_change(run, word, name):
    with pytest.raises(ConfigError) as caught:
        resumed(run, "epochs=9", word)
    message = str(caught.value)
    assert message.startswith(f"{name} cannot change when resuming: {run.path} has ")
    assert str(flatten(OWN)[name]) in message


def test_all_settings_that_may_not_change():
    assert {name for name in flatten(OWN) if name not in may_change()} == {
        "passes_per_epoch",
        "batch_size",
        "buffer_size",
        "noise_dim",
        "num_examples_to_generate",
        "seed",
        "ema",
        "data.name",
        "data.limit",
        "data.image_size",
        "data.channels",
        "data.classes",
        "data.fit",
        "data.black",
        "data.white",
        "data.pages",
        "data.flip",
        "model.name",
        "model.base_channels",
        "model.units",
        "model.leaky_relu_slope",
        "model.dropout",
        "model.upsample",
        "model.spectral_norm",
        "model.conditional",
        "loss.name",
        "loss.label_smoothing",
        "loss.gradient_penalty",
        "loss.r1_gamma",
        "loss.diffaugment",
        "optimizer.name",
    }


def test_repeating_the_value_of_the_run_changes_nothing(run):
    assert changes(resumed(run, "batch_size=64", "seed=0", "model=dcgan28")) == {}


def test_choosing_a_group_sets_all_its_settings(run):
    assert changes(resumed(run, "optimizer=adam")) == {"optimizer.beta_1": 0.9}
    named = resumed(run, "optimizer=adam", "optimizer.beta_1=0.5")
    assert changes(named) == {}


def test_choosing_a_group_that_changes_a_fixed_setting(tmp_path):
    run = RunFolder(tmp_path / "limited")
    run.create({"data": {"limit": 9}, "model": {"base_channels": 4}}, FACTS)
    for word, name in (("data=mnist", "data.limit"), ("model=dcgan28", "model.base_channels")):
        with pytest.raises(ConfigError, match=f"^{name} cannot change"):
            resumed(run, word)


@pytest.mark.parametrize("word", ["experiment=quick", "experiment=[quick]", "~experiment"])
def test_experiments_are_refused(run, word):
    with pytest.raises(ConfigError, match="experiment cannot be combined with resume"):
        resumed(run, word)


def test_overrides_of_hydra_are_ignored(run):
    assert changes(resumed(run, "hydra.job.name=x")) == {}


def test_a_run_that_was_itself_resumed(run):
    run.update({"config": dataclasses.asdict(OWN) | {"resume": "elsewhere"}})
    assert resumed(run).resume == "latest"


def test_damaged_run(run):
    (run.path / "run.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        resumed(run, "epochs=9")
