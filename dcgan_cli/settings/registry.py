"""Registry of losses, models, data sources, optimizers and trackers by name. Standard library only.

An entry comes from a module of this program, from an installed package or from a `--plugin` file.
Settings, help and checks read the entries; networks, training step and data loading call them.
"""

import dataclasses
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.field import check_options, nearest

T = TypeVar("T")
BUILT_IN = {
    "data": "dcgan_cli.core.data.sources",
    "model": "dcgan_cli.core.networks.models",
    "loss": "dcgan_cli.core.gan.losses",
    "optimizer": "dcgan_cli.core.gan.optimizers",
    "tracker": "dcgan_cli.core.tracking.trackers",
}
"""Package of the built-in entries, by kind."""
GROUPS = ("data", "model", "loss", "optimizer")
"""Kinds of which a run has exactly one entry, chosen by the name of a config group."""


@dataclass(frozen=True)
class Origin:
    """The code outside this program that registered an entry."""

    name: str
    """Name of the file or package; for a running program or notebook, of its module."""
    sha256: str | None = None
    """SHA-256 of the file; None for a package."""
    version: str | None = None
    """Version of the package; None for a file."""
    path: str | None = None
    """Absolute path of the file; None for a package."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A registered choice of one kind."""

    kind: ClassVar[str]
    name: str
    build: Callable[..., Any]
    """The registered function or class."""
    options: type | None = None
    """Dataclass of settings that only this entry has, `KIND.options.NAME=VALUE`."""
    origin: Origin | None = None
    """None for a built-in entry."""

    @property
    def doc(self) -> str:
        """First line of the docstring; "" if there is none."""
        return (self.build.__doc__ or "").strip().partition("\n")[0]

    def group(self) -> dict[str, Any]:
        """Return the values that choosing this entry sets in its config group."""
        options = {} if self.options is None else dataclasses.asdict(self.options())
        return {"name": self.name} | ({"options": options} if options else {})


@dataclass(frozen=True, kw_only=True)
class Loss(Entry):
    """See `loss`."""

    kind: ClassVar[str] = "loss"
    label_smoothing: bool = False
    gradient_penalty: bool = False
    draw: float | None = None
    alarm: float | None = None
    minimum: Callable[[float], float] = lambda smoothing: 0.0


@dataclass(frozen=True, kw_only=True)
class Model(Entry):
    """See `model`."""

    kind: ClassVar[str] = "model"
    sizes: tuple[int, ...] = ()
    initial_stddev: float | None = None
    transformed_channels: tuple[int, ...] = ()
    transformed_pixels: int = 0
    independent: bool = True


@dataclass(frozen=True, kw_only=True)
class Data(Entry):
    """See `data`."""

    kind: ClassVar[str] = "data"
    needs_path: str = ""
    fetch: Callable[[Any], None] | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    def group(self) -> dict[str, Any]:
        """Return the values that choosing this entry sets, such as image size and channels."""
        return super().group() | self.settings


@dataclass(frozen=True, kw_only=True)
class Optimizer(Entry):
    """See `optimizer`."""

    kind: ClassVar[str] = "optimizer"


@dataclass(frozen=True, kw_only=True)
class Tracker(Entry):
    """See `tracker`."""

    kind: ClassVar[str] = "tracker"
    package: str = ""


