"""Every setting of a training run: its type, default, range and meaning. Standard library only.

The files in `conf/` give these keys their values; Hydra composes them, and the dataclasses here
check the result. What leaves this module is a `TrainConfig` whose every value is in range.
"""

import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings import registry
from dcgan_cli.settings.field import Section, check_fields, key, nearest

OWN = {"own": True}
"""Marks the field for the settings that only the chosen entry of a group has."""


def chosen(kind: str, default: str, doc: str) -> Any:
    """Make the setting that names a choice of a kind; see `registry`."""
    return key(default, doc, choices=functools.partial(registry.names, kind))


class Choice(Section):
    """A group whose `name` chooses an entry of the registry, which may have settings of its own."""

    kind: ClassVar[str]
    name: str
    options: Any

    def __post_init__(self) -> None:
        Section.__post_init__(self)
        own = registry.entry(self.kind, self.name).options
        prefix = f"{self.kind}.options."
        values = self.options
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
"""The kinds of data that are pictures in files."""


@dataclass(kw_only=True, slots=True)
class DataConfig(Choice):
    """What to train on."""

    kind: ClassVar[str] = "data"

    name: str = chosen("data", "mnist", "kind of data")
    options: Any = field(default_factory=dict, metadata=OWN)
    path: str | None = key(
        None,
        "your own files: a folder of images for image_folder, TFRecord files for tfrecord, a name "
        "for tfds, else an .npz, an .npy or a folder of IDX files",
        may_change=True,
    )
    limit: int | None = key(None, "train on the first N images only", at_least=1)
    image_size: int = key(
        28, "width and height that images are brought to, in pixels", at_least=8, at_most=1024
    )
    channels: int = key(1, "1 for grey images, 3 for colour; others are converted", choices=(1, 3))
    classes: int = key(
        10,
        "how many classes the labels tell apart; 0 counts them",
        at_least=0,
        at_most=65536,
    )
    fit: str = key(
        "crop",
        "how images that are not square become so: crop keeps the middle, stretch distorts, pad "
        "adds black bars",
        choices=("crop", "stretch", "pad"),
    )
    black: float = key(
        0.0, "with data.white: the value in the pictures' files that becomes black", only_for=FILES
    )
    white: float | None = key(
        None,
        "the value in the pictures' files that becomes white, such as 4095 for 12-bit scans or 1 "
        "for masks; null is the most that their kind holds",
        only_for=FILES,
    )
    pages: str = key(
        "first",
        "what is taken of TIFF files with several pages and of animations: the first picture, or "
        "all",
        choices=("first", "all"),
        only_for=("image_folder",),
    )
    flip: bool = key(False, "mirror half of the images, left to right, anew in each epoch")
    skip_bad: bool = key(
        False,
        "leave files out that cannot be read, instead of stopping",
        only_for=FILES,
        may_change=True,
    )
    cache: bool = key(
        True,
        "keep decoded pictures on the disk; false decodes them anew in each epoch, for sets that "
        "are larger than the disk (and is what data=tfrecord does)",
        only_for=FILES,
        may_change=True,
    )

    def __post_init__(self) -> None:
        """Check what hangs on two settings.

        Raises:
            ConfigError: a value is out of range, or two do not go together.
        """
        Choice.__post_init__(self)  # `super` does not know a class that was given slots.
        if self.white is None and self.black != 0:
            raise ConfigError(f"data.black must be 0 without data.white, got {self.black:g}")
        if self.white is not None and self.black >= self.white:
            raise ConfigError(
                f"data.black must be less than data.white, got {self.black:g} and {self.white:g}"
            )


@dataclass(kw_only=True, slots=True)
class ModelConfig(Choice):
    """The two networks."""

    kind: ClassVar[str] = "model"

    name: str = chosen("model", "dcgan28", "generator and discriminator")
    options: Any = field(default_factory=dict, metadata=OWN)
    base_channels: int = key(
        64,
        "channels of the widest-resolution layers of dcgan28 and dcgan; each halving of the size "
        "doubles them",
        at_least=1,
        at_most=1024,
        only_for=("dcgan28", "dcgan"),
    )
    units: int = key(
        1024, "units in each hidden layer of mlp", at_least=1, at_most=65536, only_for=("mlp",)
    )
    leaky_relu_slope: float = key(0.3, "slope of LeakyReLU below zero", at_least=0, at_most=1)
    dropout: float = key(
        0.3,
        "share of the discriminator's activations dropped in training, rounded to 1/256",
        at_least=0,
        below=1,
    )
    upsample: str = key(
        "transposed",
        "how the generator doubles a size: by transposed convolutions, or by resize and a "
        "convolution, against checkerboards (Odena et al. 2016)",
        choices=("transposed", "resize"),
        only_for=("dcgan28", "dcgan"),
    )
    spectral_norm: bool = key(
        False, "divide the discriminator's kernels by their norm (Miyato et al. 2018)"
    )
    conditional: bool = key(False, "make images of a class that is asked for; needs labels")


@dataclass(kw_only=True, slots=True)
class LossConfig(Choice):
    """What the networks minimise."""

    kind: ClassVar[str] = "loss"

    name: str = chosen("loss", "non_saturating", "adversarial loss, computed from logits")
    options: Any = field(default_factory=dict, metadata=OWN)
    label_smoothing: float = key(
        0.0,
        "how much less than 1 the discriminator's label of real images is (Salimans et al. 2016)",
        at_least=0,
        below=0.5,
    )
    gradient_penalty: float = key(
        10.0,
        "weight of wasserstein_gp's penalty (Gulrajani et al. 2017)",
        above=0,
        at_most=1e6,
        only_for=("wasserstein_gp",),
    )
    diffaugment: bool = key(
        False,
        "shift, cut out and recolour what the discriminator sees, for small data sets "
        "(Zhao et al. 2020)",
    )
    r1_gamma: float = key(
        0.0,
        "weight of a penalty on the discriminator's slope at real images (Mescheder et al. 2018); "
        "0 is none",
        at_least=0,
        at_most=1e6,
    )


