"""Named weights of a run's networks, as checkpoints store them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import keras

from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.networks.build import build_discriminator, build_generator
from dcgan_cli.core.networks.device import building
from dcgan_cli.errors import CheckpointError, ConfigError
from dcgan_cli.settings.schema import TrainConfig

BUILDERS: dict[str, Callable[[TrainConfig], keras.Model]] = {
    "generator": build_generator,
    "discriminator": build_discriminator,
    "generator_average": build_generator,
}
"""Build function of each network, by its name in a checkpoint."""


def part_names(config: TrainConfig) -> list[str]:
    """Return the names of the parts of a checkpoint."""
    parts = ["generator", "discriminator", "generator_optimizer", "discriminator_optimizer"]
    return [*parts, "generator_average"] if config.ema else parts


def sampled_part(config: TrainConfig) -> str:
    """Return the name of the generator that images are sampled from."""
    return "generator_average" if config.ema else "generator"


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return all variables of a network, trainable or not, by stable names.

    Raises:
        ConfigError: two have the same name.
    """
    return by_name([(v.path, v) for v in model.variables], f"the {model.name}")


def by_name(pairs: list[tuple[str, keras.Variable]], owner: str) -> dict[str, keras.Variable]:
    """Return variables by name.

    Args:
        pairs: names and variables.
        owner: what the variables belong to, for the error message.

    Raises:
        ConfigError: two have the same name, so that a checkpoint would hold one of them only.
    """
    named: dict[str, keras.Variable] = {}
    for name, variable in pairs:
        if name in named:
            raise ConfigError(
                f"two variables of {owner} have the name {name}; give every layer and every weight "
                "its own name="
            )
        named[name] = variable
    return named


def variable_shapes(build: Callable[[], keras.Model]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's variables by name, without allocating the variables.

    Args:
        build: builds the network.
    """

    def shapes() -> dict[str, tuple[int, ...]]:
        with keras.StatelessScope(initialize_variables=False), building("float32"):
            return {name: tuple(v.shape) for name, v in named_variables(build()).items()}

    # Keras remembers per thread which variables a later scope shall create; this must not stay.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(shapes).result()


def assign(variables: dict[str, keras.Variable], arrays: Arrays, source: str) -> None:
    """Assign arrays to the variables of the same names.

    Args:
        variables: the variables to assign to.
        arrays: their new values, of the same shapes.
        source: where the arrays came from, for the error message.

    Raises:
        CheckpointError: a name or a shape differs; no variable is changed.
    """
    check_shapes({name: tuple(v.shape) for name, v in variables.items()}, arrays, source)
    for name, variable in variables.items():
        variable.assign(arrays[name])


def check_shapes(expected: dict[str, tuple[int, ...]], arrays: Arrays, source: str) -> None:
    """Check that arrays have the expected names and shapes and hold numbers.

    Raises:
        CheckpointError: a name, a shape or a dtype does not fit.
    """
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        name = next(n for n in expected | found if expected.get(n) != found.get(n))
        raise CheckpointError(
            f"{source} does not fit these networks: {name} is {found.get(name, 'missing')}, "
            f"expected {expected.get(name, 'absent')}"
        )
    if odd := [name for name, array in arrays.items() if array.dtype.kind not in "fiu"]:
        raise CheckpointError(f"{source} does not fit these networks: {odd[0]} is not numeric")


def check_names(config: TrainConfig) -> None:
    """Check that the weights of a registered model have the same names whenever it is built.

    Keras counts layers that are given no name, and checkpoints store weights by name.

    Raises:
        ConfigError: a layer has no name, or two weights have the same name.
    """
    for build in (build_generator, build_discriminator):
        once = variable_shapes(partial(build, config))
        again = variable_shapes(partial(_build_twice, build, config))
        if counted := sorted(once.keys() - again.keys()):
            raise ConfigError(
                f"model={config.model.name}: give every layer a name=, so that checkpoints fit; "
                f"{counted[0]} has none"
            )


def _build_twice(build: Callable[[TrainConfig], keras.Model], config: TrainConfig) -> keras.Model:
    build(config)
    return build(config)


def check_fits(arrays: Arrays, part: str, config: TrainConfig, source: Path) -> None:
    """Check that arrays fit the network `part` that the settings describe.

    Allocates no variables: the settings in a checkpoint are untrusted and could describe a network
    of any size, while the arrays are no larger than their file.

    Raises:
        CheckpointError: a name or a shape differs.
    """
    shapes = variable_shapes(lambda: BUILDERS[part](config))
    check_shapes(shapes, arrays, f"{source}: {part}")
