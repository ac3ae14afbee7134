"""What may be chosen by name: losses, models, data sources and optimizers. Standard library only.

An entry comes from a module of this program, from an installed package, or from a file that the
command line names with `--plugin`. Settings, help and checks read the entries; the networks, the
step and the data path call what they build.
"""

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from dcgan_cli.errors import ConfigError

T = TypeVar("T")
BUILT_IN = {
    "data": "dcgan_cli.core.data.sources",
    "model": "dcgan_cli.core.networks.models",
    "loss": "dcgan_cli.core.gan.losses",
    "optimizer": "dcgan_cli.core.gan.optimizers",
}
"""By kind: the package whose modules register this program's own entries."""


@dataclass(frozen=True)
class Origin:
    """The code outside this program that registered an entry."""

    name: str
    """The file's name, the package's, or that of the module of a running program or notebook."""
    sha256: str | None = None
    """Of the file's content; None for a package."""
    version: str | None = None
    """Of the package; None for a file."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One choice of a kind."""

    kind: ClassVar[str]
    name: str
    build: Callable[..., Any]
    """What was registered."""
    options: type | None = None
    """A dataclass of settings that only this choice has, `KIND.options.NAME=VALUE`."""
    origin: Origin | None = None
    """None for this program's own."""

    @property
    def doc(self) -> str:
        """The first line of what was registered."""
        return (self.build.__doc__ or "").strip().partition("\n")[0]

    def group(self) -> dict[str, Any]:
        """Return the values of its config group that are not the defaults of every choice."""
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
    by_fourier: bool = False


@dataclass(frozen=True, kw_only=True)
class Data(Entry):
    """See `data`."""

    kind: ClassVar[str] = "data"
    needs_path: str = ""
    fetch: Callable[[Any], None] | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    def group(self) -> dict[str, Any]:
        """Return the values of its config group, its images' size and channels among them."""
        return super().group() | self.settings


@dataclass(frozen=True, kw_only=True)
class Optimizer(Entry):
    """See `optimizer`."""

    kind: ClassVar[str] = "optimizer"