@dataclass(kw_only=True, slots=True)
class OptimizerConfig(Choice):
    """How they do it."""

    kind: ClassVar[str] = "optimizer"

    name: str = chosen("optimizer", "adam", "optimizer, one for each network")
    options: Any = field(default_factory=dict, metadata=OWN)
    learning_rate: float = key(1e-4, "step size", above=0, may_change=True)
    beta_1: float = key(
        0.9, "decay of the mean of gradients, per step", at_least=0, below=1, may_change=True
    )
    beta_2: float = key(
        0.999, "decay of the mean of squares, per step", at_least=0, below=1, may_change=True
    )
    epsilon: float = key(
        1e-7, "added to the denominator", at_least=1e-12, at_most=1, may_change=True
    )
    cooldown: float = key(
        0.0,
        "share of the run, at its end, over which learning_rate falls to zero in a straight line",
        at_least=0,
        at_most=1,
        may_change=True,
    )


@dataclass(kw_only=True, slots=True)
class StrategyConfig(Section):
    """How the devices share the work."""

    name: str = key(
        "default",
        "one device, or mirrored: a copy of the networks on every GPU of this machine",
        choices=("default", "mirrored"),
        may_change=True,
    )


NAMED_FEATURES = ("auto", "mnist", "untrained", "inception")


@dataclass(kw_only=True, slots=True)
class EvaluationConfig(Section):
    """How the images are scored in training."""

    features: str = key(
        "auto",
        "network whose features are compared: auto (the data set's shipped classifier, else "
        "untrained), mnist, untrained, inception, or a file of weights",
        may_change=True,
    )
    samples: int = key(2000, "images in a score", at_least=6, at_most=1000000, may_change=True)


@dataclass(kw_only=True, slots=True)
class TrainConfig(Section):
    """All settings of a training run."""

    epochs: int = key(
        50,
        "passes over the data, counted from the run's start",
        at_least=1,
        at_most=1000000,
        may_change=True,
    )
    batch_size: int = key(256, "images per step, over all devices", at_least=1, at_most=1000000)
    buffer_size: int = key(60000, "images in the shuffle buffer", at_least=1)
    noise_dim: int = key(100, "length of a latent vector", at_least=1, at_most=65536)
    num_examples_to_generate: int = key(16, "images in each epoch's grid", at_least=1, at_most=4096)
    checkpoint_every: int = key(
        15,
        "epochs between checkpoints that are kept; the two newest and the best are kept besides",
        at_least=1,
        may_change=True,
    )
    checkpoint_seconds: float = key(
        300.0,
        "seconds after which a checkpoint is written inside an epoch too",
        above=0,
        may_change=True,
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
    evaluate_every: int = key(1, "epochs between scores; 0 is never", at_least=0, may_change=True)
    patience: int | None = key(
        None,
        "stop when the score has not become better for so many epochs",
        at_least=1,
        may_change=True,
    )
    precision: str = key(
        "auto",
        "arithmetic of the networks; auto is bfloat16 where the hardware has it, else float32",
        choices=("auto", "float32", "bfloat16"),
        may_change=True,
    )
    convolution: str = key(
        "auto",
        "how training computes convolutions: direct, or transformed to frequencies, the same but "
        "for rounding; auto is transformed on a CPU, direct on a GPU",
        choices=("auto", "direct", "transformed"),
        may_change=True,
    )
    resume: str | None = key(None, "run folder to go on with, or latest", may_change=True)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    strategy: StrategyConfig = field(default_factory=StrategyConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that the networks make and judge."""
        return self.data.image_size, self.data.image_size, self.data.channels

    @property
    def latent_dim(self) -> int:
        """The length of what the generator takes: the noise, and the class where it takes one."""
        return self.noise_dim + self.num_classes

    @property
    def num_classes(self) -> int:
        """How many classes the networks are told apart; 0 if they are not told any."""
        return self.data.classes if self.model.conditional else 0

    @property
    def has_grid(self) -> bool:
        """Whether the networks can be trained with their convolutions at frequencies."""
        model = self.model
        by_fourier = registry.entry("model", model.name).by_fourier
        plain = model.upsample == "transposed" and not model.spectral_norm
        return by_fourier and plain and self.data.channels == 1

    @property
    def is_penalised(self) -> bool:
        """Whether the discriminator's loss has a penalty on its gradients by single images."""
        return self.loss.r1_gamma > 0 or self.gradient_penalty > 0

    @property
    def gradient_penalty(self) -> float:
        """The weight of the gradient penalty; 0 if the loss has none."""
        has_one = registry.entry("loss", self.loss.name).gradient_penalty
        return self.loss.gradient_penalty if has_one else 0.0

    def check_together(self) -> None:
        """Check what hangs on more than one setting.

        Raises:
            ConfigError: two settings do not go together.
        """
        if self.patience is not None and not self.evaluate_every:
            raise ConfigError("patience needs scores; give evaluate_every at least 1")
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
                f"loss.label_smoothing must be 0 for loss={loss.name}, which has no labels; "
                f"{', '.join(smoothed)} have"
            )
        if self.convolution == "transformed" and not self.has_grid:
            raise ConfigError(
                "convolution must be auto or direct for these networks; transformed is for "
                "model=dcgan28 with data.channels=1, without resize and spectral_norm"
            )
