"""Every setting of a training run: its type, default, range and meaning. Standard library only.

Hydra composes the values from the files in `conf/` and the command line. The dataclasses here check
them: every value of a `TrainConfig` is in range.
"""

import dataclasses
import functools
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, ClassVar

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings import registry
from dcgan_cli.settings.field import Section, check_fields, key, nearest
from dcgan_cli.settings.times import seconds

OWN = {"own": True}
"""Metadata of the field `options`: the settings that only the chosen entry has."""


def chosen(kind: str, default: str, doc: str) -> Any:
    """Return the field for a group's `name`, whose choices are the entries of the registry."""
    return key(default, doc, choices=functools.partial(registry.names, kind))


class Choice(Section):
    """A group whose `name` selects a registry entry; the entry may have settings of its own."""

    kind: ClassVar[str]
    name: str
    options: Any

    def __post_init__(self) -> None:
        Section.__post_init__(self)
        own = registry.entry(self.kind, self.name).options
        prefix = f"{self.kind}.options."
        values = self.options
        if not isinstance(values, dict if own is None else (dict, own)):
            raise ConfigError(f"{prefix.rstrip('.')} must be a group of keys, got {values!r}")
        if own is None:
            if values:
                raise ConfigError(f"{self.kind}={self.name} has no options, got {sorted(values)}")
            self.options = {}
            return
        if isinstance(values, own):
            return
        known = {setting.name for setting in dataclasses.fields(own)}
        for name in values:
            if name not in known:
                raise ConfigError(f"unknown key {prefix}{name}{nearest(name, sorted(known))}")
        self.options = own(**values)
        check_fields(self.options, prefix)


FILES = ("image_folder", "tfrecord", "tfds")
"""Data sources that decode image files."""


@dataclass(kw_only=True, slots=True)
class DataConfig(Choice):
    """Training data."""

    kind: ClassVar[str] = "data"

    name: str = chosen("data", "mnist", "data source")
    options: Any = field(default_factory=dict, metadata=OWN)
    path: str | None = key(
        None,
        "where the images are: a folder for image_folder, TFRecord files for tfrecord, a data set "
        "name for tfds, an .npz file, an .npy file or a folder of IDX files for the others",
        may_change=True,
    )
    limit: int | None = key(None, "train on the first N images only", at_least=1)
    image_size: int = key(
        28, "width and height in pixels; images are resized to it", at_least=8, at_most=1024
    )
    channels: int = key(1, "1 for grey images, 3 for colour; others are converted", choices=(1, 3))
    classes: int = key(
        10,
        "number of classes; 0 counts them",
        at_least=0,
        at_most=65536,
    )
    fit: str = key(
        "crop",
        "how to make images square: crop keeps the middle, stretch distorts, pad adds black bars",
        choices=("crop", "stretch", "pad"),
    )
    black: float = key(
        0.0, "pixel value in the files that becomes black; needs data.white", only_for=FILES
    )
    white: float | None = key(
        None,
        "pixel value in the files that becomes white, such as 4095 for 12-bit scans or 1 for "
        "masks; null uses the maximum of the pixel type",
        only_for=FILES,
    )
    pages: str = key(
        "first",
        "which pages of a multi-page TIFF or frames of an animation to use",
        choices=("first", "all"),
        only_for=("image_folder",),
    )
    flip: bool = key(False, "mirror a random half of the images left to right, redrawn every epoch")
    skip_bad: bool = key(
        False,
        "skip unreadable files instead of stopping",
        only_for=FILES,
        may_change=True,
    )
    cache: bool = key(
        True,
        "cache decoded images on disk; false decodes them in every epoch, for data sets larger "
        "than the disk (data=tfrecord sets false)",
        only_for=FILES,
        may_change=True,
    )

    def __post_init__(self) -> None:
        """Check every value, and `black` against `white`.

        Raises:
            ConfigError: a value is out of range, or `black` does not fit `white`.
        """
        Choice.__post_init__(self)  # `super()` fails in a dataclass with slots.
        if self.white is None and self.black != 0:
            raise ConfigError(f"data.black must be 0 without data.white, got {self.black:g}")
        if self.white is not None and self.black >= self.white:
            raise ConfigError(
                f"data.black must be less than data.white, got {self.black:g} and {self.white:g}"
            )


@dataclass(kw_only=True, slots=True)
class ModelConfig(Choice):
    """Generator and discriminator."""

    kind: ClassVar[str] = "model"

    name: str = chosen("model", "dcgan28", "generator and discriminator")
    options: Any = field(default_factory=dict, metadata=OWN)
    base_channels: int = key(
        64,
        "channels of the layers with the highest resolution in dcgan28 and dcgan; each halving of "
        "the size doubles them",
        at_least=1,
        at_most=1024,
        only_for=("dcgan28", "dcgan"),
    )
    units: int = key(
        1024, "units of each hidden layer of mlp", at_least=1, at_most=65536, only_for=("mlp",)
    )
    leaky_relu_slope: float = key(
        0.3, "slope of LeakyReLU for negative inputs", at_least=0, at_most=1
    )
    dropout: float = key(
        0.3,
        "dropout rate of the discriminator in training, rounded to 1/256",
        at_least=0,
        below=1,
    )
    upsample: str = key(
        "transposed",
        "upsampling in the generator: transposed convolutions, or resize and convolution to avoid "
        "checkerboard artifacts (Odena et al. 2016)",
        choices=("transposed", "resize"),
        only_for=("dcgan28", "dcgan"),
    )
    spectral_norm: bool = key(
        False, "spectral normalization of the discriminator's kernels (Miyato et al. 2018)"
    )
    conditional: bool = key(False, "train a class-conditional GAN; needs labels")


