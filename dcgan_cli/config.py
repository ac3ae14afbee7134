"""Every setting of a training run: its type, default, range and meaning. Standard library only.

The files in `conf/` give these keys their values; Hydra composes them, and the dataclasses here
check the result. What leaves this module is a `TrainConfig` whose every value is in range.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings import Section, allowed, key, nearest, type_of


@dataclass(kw_only=True, slots=True)
class DataConfig(Section):
    """What to train on."""

    name: str = key(
        "mnist",
        "kind of data: mnist (bundled), fashion_mnist, image_folder (your own pictures), npz (your "
        "own array or IDX files) or tfrecord",
        choices=("mnist", "fashion_mnist", "image_folder", "npz", "tfrecord"),
    )
    path: str | None = key(
        None,
        "your own files: a folder of images for image_folder, TFRecord files for tfrecord, else an "
        ".npz or a folder of IDX files",
    )
    limit: int | None = key(None, "train on the first N images only", at_least=1)
    image_size: int = key(
        28, "width and height that images are brought to, in pixels", at_least=8, at_most=1024
    )
    channels: int = key(1, "1 for grey images, 3 for colour; others are converted", choices=(1, 3))
    fit: str = key(
        "crop",
        "how images that are not square become so: crop keeps the middle, stretch distorts, pad "
        "adds black bars",
        choices=("crop", "stretch", "pad"),
    )
    flip: bool = key(False, "mirror half of the images, left to right, anew in each epoch")
    skip_bad: bool = key(False, "leave files out that cannot be read, instead of stopping")


@dataclass(kw_only=True, slots=True)
class ModelConfig(Section):
    """The two networks."""

    name: str = key(
        "dcgan28", "the tutorial's pair of networks, for 28x28 grey images", choices=("dcgan28",)
    )
    base_channels: int = key(
        64,
        "channels of the widest-resolution layers; the others have 2 and 4 times as many",
        at_least=1,
        at_most=1024,
    )
    leaky_relu_slope: float = key(0.3, "slope of LeakyReLU below zero", at_least=0, at_most=1)
    dropout: float = key(
        0.3,
        "share of the discriminator's activations dropped in training, rounded to 1/256",
        at_least=0,
        below=1,
    )


@dataclass(kw_only=True, slots=True)
class LossConfig(Section):
    """What the networks minimise."""

    name: str = key(
        "non_saturating",
        "adversarial loss, computed from logits (Goodfellow et al. 2014)",
        choices=("non_saturating",),
    )
    r1_gamma: float = key(
        0.0,
        "weight of a penalty on the discriminator's slope at real images (Mescheder et al. 2018); "
        "0 is none",
        at_least=0,
        at_most=1e6,
    )


@dataclass(kw_only=True, slots=True)
class OptimizerConfig(Section):
    """How they do it."""

    name: str = key("adam", "one such optimizer for each network", choices=("adam",))
    learning_rate: float = key(1e-4, "step size", above=0)
    beta_1: float = key(0.9, "decay of the mean of gradients, per step", at_least=0, below=1)
    beta_2: float = key(0.999, "decay of the mean of squares, per step", at_least=0, below=1)
    epsilon: float = key(1e-7, "added to the denominator", above=0, at_most=1)
    cooldown: float = key(
        0.0,
        "share of the run, at its end, over which learning_rate falls to zero in a straight line",
        at_least=0,
        at_most=1,
    )


@dataclass(kw_only=True, slots=True)
class StrategyConfig(Section):
    """How the devices share the work."""

    name: str = key(
        "default",
        "one device, or mirrored: a copy of the networks on every GPU of this machine",
        choices=("default", "mirrored"),
    )


NAMED_FEATURES = ("auto", "mnist", "untrained", "inception")


@dataclass(kw_only=True, slots=True)
class EvaluationConfig(Section):
    """How the images are scored in training."""

    features: str = key(
        "auto",
        "network whose features are compared: auto (the data set's shipped classifier, else "
        "untrained), mnist, untrained, inception, or a file of weights",
    )
    samples: int = key(2000, "images in a score", at_least=6, at_most=1000000)


@dataclass(kw_only=True, slots=True)
class TrainConfig(Section):
    """All settings of a training run."""

    epochs: int = key(
        50, "passes over the data, counted from the run's start", at_least=1, at_most=1000000
    )
    batch_size: int = key(256, "images per step, over all devices", at_least=1, at_most=1000000)
    buffer_size: int = key(60000, "images in the shuffle buffer", at_least=1)
    noise_dim: int = key(100, "length of a latent vector", at_least=1, at_most=65536)
    num_examples_to_generate: int = key(16, "images in each epoch's grid", at_least=1, at_most=4096)
    checkpoint_every: int = key(
        15,
        "epochs between checkpoints that are kept; the two newest and the best are kept besides",
        at_least=1,
    )
    checkpoint_seconds: float = key(
        300.0, "seconds after which a checkpoint is written inside an epoch too", above=0
    )
    seed: int = key(
        0, "decides initial weights, data order, noise and dropout", at_least=0, below=2**31
    )
    ema: float = key(
        0.0,
        "decay, per step, of a moving average of the generator, which is then what is sampled and "
        "scored; 0 is none",
        at_least=0,
        below=1,
    )
    evaluate_every: int = key(1, "epochs between scores; 0 is never", at_least=0)
    patience: int | None = key(
        None, "stop when the score has not become better for so many epochs", at_least=1
    )
    precision: str = key(
        "auto",
        "arithmetic of the networks; auto is bfloat16 where the hardware has it, else float32",
        choices=("auto", "float32", "bfloat16"),
    )
    convolution: str = key(
        "auto",
        "how training computes convolutions: direct, or transformed to frequencies, the same but "
        "for rounding; auto is transformed on a CPU, direct on a GPU",
        choices=("auto", "direct", "transformed"),
    )
    resume: str | None = key(None, "run folder to go on with, or latest")
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    strategy: StrategyConfig = field(default_factory=StrategyConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        Section.__post_init__(self)
        if self.patience is not None and not self.evaluate_every:
            raise ConfigError("patience needs scores; give evaluate_every at least 1")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that are trained on and made."""
        return self.data.image_size, self.data.image_size, self.data.channels