class _Registry:
    """The entries by kind and name, and whose code is registering now."""

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
    """Register an adversarial loss, to be chosen by `loss=NAME`.

    The function takes the logits of real images (float32 [R, 1]), those of generated images
    (float32 [B, 1], R is at most B) and the settings of the group `loss`, with its own in
    `settings.options`. It returns `LossTerms`, the terms that the step averages.

    Args:
        name: lower-case letters, digits and underscores.
        label_smoothing: whether it uses `settings.label_smoothing`.
        gradient_penalty: whether the step adds the gradient penalty of Gulrajani et al. 2017, with
            the weight `loss.gradient_penalty`.
        draw: the discriminator's loss when it cannot tell real from generated images.
        alarm: how far above its minimum the discriminator's loss must stay for the generator to
            learn from it. Health checks use it; None leaves that check out.
        minimum: the smallest loss of the discriminator, given `settings.label_smoothing`.
        options: a dataclass of its own settings; see `dcgan_cli.settings.field.key`.

    Raises:
        ConfigError: the name is taken or cannot be used, or the options cannot.
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
    by_fourier: bool = False,
    options: type | None = None,
) -> Callable[[T], T]:
    """Register a generator and a discriminator, to be chosen by `model=NAME`.

    The class has two methods. `generator(latent, image_shape, blocks)` returns what tanh turns into
    images, [B, H, W, C], from the Keras input `latent` [B, noise_dim].
    `discriminator(image, dropout_key, blocks)` returns features [B, ...] of the Keras input `image`
    [B, H, W, C]; the logit is one dense layer further. `blocks` makes layers with seeded weights;
    its `model` is the settings of the group, with the model's own in `blocks.model.options`.

    Args:
        name: lower-case letters, digits and underscores.
        sizes: widths and heights of images that it is for; empty for any.
        initial_stddev: standard deviation of normally distributed initial kernels; None is Glorot's
            uniform distribution.
        by_fourier: whether `networks/fourier_dcgan28.py` can compute it.
        options: a dataclass of its own settings.

    Raises:
        ConfigError: see `loss`.
    """
    return _register(
        Model,
        name,
        options=options,
        sizes=sizes,
        initial_stddev=initial_stddev,
        by_fourier=by_fourier,
    )


def data(
    name: str,
    *,
    needs_path: str = "",
    fetch: Callable[[Any], None] | None = None,
    options: type | None = None,
    **settings: Any,
) -> Callable[[T], T]:
    """Register a source of training images, to be chosen by `data=NAME`.

    The function takes the settings of the group `data`, with its own in `settings.options`, and a
    split, "train" or "test". It returns images (uint8 [N, H, W] or [N, H, W, C]), or a pair of
    images and labels (whole numbers, [N]), or None if it has no such split. The images are brought
    to `data.image_size` and `data.channels`.

    Args:
        name: lower-case letters, digits and underscores.
        needs_path: what `data.path` is, such as "FOLDER", where it is needed.
        fetch: a function of the settings that downloads the data. It is called only when the data
            is named on the command line, never for what a run folder names.
        options: a dataclass of its own settings.
        settings: values of other settings of the group, such as `image_size=32, channels=3`.

    Raises:
        ConfigError: see `loss`.
    """
    return _register(
        Data, name, options=options, needs_path=needs_path, fetch=fetch, settings=settings
    )


def optimizer(name: str, *, options: type | None = None) -> Callable[[T], T]:
    """Register an optimizer, to be chosen by `optimizer=NAME`; each network gets one.

    The function takes the settings of the group `optimizer`, with its own in `settings.options`,
    and the learning rate, a number or a Keras schedule. It returns a Keras optimizer.

    Args:
        name: lower-case letters, digits and underscores.
        options: a dataclass of its own settings.

    Raises:
        ConfigError: see `loss`.
    """
    return _register(Optimizer, name, options=options)


def names(kind: str) -> tuple[str, ...]:
    """Return the names of the choices of a kind, this program's own first."""
    entries = _entries(kind).values()
    return tuple(e.name for e in sorted(entries, key=lambda e: (e.origin is not None, e.name)))


def entry(kind: str, name: str) -> Any:
    """Return an entry.

    Raises:
        ConfigError: there is none of that name.
    """
    entries = _entries(kind)
    if name not in entries:
        raise ConfigError(f"{kind}.name must be {' or '.join(names(kind))}, got {name!r}")
    return entries[name]


def foreign_entries() -> list[Entry]:
    """Return the entries that are not this program's own."""
    return [one for kind in BUILT_IN for one in _entries(kind).values() if one.origin]


def remove(origin: Origin) -> None:
    """Remove what one file or package has registered."""
    for entries in _registry.entries.values():
        for name in [name for name, one in entries.items() if one.origin == origin]:
            del entries[name]


@contextmanager
def registering(origin: Origin) -> Iterator[list[Entry]]:
    """Note of each entry that is registered meanwhile where it came from.

    Yields:
        A list, which holds these entries at the end. If an error is raised, none are registered.
    """
    _load_built_in()
    before = {kind: dict(entries) for kind, entries in _registry.entries.items()}
    added: list[Entry] = []
    _registry.origin = origin
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
        _registry.origin = None


def _register(entry_type: type[Entry], name: str, **facts: Any) -> Callable[[Any], Any]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"{entry_type.kind} {name!r}: a name has lower-case letters, digits and underscores"
        )

    def register(build: Any) -> Any:
        options = facts["options"]
        if options is not None and not dataclasses.is_dataclass(options):
            raise ConfigError(f"{entry_type.kind} {name}: options must be a dataclass")
        _load_built_in()
        entries = _registry.entries[entry_type.kind]
        origin = None
        if not _registry.loads_built_in:
            origin = _registry.origin or Origin(build.__module__ or "__main__")
        # A notebook's cell may be run again.
        if name in entries and (origin is None or entries[name].origin != origin):
            raise ConfigError(
                f"{entry_type.kind}={name} is registered already; give yours another name"
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
