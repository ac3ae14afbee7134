"""Every byte of a checkpoint counts."""

import random
import shutil
from pathlib import Path

from dcgan_cli.core.runs import checkpoints
from dcgan_cli.errors import CheckpointError
from tests.same_run import assert_same_run

FULL_SIZE = ["train", "epochs=3", "data.limit=2560", "hydra.run.dir=run"]


def test_every_byte_of_the_newest_checkpoint(finished_run, tmp_path, injected):
    """One bit of every byte, of all files of a small checkpoint: the one before is used."""
    run = Path(shutil.copytree(finished_run, tmp_path / "run"))
    for path in sorted((run / "checkpoints" / "step_0000000012").iterdir()):
        whole = path.read_bytes()
        for position in range(0, len(whole), 1 if path.suffix == ".json" else 29):
            with path.open("r+b") as stream:
                stream.seek(position)
                stream.write(bytes([whole[position] ^ 1 << position % 8]))
            try:
                found, damaged = checkpoints.newest_intact(run / "checkpoints")
            except CheckpointError as error:  # One bit makes the format a newer one.
                assert "update dcgan" in str(error)  # noqa: PT017
            else:
                assert found.progress.step == 8
                assert path.name in damaged[0].problems()[0]
            injected["a flipped bit, noticed"] += 1
            with path.open("r+b") as stream:
                stream.seek(position)
                stream.write(whole[position : position + 1])
    assert checkpoints.newest_intact(run / "checkpoints")[1] == []


def test_random_flips_in_a_full_size_checkpoint(processes, tmp_path, injected):
    """The run warns, goes on from the checkpoint before, and ends as the unbroken one."""
    assert processes.run(*FULL_SIZE, cwd=tmp_path).code == 0
    unbroken = tmp_path / "run"
    names = [p.name for p in sorted((unbroken / "checkpoints" / "step_0000000030").iterdir())]
    assert len(names) == 5
    moments = random.Random(1)
    for name in names:
        run = tmp_path / name / "run"
        shutil.copytree(unbroken, run)
        path = run / "checkpoints" / "step_0000000030" / name
        position = moments.randrange(path.stat().st_size)
        with path.open("r+b") as stream:
            stream.seek(position)
            byte = stream.read(1)[0]
            stream.seek(position)
            stream.write(bytes([byte ^ 1 << moments.randrange(8)]))
        inspected = processes.run("inspect", run)
        assert inspected.code == 4
        assert name in inspected.err
        done = processes.run("train", "resume=run", cwd=run.parent)
        assert done.code == 0, done.err
        assert f"warning: {name}" in done.err
        assert "resumed from step_0000000020" in done.err
        assert_same_run(run, unbroken)
        injected["a flipped bit, gone back from"] += 1
