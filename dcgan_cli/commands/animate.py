"""`dcgan animate`: animate the training, or a walk through latent space."""

import os
import sys
from pathlib import Path

from dcgan_cli.commands.arguments import choose_run
from dcgan_cli.commands.sample import tell_which
from dcgan_cli.core import load_tensorflow
from dcgan_cli.core.runs.find import BUNDLED, title
from dcgan_cli.core.runs.folder import shown_path
from dcgan_cli.core.sampling.animation import (
    FORMATS,
    TRAINING_FPS,
    animate_training,
    missing_epochs,
    write_animation,
)
from dcgan_cli.core.sampling.moving_pictures import MAX_FPS
from dcgan_cli.errors import ConfigError
from dcgan_cli.streams import print_path
from dcgan_cli.text import counted, printable

WALK_FPS = 20.0
WALK_STOPS = 6
WALK_SECONDS_PER_STOP = 1.5


def animate_run(
    run_name: str | None,
    out: Path | None,
    fps: float | None,
    last_frame_seconds: float,
    walk: bool,
    epoch: int | str,
    every: int | None,
    *,
    quiet: bool,
) -> None:
    """Write the animation of a run.

    Raises:
        ConfigError: `out` has an ending that is not offered.
        CheckpointError: there is no such run or checkpoint.
        DataError: the run has no grids, or they do not fit together.
    """
    run = choose_run("animate", run_name)
    if out is None:
        out = run.path / "walk.gif" if walk else run.gif
        # Somebody else's run stays as it is, and so does the one inside the program.
        if run == BUNDLED or not os.access(run.path, os.W_OK):
            out = Path(out.name)
    if out.suffix.lower() not in FORMATS:
        raise ConfigError(f"--out {out} must end in {', '.join(FORMATS)}")
    fps = fps or (WALK_FPS if walk else TRAINING_FPS)
    if out.suffix.lower() == ".gif" and fps > MAX_FPS:
        print(
            f"note: a GIF plays at {MAX_FPS:g} frames a second at most; "
            f"--out {printable(out.stem)}.mp4 can play at {fps:g}",
            file=sys.stderr,
        )
        fps = MAX_FPS
    out.parent.mkdir(parents=True, exist_ok=True)
    if walk:
        load_tensorflow(quiet=quiet)
        from dcgan_cli.core.sampling.latent_walk import walk_frames
        from dcgan_cli.core.sampling.sampler import load_generator

        loaded = load_generator(run, epoch)
        tell_which(loaded)
        frames = walk_frames(
            loaded.sampler,
            count=16,
            stops=WALK_STOPS,
            frames_per_stop=max(1, round(WALK_SECONDS_PER_STOP * fps)),
        )
        # It ends where it begins, and should not halt there.
        count = write_animation(out, frames, fps, last_frame_seconds=0)
    else:
        print(f"using {printable(title(run))}", file=sys.stderr)
        epochs = [epoch for epoch, _ in run.frames()]
        if missing := missing_epochs(epochs, max(epochs, default=0)):
            print(f"warning: no grid of epoch {missing}", file=sys.stderr)
        count, note = animate_training(run, out, fps, last_frame_seconds, every)
        if note:
            print(f"{printable(note)}; add --every 1 to show all", file=sys.stderr)
    print(counted(count, "frame"), file=sys.stderr)
    print_path(shown_path(out))