@dataclass(kw_only=True, slots=True)
class LossConfig(Choice):
    """Adversarial loss and regularization."""

    kind: ClassVar[str] = "loss"

    name: str = chosen("loss", "non_saturating", "adversarial loss, computed from logits")
    options: Any = field(default_factory=dict, metadata=OWN)
    label_smoothing: float = key(
        0.0,
        "one-sided label smoothing: real images get the label 1 minus this (Salimans et al. 2016)",
        at_least=0,
        below=0.5,
    )
    gradient_penalty: float = key(
        10.0,
        "weight of the gradient penalty of wasserstein_gp (Gulrajani et al. 2017)",
        above=0,
        at_most=1e6,
        only_for=("wasserstein_gp",),
    )
    diffaugment: bool | None = key(
        False,
        "augment the discriminator's inputs by colour, translation and cutout, for small data "
        "sets (Zhao et al. 2020); null chooses by the number of images",
    )
    r1_gamma: float = key(
        0.0,
        "weight of the R1 gradient penalty at real images (Mescheder et al. 2018); 0 is off",
        at_least=0,
        at_most=1e6,
    )


@dataclass(kw_only=True, slots=True)
class OptimizerConfig(Choice):
    """Optimizer and learning rate."""

    kind: ClassVar[str] = "optimizer"

    name: str = chosen("optimizer", "adam", "optimizer; each network has its own")
    options: Any = field(default_factory=dict, metadata=OWN)
    learning_rate: float = key(1e-4, "learning rate", above=0, may_change=True)
    beta_1: float = key(
        0.9,
        "decay rate per step of the mean gradient (first moment)",
        at_least=0,
        below=1,
        may_change=True,
    )
    beta_2: float = key(
        0.999,
        "decay rate per step of the mean squared gradient (second moment)",
        at_least=0,
        below=1,
        may_change=True,
    )
    epsilon: float = key(
        1e-7,
        "added to the denominator for numerical stability",
        at_least=1e-12,
        at_most=1,
        may_change=True,
    )
    cooldown: float = key(
        0.0,
        "fraction of the run, at its end, in which the learning rate decays linearly to 0",
        at_least=0,
        at_most=1,
        may_change=True,
    )


@dataclass(kw_only=True, slots=True)
class StrategyConfig(Section):
    """Distribution over devices."""

    name: str = key(
        "default",
        "default: one device; mirrored: a copy of the networks on every GPU of this machine",
        choices=("default", "mirrored"),
        may_change=True,
    )


NAMED_FEATURES = ("auto", "mnist", "colour", "untrained", "inception")


def is_hdf5(features: str) -> bool:
    """Return whether `evaluation.features` names an HDF5 file.

    Its library is no match for a malicious file, so it is read only if the user typed the name, and
    never because a run folder has it.
    """
    return features not in NAMED_FEATURES and PurePath(features).suffix == ".h5"


@dataclass(kw_only=True, slots=True)
class EvaluationConfig(Section):
    """Scores during training."""

    features: str = key(
        "auto",
        "feature extractor: mnist, colour, untrained, inception, a file of weights, or auto (mnist "
        "for MNIST, colour for colour images, otherwise untrained)",
        may_change=True,
    )
    samples: int = key(
        2000, "generated images per score", at_least=6, at_most=1000000, may_change=True
    )