@dataclass(frozen=True)
class Key:
    """A setting as people see it."""

    name: str
    """Dotted, as on the command line."""
    kind: str
    """What it may be, in words."""
    default: Any
    doc: str


def keys(section: type = TrainConfig, prefix: str = "") -> Iterator[Key]:
    """Yield every setting in the order of declaration, those of a group under its name."""
    for setting in dataclasses.fields(section):
        name = prefix + setting.name
        if setting.metadata:
            kind = allowed(section, setting)
            yield Key(name, kind, setting.default, setting.metadata["doc"])
        else:
            yield from keys(type_of(section, setting), name + ".")


def from_dict(values: Any, section: type = TrainConfig, prefix: str = "") -> Any:
    """Build a section from the plain dictionaries that `dataclasses.asdict` gives.

    Args:
        values: the settings; what is missing takes its default.
        section: the dataclass to build.
        prefix: what to call its keys in messages.

    Raises:
        ConfigError: a key is unknown, or a value has a wrong type or is out of range.
    """
    if not isinstance(values, dict):
        raise ConfigError(
            f"{prefix.rstrip('.') or 'config'} must be a group of keys, got {values!r}"
        )
    settings = {setting.name: setting for setting in dataclasses.fields(section)}
    built: dict[str, Any] = {}
    for name, value in values.items():
        if name not in settings:
            raise ConfigError(f"unknown key {prefix}{name}{nearest(name, list(settings))}")
        if settings[name].metadata:
            built[name] = value
        else:
            nested = type_of(section, settings[name])
            built[name] = from_dict(value, nested, f"{prefix}{name}.")
    return section(**built)


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Return every setting by its dotted name."""
    flat = {}
    for setting in dataclasses.fields(config):
        value = getattr(config, setting.name)
        if setting.metadata:
            flat[prefix + setting.name] = value
        else:
            flat |= flatten(value, f"{prefix}{setting.name}.")
    return flat


def group_names() -> list[str]:
    """Return the settings of `TrainConfig` that are groups."""
    return [setting.name for setting in dataclasses.fields(TrainConfig) if not setting.metadata]
