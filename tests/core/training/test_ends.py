"""Ends: a signal leaves nothing half-written and says so; advice is what the next command takes."""

import shlex
import shutil
import signal
from pathlib import Path

import pytest

from dcgan_cli.core.training import loop as training
from tests.conftest import QUICK
from tests.pictures import write_colours

FRAME = ("open", r"samples/epoch_0002\.png$")
END = {
    "grid": (["sample", "--out", "g.png"], ("fsync", r"\.g\.\w+\.tmp")),
    "array": (["sample", "--n", "70", "--out", "g.npz"], ("fsync", r"\.g\.\w+\.tmp")),
    "single files": (["sample", "--out", "faces"], ("replace", r"seed_000003\.png$")),
    "gif": (["animate", "--out", "a.gif"], FRAME),
    "mp4": (["animate", "--out", "a.mp4"], FRAME),
    "webp": (["animate", "--out", "a.webp"], FRAME),
    "walk": (["animate", "--walk", "--fps", "1", "--out", "a.gif"], ("fsync", r"\.a\.\w+\.tmp")),
    "figures": (["evaluate"], ("open", r"generator\.npz$")),
}
"""Commands that read a run, and at what they are interrupted: in the middle of writing."""
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def interrupted(processes, number: signal.Signals, code: int, words: list, where: tuple) -> None:
    """Interrupt a command, and see that it says so in a line and leaves nothing new behind."""
    cache = Path("cache").absolute()
    before = there(besides=cache)
    faults = [
        ("variable", "DCGAN_CACHE", str(cache)),
        ("signal_before", *where, number.name, 1),
    ]
    ended = processes.run(*words, faults=faults)
    assert ended.code == code, ended.err
    own = [line for line in ended.err.splitlines() if line.startswith("dcgan: ")]
    assert own == [f"dcgan: {number.name}: stopped; nothing is left half-written"]
    assert ended.err.endswith(f"{own[0]}\n")
    assert ended.out == ""
    assert there(besides=cache) == before
    assert not [path for path in cache.rglob("*") if ".tmp" in path.name]


def there(besides: Path) -> list[Path]:
    found = Path.cwd().rglob("*")
    return sorted(path for path in found if besides not in (path, *path.parents))


@pytest.mark.parametrize("name", END)
def test_reading_commands(processes, workplace, finished_run, name):
    if name in ("mp4", "webp"):
        pytest.importorskip("imageio_ffmpeg", reason="the video extra is not installed")
    words, where = END[name]
    interrupted(processes, *SIGNALS[1], [*words, "--run", finished_run], where)


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=lambda value: getattr(value, "name", ""))
def test_every_signal_leaves_the_old_file(processes, workplace, finished_run, number, code):
    Path("g.png").write_bytes(b"old")
    words, where = END["grid"]
    interrupted(processes, number, code, [*words, "--run", finished_run], where)
    assert Path("g.png").read_bytes() == b"old"


def test_second_ctrl_c_does_not_wait_for_the_cleaning(processes, workplace, finished_run):
    words, where = END["grid"]
    faults = [
        ("signal_before", *where, "SIGINT", 1),
        ("signal_before", "unlink", r"\.g\.\w+\.tmp", "SIGINT", 1),
    ]
    ended = processes.run(*words, "--run", finished_run, faults=faults)
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == "dcgan: SIGINT: stopped at once"


def test_training_that_has_not_begun(processes, workplace):
    words = ["train", *QUICK, "hydra.run.dir=a"]
    interrupted(processes, *SIGNALS[1], words, ("mkdir", r"a/\.hydra$"))


def test_second_ctrl_c_while_training_is_set_up(processes, workplace):
    faults = [("signal_before", "mkdir", r"a/samples$", "SIGINT", 2)]
    ended = processes.run("train", *QUICK, "hydra.run.dir=a", faults=faults)
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == "dcgan: SIGINT: stopped at once"


@pytest.mark.parametrize("name", ["decoding", "packing", "contact sheet"])
def test_commands_that_read_pictures(processes, workplace, name):
    write_colours(workplace / "photos", 9)
    words, where = {
        "decoding": (
            ["train", "data=image_folder", "data.path=photos", "data.image_size=32"],
            ("fsync", r"images\.npy$"),
        ),
        "packing": (["pack", "photos", "out"], ("fsync", r"images-00000")),
        "contact sheet": (["inspect", "photos", "--out", "s.png"], ("fsync", r"\.s\.\w+\.tmp")),
    }[name]
    interrupted(processes, *SIGNALS[1], words, where)


def test_files_beside_others(dcgan, workplace, finished_run):
    """A folder that is there keeps what it holds, and files of the same name are replaced."""
    faces = workplace / "faces"
    faces.mkdir()
    (faces / "mine.txt").write_text("mine")
    (faces / "seed_000000.png").write_bytes(b"old")
    done = dcgan("sample", "--run", finished_run, "--seeds", "0,1,0", "--out", "faces")
    assert (done.code, done.out) == (0, "faces\n"), done.err
    names = sorted(path.name for path in faces.iterdir())
    assert names == ["mine.txt", "seed_000000.png", "seed_000001.png"]
    assert (faces / "seed_000000.png").read_bytes() != b"old"


def out_of_memory(*arguments: object) -> None:
    raise MemoryError


def test_out_of_memory_in_a_new_run(dcgan, workplace, monkeypatch):
    monkeypatch.setattr(training, "set_up", out_of_memory)
    done = dcgan("train", *QUICK, "epochs=1")
    assert (done.code, done.err) == (
        5,
        "dcgan: out of memory; try a smaller batch_size than 64 in a new run\n",
    )
    done = dcgan("train", *QUICK, "batch_size=1", "epochs=1")
    assert "use a smaller model or a machine with more memory" in done.err


def test_out_of_memory_in_a_resumed_run(dcgan, workplace, convolutional_run, monkeypatch):
    """Its batch_size may not change. What may is in the command that is proposed."""
    shutil.copytree(convolutional_run, "run")
    with monkeypatch.context() as patch:
        patch.setattr(training, "set_up", out_of_memory)
        done = dcgan("train", "resume=run", "epochs=4")
    assert done.code == 5
    assert "smaller batch_size" not in done.err
    command = done.err.partition("resume with: ")[2]
    words = shlex.split(command)[1:]
    assert words == ["train", "resume=run", "convolution=direct", "precision=bfloat16"]
    done = dcgan(*words)
    assert done.code == 0, done.err
    with monkeypatch.context() as patch:
        patch.setattr(training, "set_up", out_of_memory)
        done = dcgan("train", "resume=run")
    assert done.err.endswith(
        "(only a new run can have another batch_size), then resume with: dcgan train resume=run\n"
    )


@pytest.mark.parametrize("name", ["sample", "evaluate"])
def test_out_of_memory_elsewhere(dcgan, workplace, finished_run, monkeypatch, name):
    monkeypatch.setattr("dcgan_cli.core.sampling.sampler.latents", out_of_memory)
    done = dcgan(name, "--run", finished_run)
    assert done.code == 5
    assert done.err.splitlines()[-1].startswith("dcgan: out of memory; close other programs, ask")
