"""Every setting of a training run: its type, default, range and meaning. Standard library only.

The files in `conf/` give these keys their values; Hydra composes them, and the dataclasses here
check the result. What leaves this module is a `TrainConfig` whose every value is in range.
"""

from dataclasses import dataclass, field

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.field import Section, key

FILES = ("image_folder", "tfrecord", "tfds")
"""The kinds of data that are pictures in files."""


@dataclass(kw_only=True, slots=True)
class DataConfig(Section):
    """What to train on."""

    name: str = key(
        "mnist",
        "kind of data: mnist (bundled), fashion_mnist, image_folder (your own pictures), npz (your "
        "own arrays: .npz, .npy or IDX files), tfrecord, or tfds (tensorflow-datasets)",
        choices=("mnist", "fashion_mnist", "image_folder", "npz", "tfrecord", "tfds"),
    )
    path: str | None = key(
        None,
        "your own files: a folder of images for image_folder, TFRecord files for tfrecord, a name "
        "for tfds, else an .npz, an .npy or a folder of IDX files",
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
    )
    cache: bool = key(
        True,
        "keep decoded pictures on the disk; false decodes them anew in each epoch, for sets that "
        "are larger than the disk (and is what data=tfrecord does)",
        only_for=FILES,
    )

    def __post_init__(self) -> None:
        """Check what hangs on two settings.

        Raises:
            ConfigError: a value is out of range, or two do not go together.
        """
        Section.__post_init__(self)  # `super` does not know a class that was given slots.
        if self.white is None and self.black != 0:
            raise ConfigError(f"data.black must be 0 without data.white, got {self.black:g}")
        if self.white is not None and self.black >= self.white:
            raise ConfigError(
                f"data.black must be less than data.white, got {self.black:g} and {self.white:g}"
            )


@dataclass(kw_only=True, slots=True)
class ModelConfig(Section):
    """The two networks."""

    name: str = key(
        "dcgan28",
        "dcgan28 (the tutorial's pair, for 28x28 pixels), dcgan (the paper's, for 32x32 to "
        "256x256) or mlp (fully connected, for any size)",
        choices=("dcgan28", "dcgan", "mlp"),
    )
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


LABELLED_LOSSES = ("non_saturating", "minimax", "least_squares")
"""The losses in which real images have a label."""


@dataclass(kw_only=True, slots=True)
class LossConfig(Section):
    """What the networks minimise."""

    name: str = key(
        "non_saturating",
        "adversarial loss, computed from logits",
        choices=(*LABELLED_LOSSES, "hinge", "wasserstein_gp"),
    )
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
class OptimizerConfig(Section):
    """How they do it."""

    name: str = key("adam", "one such optimizer for each network", choices=("adam",))
    learning_rate: float = key(1e-4, "step size", above=0)
    beta_1: float = key(0.9, "decay of the mean of gradients, per step", at_least=0, below=1)
    beta_2: float = key(0.999, "decay of the mean of squares, per step", at_least=0, below=1)
    epsilon: float = key(1e-7, "added to the denominator", at_least=1e-12, at_most=1)
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


DCGAN_SIZES = (32, 64, 128, 256)
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
        kind = (model.name, model.upsample, model.spectral_norm)
        return kind == ("dcgan28", "transposed", False) and self.data.channels == 1

    def check_together(self) -> None:
        """Check what hangs on more than one setting.

        Raises:
            ConfigError: two settings do not go together.
        """
        if self.patience is not None and not self.evaluate_every:
            raise ConfigError("patience needs scores; give evaluate_every at least 1")
        size, name, loss = self.data.image_size, self.model.name, self.loss
        sizes = {"dcgan28": (28,), "dcgan": DCGAN_SIZES}.get(name)
        if sizes and size not in sizes:
            raise ConfigError(
                f"data.image_size must be {' or '.join(map(str, sizes))} for model={name}, got "
                f"{size}; model=mlp takes any size"
            )
        if loss.label_smoothing and loss.name not in LABELLED_LOSSES:
            raise ConfigError(
                f"loss.label_smoothing must be 0 for loss={loss.name}, which has no labels; "
                f"{', '.join(LABELLED_LOSSES)} have"
            )
        if self.convolution == "transformed" and not self.has_grid:
            raise ConfigError(
                "convolution must be auto or direct for these networks; transformed is for "
                "model=dcgan28 with data.channels=1, without resize and spectral_norm"
            )