@dataclass(kw_only=True, slots=True)
class TrainConfig(Section):
    """All settings of a training run."""

    epochs: int = key(
        50,
        "epochs to train, counted from the start of the run; 0 chooses by the number of images",
        at_least=0,
        at_most=1000000,
        may_change=True,
    )
    passes_per_epoch: int = key(
        1,
        "passes over the images in an epoch, which ends with a grid and a score; 0 chooses by the "
        "number of images",
        at_least=0,
        at_most=1000000,
    )
    batch_size: int = key(
        256, "images per step, summed over all devices", at_least=1, at_most=1000000
    )
    buffer_size: int = key(
        60000,
        "images in the shuffle buffer; 60000 is the tutorial's number. A value smaller than the "
        "data set makes a partial shuffle and saves almost nothing: a full shuffle costs 8 bytes "
        "an image",
        at_least=1,
    )
    noise_dim: int = key(100, "length of the latent vector", at_least=1, at_most=65536)
    num_examples_to_generate: int = key(
        16, "images in the grid of each epoch", at_least=1, at_most=4096
    )
    checkpoint_every: int = key(
        15,
        "epochs between checkpoints that are kept; the two newest and the best are always kept",
        at_least=1,
        may_change=True,
    )
    checkpoint_seconds: float = key(
        300.0,
        "seconds between checkpoints within an epoch",
        above=0,
        may_change=True,
    )
    seed: int = key(
        0, "random seed of initial weights, data order, noise and dropout", at_least=0, below=2**31
    )
    ema: float = key(
        0.0,
        "decay rate per step of a moving average of the generator's weights; samples and scores "
        "use the average; 0 is off",
        at_least=0,
        below=1,
    )
    evaluate_every: int = key(
        1, "epochs between scores; 0 turns scores off", at_least=0, may_change=True
    )
    patience: int | None = key(
        None,
        "stop after N epochs without improvement; null never stops early",
        at_least=1,
        may_change=True,
    )
    max_time: str | None = key(
        None,
        "time limit of the training, such as 90s, 10m or 2h; for a resumed run, of this part. The "
        "number of steps is planned so that the last grid, score and checkpoint are in time",
        may_change=True,
    )
    precision: str = key(
        "auto",
        "precision of the networks' arithmetic; auto is bfloat16 if the hardware supports it, "
        "otherwise float32",
        choices=("auto", "float32", "bfloat16"),
        may_change=True,
    )
    convolution: str = key(
        "auto",
        "how training computes convolutions: direct, or transformed, which needs fewer "
        "multiplications (equal except for rounding); auto is transformed on a CPU where the "
        "networks allow it and it is faster, otherwise direct",
        choices=("auto", "direct", "transformed"),
        may_change=True,
    )
    tracking: Any = key(  # noqa: RUF009 (it returns a field)
        (),
        "trackers that get the metrics and grids, such as tensorboard or [tensorboard,wandb]; [] "
        "is none",
        may_change=True,
        view=True,
        names=True,
    )
    report: str = key(
        "false",
        "write report.html into the run folder: true at the end of the run, live after every epoch "
        "too; needs the extra report",
        choices=("false", "true", "live"),
        may_change=True,
        view=True,
    )
    preview: str = key(
        "auto",
        "show the newest grid in the terminal while training: auto, where there is one; or off",
        choices=("auto", "off"),
        may_change=True,
        view=True,
    )
    resume: str | None = key(None, "run folder to resume, or latest", may_change=True, view=True)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    strategy: StrategyConfig = field(default_factory=StrategyConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        """Check every value, after making `tracking` a list and `report` a text.

        Hydra passes `report=true` as "True", Python as a truth value.

        Raises:
            ConfigError: a value has a wrong type or is out of range.
        """
        if isinstance(self.tracking, str | None):
            self.tracking = [self.tracking] if self.tracking else []
        elif isinstance(self.tracking, tuple):
            self.tracking = list(self.tracking)
        self.report = str(self.report).lower()
        Section.__post_init__(self)
        if self.max_time is not None:
            seconds("max_time", self.max_time)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of real and generated images."""
        return self.data.image_size, self.data.image_size, self.data.channels

    @property
    def latent_dim(self) -> int:
        """Length of the generator's input: noise, and one-hot class if conditional."""
        return self.noise_dim + self.num_classes

    @property
    def num_classes(self) -> int:
        """Number of classes that condition the networks; 0 if unconditional."""
        return self.data.classes if self.model.conditional else 0

    @property
    def can_transform(self) -> bool:
        """Whether training can transform the convolutions of these networks."""
        model = self.model
        channels = registry.entry("model", model.name).transformed_channels
        plain = model.upsample == "transposed" and not model.spectral_norm
        return plain and self.data.channels in channels

    @property
    def is_penalised(self) -> bool:
        """Whether the discriminator's loss has a penalty on gradients with respect to images."""
        return self.loss.r1_gamma > 0 or self.gradient_penalty > 0

    @property
    def gradient_penalty(self) -> float:
        """Weight of the gradient penalty; 0 if the loss has none."""
        has_one = registry.entry("loss", self.loss.name).gradient_penalty
        return self.loss.gradient_penalty if has_one else 0.0

    def check_together(self) -> None:
        """Check the constraints between settings.

        Raises:
            ConfigError: a constraint is violated.
        """
        if self.patience is not None and not self.evaluate_every:
            raise ConfigError("patience needs scores; set evaluate_every to at least 1")
        size, name, loss = self.data.image_size, self.model.name, self.loss
        sizes = registry.entry("model", name).sizes
        if sizes and size not in sizes:
            raise ConfigError(
                f"data.image_size must be {' or '.join(map(str, sizes))} for model={name}, got "
                f"{size}; model=mlp takes any size"
            )
        smoothed = [n for n in registry.names("loss") if registry.entry("loss", n).label_smoothing]
        if loss.label_smoothing and loss.name not in smoothed:
            raise ConfigError(
                f"loss.label_smoothing must be 0 for loss={loss.name}, which has no labels; choose "
                f"one of {', '.join(smoothed)}"
            )
        if self.convolution == "transformed" and not self.can_transform:
            raise ConfigError(
                "convolution must be auto or direct for these networks; transformed needs "
                "model=dcgan or, for grey images, model=dcgan28, with model.upsample=transposed "
                "and model.spectral_norm=false"
            )