class _Registry:
    """Entries by kind and name, and the origin of the code that is registering now."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Entry]] = {kind: {} for kind in BUILT_IN}
        self.origin: Origin | None = None
        self.has_built_in = False
        self.loads_built_in = False


_registry = _Registry()


def loss(
    name: str,
    *,
    label_smoothing: bool = False,
    gradient_penalty: bool = False,
    draw: float | None = None,
    alarm: float | None = None,
    minimum: Callable[[float], float] = lambda smoothing: 0.0,
    options: type | None = None,
) -> Callable[[T], T]:
    """Register an adversarial loss, selected by `loss=NAME`.

    The function takes the logits of real images (float32 [R, 1]), those of generated images
    (float32 [B, 1], R is at most B) and the settings of the group `loss`, with its own settings in
    `settings.options`. It returns `LossTerms`: terms per image, which the training step averages.

    Args:
        name: lower-case letters, digits and underscores.
        label_smoothing: whether it uses `settings.label_smoothing`.
        gradient_penalty: whether the training step adds the gradient penalty of Gulrajani et al.
            2017, with the weight `loss.gradient_penalty`.
        draw: the discriminator's loss when it cannot tell real from generated images.
        alarm: the margin above its minimum that the discriminator's loss must keep for the
            generator to learn. Used by the health checks; None skips that check.
        minimum: returns the discriminator's smallest possible loss, given
            `settings.label_smoothing`.
        options: a dataclass of the loss's own settings; see `dcgan_cli.settings.field.key`.

    Raises:
        ConfigError: the name is taken or invalid, or `options` is not a dataclass of settings with
            types and defaults that settings can have.
    """
    return _register(
        Loss,
        name,
        options=options,
        label_smoothing=label_smoothing,
        gradient_penalty=gradient_penalty,
        draw=draw,
        alarm=alarm,
        minimum=minimum,
    )


def model(
    name: str,
    *,
    sizes: tuple[int, ...] = (),
    initial_stddev: float | None = None,
    transformed_channels: tuple[int, ...] = (),
    transformed_pixels: int = 0,
    independent: bool = True,
    options: type | None = None,
) -> Callable[[T], T]:
    """Register a generator and a discriminator, selected by `model=NAME`.

    The class has two methods. `generator(latent, image_shape, blocks)` maps the Keras input
    `latent` [B, noise_dim] to images before tanh, [B, H, W, C]. `discriminator(image, dropout_key,
    blocks)` maps the Keras input `image` [B, H, W, C] to features [B, ...]; the program adds the
    dense layer that returns the logit. `blocks` makes layers with seeded weights. `blocks.model`
    has the settings of the group `model`, with the model's own in `blocks.model.options`.

    Args:
        name: lower-case letters, digits and underscores.
        sizes: supported image sizes (width and height in pixels); empty for any.
        initial_stddev: standard deviation of normally distributed initial kernels; None uses
            Glorot's uniform distribution.
        transformed_channels: numbers of image channels for which the class has a third method,
            `transformed(generator, discriminator)`, which returns both Keras models as functions
            with transformed convolutions; see `gan/gradients.py`, `Networks`.
        transformed_pixels: smallest batch, in pixels, for which `convolution=auto` transforms in
            float32. In smaller ones the transforms of the kernels take longer than they save.
        independent: whether the discriminator's features of an image depend on that image alone.
            False makes the training step run it on real and generated images separately, as batch
            normalization does in any case.
        options: a dataclass of the model's own settings.

    Raises:
        ConfigError: see `loss`.
    """
    if not isinstance(sizes, tuple | list):
        raise ConfigError(f"model={name}: sizes must be a tuple such as (32, 64), got {sizes!r}")
    return _register(
        Model,
        name,
        options=options,
        sizes=tuple(sizes),
        initial_stddev=initial_stddev,
        transformed_channels=transformed_channels,
        transformed_pixels=transformed_pixels,
        independent=independent,
    )


def data(
    name: str,
    *,
    needs_path: str = "",
    fetch: Callable[[Any], None] | None = None,
    options: type | None = None,
    **settings: Any,
) -> Callable[[T], T]:
    """Register a source of training images, selected by `data=NAME`.

    The function takes the settings of the group `data`, with its own in `settings.options`, and a
    split, "train" or "test". It returns images (uint8 [N, H, W] or [N, H, W, C]), or a pair of
    images and labels (whole numbers, [N]), or None if it does not have the split. The program
    resizes the images to `data.image_size` and converts them to `data.channels`.

    Args:
        name: lower-case letters, digits and underscores.
        needs_path: what `data.path` must name, such as "FOLDER"; empty if it is optional.
        fetch: a function of the settings that downloads the data. It is called only when the data
            is named on the command line, never for what a run folder names.
        options: a dataclass of the data source's own settings.
        settings: values of other settings of the group, such as `image_size=32, channels=3`.

    Raises:
        ConfigError: see `loss`.
    """
    return _register(
        Data, name, options=options, needs_path=needs_path, fetch=fetch, settings=settings
    )


def optimizer(name: str, *, options: type | None = None) -> Callable[[T], T]:
    """Register an optimizer, selected by `optimizer=NAME`; each network gets its own.

    The function takes the settings of the group `optimizer`, with its own in `settings.options`,
    and the learning rate, a number or a Keras schedule. It returns a Keras optimizer.

    Args:
        name: lower-case letters, digits and underscores.
        options: a dataclass of the optimizer's own settings.

    Raises:
        ConfigError: see `loss`.
    """
    return _register(Optimizer, name, options=options)


def tracker(name: str, *, package: str = "") -> Callable[[T], T]:
    """Register a tracker of runs, started by `tracking=NAME`.

    The function or class takes a `TrackedRun` (`core/tracking/tracked_run.py`): path, name and id
    of the run, the name of its sweep, and its settings. It returns an object with two methods:
    `epoch(row, grid)` stores an epoch, `close(state)` ends. If the object has an attribute `where`,
    a line shows it. A tracker is made anew when a run is resumed and gets every epoch from the
    first. If it raises, the run continues without it.

    Args:
        name: lower-case letters, digits and underscores.
        package: name of a Python package that it needs; training with it is refused if that is
            not installed.

    Raises:
        ConfigError: see `loss`.
    """
    return _register(Tracker, name, options=None, package=package)


def check_installed(one: Tracker) -> None:
    """Check that the package that a tracker needs is installed, without importing it.

    Raises:
        ConfigError: it is not.
    """
    if one.package and not _is_installed(one.package):
        wanted = one.package if one.origin else f"'dcgan-cli[{one.name}]'"
        raise ConfigError(
            f"tracking={one.name} needs the package {one.package}; install it: pip install {wanted}"
        )


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # Of "a.b", if there is no "a".
        return False


def names(kind: str) -> tuple[str, ...]:
    """Return the names of all entries of a kind, built-in ones first."""
    entries = _entries(kind).values()
    return tuple(e.name for e in sorted(entries, key=lambda e: (e.origin is not None, e.name)))


def entry(kind: str, name: str) -> Any:
    """Return the entry of a kind and name.

    Raises:
        ConfigError: no entry has that name.
    """
    entries = _entries(kind)
    if name not in entries:
        known = list(names(kind))
        setting = f"{kind}.name" if kind in GROUPS else "tracking"
        raise ConfigError(
            f"{setting} must be {' or '.join(known)}, got {name!r}{nearest(str(name), known)}"
        )
    return entries[name]


def foreign_entries() -> list[Entry]:
    """Return all entries that are not built in."""
    return [one for kind in BUILT_IN for one in _entries(kind).values() if one.origin]


def remove(origin: Origin) -> None:
    """Remove all entries of one file or package."""
    for entries in _registry.entries.values():
        for name in [name for name, one in entries.items() if one.origin == origin]:
            del entries[name]


@contextmanager
def registering(origin: Origin) -> Iterator[list[Entry]]:
    """Set the origin of every entry that is registered inside the `with` block.

    An error in the block undoes all its registrations.

    Yields:
        A list that receives the new entries when the block ends.
    """
    _load_built_in()
    before = {kind: dict(entries) for kind, entries in _registry.entries.items()}
    added: list[Entry] = []
    outer, _registry.origin = _registry.origin, origin  # A plug-in may load another.
    try:
        yield added
        added += [
            one
            for kind, entries in _registry.entries.items()
            for name, one in entries.items()
            if name not in before[kind]
        ]
    except BaseException:
        _registry.entries = before
        raise
    finally:
        _registry.origin = outer


def _register(entry_type: type[Entry], name: str, **facts: Any) -> Callable[[Any], Any]:
    if not isinstance(name, str):
        raise ConfigError(f'give a name: @dcgan.{entry_type.kind}("NAME")')
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"invalid {entry_type.kind} name {name!r}; begin with a lower-case letter and use only "
            "lower-case letters, digits and underscores"
        )

    def register(build: Any) -> Any:
        if facts["options"] is not None:
            try:
                check_options(facts["options"], f"{entry_type.kind}.options.")
            except ConfigError as error:
                raise ConfigError(f"{entry_type.kind}={name}: {error}") from None
        _load_built_in()
        entries = _registry.entries[entry_type.kind]
        origin = None
        if not _registry.loads_built_in:
            origin = _registry.origin or Origin(build.__module__ or "__main__")
        # Running a notebook cell again replaces its entry. A file registers a name once.
        loading = _registry.origin is not None
        if name in entries and (origin is None or loading or entries[name].origin != origin):
            by = entries[name].origin
            raise ConfigError(
                f"{entry_type.kind}={name} is already registered "
                f"({f'by {by.name}' if by else 'built in'}); choose another name"
            )
        entries[name] = entry_type(name=name, build=build, origin=origin, **facts)
        return build

    return register


def _entries(kind: str) -> dict[str, Entry]:
    _load_built_in()
    return _registry.entries[kind]


def _load_built_in() -> None:
    if _registry.has_built_in:
        return
    _registry.has_built_in = _registry.loads_built_in = True
    try:
        for package in BUILT_IN.values():
            for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
                importlib.import_module(f"{package}.{module.name}")
    finally:
        _registry.loads_built_in = False
