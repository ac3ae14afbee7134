"""`dcgan export`: write a trained generator as a file for other programs."""

import sys
from contextlib import nullcontext
from pathlib import Path

from dcgan_cli.commands.arguments import choose_run
from dcgan_cli.commands.sample import tell_which
from dcgan_cli.core import hiding_notices, load_tensorflow
from dcgan_cli.core.export.formats import format_of
from dcgan_cli.streams import print_path
from dcgan_cli.text import counted


def export_generator(
    out: Path, run_name: str | None, epoch: int | str, *, half: bool, quiet: bool
) -> None:
    """Write a generator to `out`, in the format of its ending.

    Raises:
        ConfigError: the ending is not offered, a library for it is missing, or the format cannot
            hold the generator.
        CheckpointError: there is no such run or checkpoint.
        OSError: `out` cannot be written.
    """
    form = format_of(out)
    run = choose_run("export", run_name)
    load_tensorflow(quiet=quiet)
    from dcgan_cli.core.export.writing import export
    from dcgan_cli.core.sampling.sampler import load_generator

    loaded = load_generator(run, epoch)
    tell_which(loaded)
    with hiding_notices() if quiet else nullcontext():
        done = export(loaded, out, form, half=half)
    if done.precision_difference:
        largest = counted(done.precision_difference, "grey level")
        print(
            f"note: the run computes in {loaded.record['precision']}, exported files in float32; "
            f"images differ by up to {largest}",
            file=sys.stderr,
        )
    for found in done.comparisons:
        largest = counted(found.largest, "grey level")
        print(
            f"read back with {found.runtime}: largest difference {largest}, in "
            f"{found.differing:,} of {found.values:,} values",
            file=sys.stderr,
        )
    if not done.comparisons:
        runtimes = " or ".join(form.runtimes)
        print(f"not read back: {runtimes} is not installed", file=sys.stderr)
    print_path(out)
