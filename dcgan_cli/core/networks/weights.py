"""The weights of a run's networks, by the names that checkpoints give them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras

from dcgan_cli.core.arrays import Arrays
from dcgan_cli.core.networks.build import build_discriminator, build_generator
from dcgan_cli.core.networks.device import building
from dcgan_cli.errors import CheckpointError
from dcgan_cli.settings.schema import TrainConfig

BUILDERS: dict[str, Callable[[TrainConfig], keras.Model]] = {
    "generator": build_generator,
    "discriminator": build_discriminator,
    "generator_average": build_generator,
}
"""How to build the network that is saved under a name."""


def part_names(config: TrainConfig) -> list[str]:
    """Return the names of the parts of a run's state."""
    parts = ["generator", "discriminator", "generator_optimizer", "discriminator_optimizer"]
    return [*parts, "generator_average"] if config.ema else parts


def sampled_part(config: TrainConfig) -> str:
    """Return the name of the part that holds the generator whose images people see."""
    return "generator_average" if config.ema else "generator"


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return the variables of a network, trained or not, by names that never change."""
    return {variable.path: variable for variable in model.variables}


def variable_shapes(build: Callable[[], keras.Model]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's variables by name, without making any of them.

    Args:
        build: builds the network.
    """

    def shapes() -> dict[str, tuple[int, ...]]:
        with keras.StatelessScope(initialize_variables=False), building("float32"):
            return {name: tuple(v.shape) for name, v in named_variables(build()).items()}

    # Keras notes by thread which variables a later scope is to make; this note must go.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(shapes).result()


def assign(variables: dict[str, keras.Variable], arrays: Arrays, source: str) -> None:
    """Set variables to the arrays of the same names.

    Args:
        variables: what to set.
        arrays: their values, of the same shapes.
        source: where the arrays came from, for the message.

    Raises:
        CheckpointError: a name or a shape differs; nothing is set then.
    """
    check_shapes({name: tuple(v.shape) for name, v in variables.items()}, arrays, source)
    for name, variable in variables.items():
        variable.assign(arrays[name])


def check_shapes(expected: dict[str, tuple[int, ...]], arrays: Arrays, source: str) -> None:
    """Check that arrays have the expected names and shapes, and hold numbers.

    Raises:
        CheckpointError: a name or a shape differs.
    """
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        name = next(n for n in expected | found if expected.get(n) != found.get(n))
        raise CheckpointError(
            f"{source} does not fit these networks: {name} is {found.get(name, 'missing')} in it "
            f"and should be {expected.get(name, 'absent')}"
        )
    if odd := [name for name, array in arrays.items() if array.dtype.kind not in "fiu"]:
        raise CheckpointError(f"{source} does not fit these networks: {odd[0]} is no number")


def check_fits(arrays: Arrays, part: str, config: TrainConfig, source: Path) -> None:
    """Check that arrays are those of the network `part` as the settings describe it.

    No variable is made: settings that come with a checkpoint may ask for a network of any size, but
    the arrays at hand are no larger than their file.

    Raises:
        CheckpointError: a name or a shape differs.
    """
    shapes = variable_shapes(lambda: BUILDERS[part](config))
    check_shapes(shapes, arrays, f"{source}: {part}")
