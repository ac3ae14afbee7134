"""Defaults, ranges and error messages of settings."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from dcgan_cli.errors import ConfigError
from dcgan_cli.hydra_cli.command_line import CommandLine
from dcgan_cli.hydra_cli.compose import compose, conf_dir
from dcgan_cli.settings.field import choices_of, nearest
from dcgan_cli.settings.schema import (
    ModelConfig,
    TrainConfig,
)
from dcgan_cli.settings.tree import flatten, from_dict, group_names, keys

ALL_KEYS = {key.name: key for key in keys()}
NUMBERS = [
    name
    for name, value in flatten(TrainConfig()).items()
    if type(value) in (int, float) and name != "data.channels"
]
FLAGS = [name for name, value in flatten(TrainConfig()).items() if isinstance(value, bool)]
FRACTIONS = [name for name, value in flatten(TrainConfig()).items() if isinstance(value, float)]


def nested(name: str, value: object) -> dict:
    """Return the dictionary for `from_dict` that sets one dotted name."""
    group, _, key = name.rpartition(".")
    return {group: {key: value}} if group else {key: value}


def test_names_of_all_settings():
    top = [
        "epochs",
        "passes_per_epoch",
        "batch_size",
        "buffer_size",
        "noise_dim",
        "num_examples_to_generate",
    ]
    top += ["checkpoint_every", "checkpoint_seconds", "seed", "ema", "evaluate_every", "patience"]
    top += ["max_time", "precision", "convolution", "tracking", "report", "preview", "resume"]
    assert [name for name in ALL_KEYS if "." not in name] == top
    assert group_names() == ["data", "model", "loss", "optimizer", "strategy", "evaluation"]
    assert {"data.path", "data.limit", "model.dropout", "optimizer.beta_1"} < set(ALL_KEYS)
    of_data = ["name", "path", "limit", "image_size", "channels", "classes", "fit", "black"]
    of_data += ["white", "pages", "flip", "skip_bad", "cache"]
    assert [name for name in ALL_KEYS if name.startswith("data.")] == [f"data.{n}" for n in of_data]


@pytest.mark.parametrize("key", ALL_KEYS.values(), ids=ALL_KEYS)
def test_every_setting_has_a_meaning_and_a_default(key):
    assert len(key.doc) > 5
    assert key.kind
    assert flatten(TrainConfig())[key.name] == key.default


def test_kind_says_type_range_and_null():
    assert ALL_KEYS["epochs"].kind == "a whole number, at least 0, at most 1000000"
    assert ALL_KEYS["model.dropout"].kind == "a number, at least 0, below 1"
    assert ALL_KEYS["data.limit"].kind == "a whole number, at least 1 (or null)"
    assert ALL_KEYS["precision"].kind == "auto or float32 or bfloat16"


def test_defaults_match_the_tutorial():
    flat = flatten(TrainConfig())
    expected = {
        "epochs": 50,
        "batch_size": 256,
        "buffer_size": 60000,
        "noise_dim": 100,
        "num_examples_to_generate": 16,
        "checkpoint_every": 15,
        "optimizer.learning_rate": 1e-4,
        "model.leaky_relu_slope": 0.3,
        "model.dropout": 0.3,
    }
    assert {name: flat[name] for name in expected} == expected


def test_composing_without_overrides_gives_the_defaults():
    assert compose(CommandLine.parse([])) == TrainConfig()


@pytest.mark.parametrize("path", sorted(conf_dir().glob("[!he]*/*.yaml")), ids=lambda p: p.stem)
def test_group_files_repeat_no_default(path):
    written = OmegaConf.to_container(OmegaConf.load(path))
    settings = dataclasses.asdict(TrainConfig())
    if path.parent.name != "recipe":  # A recipe sets any setting.
        written = {path.parent.name: written}
    own, usual = flatten(written), flatten(settings)
    named = {"name", "defaults"}
    assert not [k for k, v in own.items() if k.split(".")[-1] not in named and usual[k] == v]


def test_tutorial_experiment_lists_its_numbers_even_if_they_are_defaults():
    written = OmegaConf.to_container(OmegaConf.load(conf_dir() / "experiment" / "tutorial.yaml"))
    numbers = {"epochs": 50, "batch_size": 256, "buffer_size": 60000, "noise_dim": 100}
    assert written.items() >= numbers.items()
    assert written["optimizer"]["learning_rate"] == 1e-4


def test_pictures_have_their_recipe_unless_it_is_taken_away():
    line = ["data=image_folder", "data.path=photos"]
    assert compose(CommandLine.parse(line)).epochs == 0
    assert compose(CommandLine.parse([*line, "recipe=tutorial"])).epochs == 50
    assert compose(CommandLine.parse([*line, "epochs=3"])).epochs == 3
    assert compose(CommandLine.parse(["recipe=pictures"])).data.name == "mnist"


@pytest.mark.parametrize("data", ["image_folder", "fashion_mnist"])
def test_tutorial_experiment_means_the_same_with_any_data(data):
    """It undoes the recipe for pictures."""
    line = ["experiment=tutorial", f"data={data}"]
    config = compose(CommandLine.parse([*line, "data.path=photos"]))
    expected = dataclasses.replace(TrainConfig(), precision="float32")
    alike = dataclasses.replace(config, data=expected.data, model=expected.model)
    assert alike == expected
    assert (config.model.leaky_relu_slope, config.model.dropout) == (0.3, 0.3)


@pytest.mark.parametrize("path", sorted(conf_dir().glob("*/*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_config_is_valid(path):
    values = OmegaConf.to_container(OmegaConf.load(path))
    values.pop("defaults", None)
    if path.parent.name not in ("experiment", "recipe"):
        values = {path.parent.name: values}
    values.pop("hydra", None)
    if path.stem == "dcgan":
        values["data"] = {"image_size": 64}
    if path.stem in ("cifar10", "image_folder", "npz", "tfds", "tfrecord"):
        values["model"] = {"name": "dcgan"}
    config = from_dict(values)
    if path.parent.name == "experiment":
        assert compose(CommandLine.parse([f"experiment={path.stem}"])) == config
    elif path.parent.name != "recipe":
        assert getattr(config, path.parent.name).name == path.stem


@pytest.mark.parametrize(
    ("name", "low", "too_low", "high", "too_high"),
    [
        ("epochs", 0, -1, 1000000, 1000001),
        ("batch_size", 1, 0, 1000000, 1000001),
        ("buffer_size", 1, 0, 10**9, None),
        ("noise_dim", 1, 0, 65536, 65537),
        ("num_examples_to_generate", 1, 0, 4096, 4097),
        ("checkpoint_every", 1, 0, 10**6, None),
        ("seed", 0, -1, 2**31 - 1, 2**31),
        ("data.limit", 1, 0, 60000, None),
        ("data.image_size", 28, 7, 28, 1025),
        ("data.channels", 1, 0, 3, 4),
        ("data.classes", 0, -1, 65536, 65537),
        ("model.units", 1, 0, 65536, 65537),
        ("loss.label_smoothing", 0, -0.1, 0.49, 0.5),
        ("loss.gradient_penalty", 1e-6, 0, 1e6, 1.1e6),
        ("model.base_channels", 1, 0, 1024, 1025),
        ("model.leaky_relu_slope", 0, -0.1, 1, 1.1),
        ("model.dropout", 0, -0.1, 0.999, 1),
        ("loss.r1_gamma", 0, -0.1, 1e6, 1.1e6),
        ("optimizer.learning_rate", 1e-12, 0, 1, None),
        ("optimizer.beta_1", 0, -0.1, 0.999, 1),
        ("optimizer.beta_2", 0, -0.1, 0.9999, 1),
        ("optimizer.epsilon", 1e-12, 0, 1, 1.1),
        ("optimizer.cooldown", 0, -0.1, 1, 1.1),
    ],
)
def test_ranges(name, low, too_low, high, too_high):
    for good in (low, high):
        assert flatten(from_dict(nested(name, good)))[name] == good
    for bad in (too_low, too_high):
        if bad is not None:
            with pytest.raises(ConfigError) as caught:
                from_dict(nested(name, bad))
            assert str(caught.value).startswith(f"{name} must be {ALL_KEYS[name].kind}, got {bad}")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, False, "1", [1], None])
def test_numbers_are_finite_numbers(name, value):
    with pytest.raises(ConfigError, match=f"^{name} must be a"):
        from_dict(nested(name, value))


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [0, 1, "true", None, 0.5])
def test_flags_are_true_or_false(name, value):
    if name == "loss.diffaugment" and value is None:
        assert from_dict(nested(name, value)).loss.diffaugment is None
        return
    with pytest.raises(ConfigError, match=rf"^{name} must be true or false( \(or null\))?, got"):
        from_dict(nested(name, value))


@pytest.mark.parametrize("value", [2, 4, True, 1.5, "3", None])
def test_channels(value):
    with pytest.raises(ConfigError, match=r"^data\.channels must be 1 or 3, got"):
        from_dict(nested("data.channels", value))


def test_image_shape():
    assert TrainConfig().image_shape == (28, 28, 1)
    colour = {"model": {"name": "dcgan"}, "data": {"image_size": 64, "channels": 3}}
    assert from_dict(colour).image_shape == (64, 64, 3)


@pytest.mark.parametrize("name", FRACTIONS)
def test_a_whole_number_too_large_for_a_float_is_refused(name):
    with pytest.raises(ConfigError, match=f"^{name} must be a number"):
        from_dict(nested(name, 10**400))


@pytest.mark.parametrize("name", ["resume", "data.path", "precision"])
@pytest.mark.parametrize("value", [1, True, ["x"], 0.5])
def test_text_is_text(name, value):
    with pytest.raises(ConfigError, match=f"^{name} must be "):
        from_dict(nested(name, value))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "unknown key epoch; did you mean epochs?"),
        ({"optimizer": {"learning_rat": 1}}, "unknown key optimizer.learning_rat; did you mean le"),
        ({"zzzzzz": 3}, "unknown key zzzzzz"),
        ({"data": "mnist"}, "data must be a group of keys, got 'mnist'"),
        ({"data": None}, "data must be a group of keys, got None"),
        ({"precision": "bfloat"}, "got 'bfloat'; did you mean bfloat16?"),
        ({"strategy": {"name": "mirror"}}, "strategy.name must be default or mirrored"),
    ],
)
def test_error_messages_name_the_key_and_suggest_a_similar_one(values, message):
    with pytest.raises(ConfigError) as caught:
        from_dict(values)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nearest_suggests_nothing_without_a_similar_word():
    assert nearest("qqq", ["epochs", "seed"]) == ""
    assert nearest("sed", ["epochs", "seed"]) == "; did you mean seed?"


def values_of(setting: dataclasses.Field) -> st.SearchStrategy:
    """Return a strategy for valid values of a setting."""
    if setting.name == "options":  # No built-in choice has options.
        return st.just({})
    bounds, choices = setting.metadata["bounds"], choices_of(setting)
    if choices:
        return st.sampled_from(choices)
    if setting.name in {"path", "resume"}:
        return st.none() | st.text()
    if setting.name == "max_time":
        return st.none() | st.sampled_from(["90s", "10m", "1h30m", "0.5h"])
    if setting.name == "tracking":
        return st.lists(st.text())
    if setting.name == "features":
        return st.text()
    if setting.name == "patience":  # Other values need evaluate_every.
        return st.none()
    if setting.name == "limit":
        return st.none() | st.integers(min_value=1)
    if setting.name == "white":
        return st.none() | st.floats(allow_nan=False, allow_infinity=False)
    if isinstance(setting.default, bool):
        return st.booleans()
    low = bounds.get("at_least", bounds.get("above"))
    high = bounds.get("at_most", bounds.get("below"))
    if isinstance(setting.default, int):
        return st.integers(low, high - ("below" in bounds) if high else None)
    return st.floats(
        low,
        high,
        exclude_min="above" in bounds,
        exclude_max="below" in bounds,
        allow_nan=False,
        allow_infinity=False,
    )


def values_of_section(section: type) -> st.SearchStrategy:
    return st.fixed_dictionaries(
        {
            setting.name: values_of(setting)
            if setting.metadata
            else values_of_section(setting.default_factory)
            for setting in dataclasses.fields(section)
        }
    )


def satisfying_constraints(values: dict) -> dict:
    """Change values that violate constraints between settings."""
    values["model"]["name"] = "mlp"  # Works with any image size.
    data = values["data"]
    if data["white"] is None or data["black"] >= data["white"]:
        data["black"], data["white"] = 0.0, None
    if values["convolution"] == "transformed":
        values["convolution"] = "direct"
    if values["loss"]["name"] not in ("least_squares", "minimax", "non_saturating"):
        values["loss"]["label_smoothing"] = 0.0
    return values


@given(values_of_section(TrainConfig).map(satisfying_constraints))
def test_plain_dictionaries_round_trip(values):
    config = from_dict(values)
    assert isinstance(config.model, ModelConfig)
    assert dataclasses.asdict(config) == values
    assert from_dict(dataclasses.asdict(config)) == config


@given(st.dictionaries(st.sampled_from(list(ALL_KEYS)), st.none() | st.floats() | st.integers()))
def test_any_numbers_give_a_config_or_a_config_error(values):
    try:
        config = from_dict({k: v for name, v in values.items() for k, v in nested(name, v).items()})
    except ConfigError as error:
        assert " must be " in str(error)  # noqa: PT017 (both outcomes are valid)
    else:
        assert isinstance(config, TrainConfig)


def test_patience_needs_scores():
    with pytest.raises(ConfigError, match="patience needs scores"):
        from_dict({"patience": 3, "evaluate_every": 0})
    assert from_dict({"patience": 3}).patience == 3


@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [("dcgan28", [28], [27, 32]), ("dcgan", [32, 64, 128, 256], [28, 16, 96, 512])],
)
def test_supported_image_sizes_of_models(model, good, bad):
    for size in good:
        from_dict({"model": {"name": model}, "data": {"image_size": size}})
    for size in bad:
        with pytest.raises(
            ConfigError, match=f"for model={model}, got {size}; model=mlp takes any"
        ):
            from_dict({"model": {"name": model}, "data": {"image_size": size}})


def test_latent_dim_includes_classes_only_if_conditional():
    model = ModelConfig(conditional=True)
    assert TrainConfig(model=model).latent_dim == 110
    assert TrainConfig().latent_dim == 100


@pytest.mark.parametrize(
    "values",
    [
        {"model": {"name": "mlp"}},
        {"model": {"upsample": "resize"}},
        {"model": {"spectral_norm": True}},
        {"data": {"channels": 3}},
    ],
)
def test_transformed_convolution_is_refused_for_unsupported_networks(values):
    assert from_dict(values).convolution == "auto"
    with pytest.raises(ConfigError, match="convolution must be auto or direct for these networks"):
        from_dict(values | {"convolution": "transformed"})
