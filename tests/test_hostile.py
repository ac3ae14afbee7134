"""A run folder made to do harm is refused in one line and reaches nothing."""

import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dcgan_cli
from dcgan_cli.core.sampling import pictures
from tests.core.runs.test_checkpoints import forged

NEWEST = "checkpoints/step_0000000012"
DANGEROUS = [
    "pickle.loads",
    "pickle.load",
    "os.system",
    "os.popen",
    "subprocess.Popen",
    "keras.saving.load_model",
]
COMMANDS = {
    "sample": ["sample", "--out", "out.png", "--run"],
    "animate": ["animate", "--out", "out.gif", "--run"],
    "inspect": ["inspect"],
    "resume": ["train", "epochs=4"],
}


def with_commands(values: Iterable, commands: Iterable[str] = COMMANDS) -> list:
    """Return every value with every command.

    Each value with the first command, and the first value with every one, are run often: all
    commands open a run by the same function. The others are slow tests.
    """
    values, commands = list(values), list(commands)
    return [
        pytest.param(
            value,
            command,
            marks=[pytest.mark.slow] * (value != values[0] and command != commands[0]),
        )
        for value in values
        for command in commands
    ]


@pytest.fixture
def run(workplace, finished_run) -> Path:
    return Path(shutil.copytree(finished_run, workplace / "run"))


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    """Let everything that could run code from a file fail loudly."""

    def refuse(name):
        def fail(*args, **options):
            raise AssertionError(f"{name} was called")

        return fail

    for name in DANGEROUS:
        monkeypatch.setattr(name, refuse(name))


def refused(dcgan, command: str, run: Path) -> str:
    words = COMMANDS[command]
    words = [*words, f"resume={run}"] if command == "resume" else [*words, run]
    done = dcgan(*words)
    lines = [line for line in done.err.splitlines() if line.startswith("dcgan: ")]
    assert done.code in (3, 4), done.err
    assert len(lines) == 1
    assert len(done.err.splitlines()) <= 2, done.err  # Its first may say which run is used.
    assert "a bug" not in done.err
    assert all(character.isprintable() for character in done.err.replace("\n", ""))
    return lines[0]


def edit_record(run: Path, **changes) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | changes))


def set_key(run: Path, name: str, value: object) -> None:
    record = json.loads((run / "run.json").read_text())
    group, _, key = name.rpartition(".")
    (record["config"][group] if group else record["config"])[key] = value
    (run / "run.json").write_text(json.dumps(record))


def plugin(name: str, **changes: str | None) -> dict:
    return {"choice": "loss=evil", "name": name, "sha256": "0" * 64, "version": None} | changes


RECORDS = {
    "a _target_": lambda run: set_key(run, "model._target_", "os.system"),
    "an interpolation": lambda run: set_key(run, "model.name", "${oc.env:HOME}"),
    "a python tag": lambda run: (run / "run.json").write_text("!!python/object/apply:os.system"),
    "a key twice": lambda run: (run / "run.json").write_text('{"config": {}, "config": {}}'),
    "no networks": lambda run: edit_record(run, networks={"generator": [{"name": 1}]}),
    "networks of another kind": lambda run: edit_record(run, networks=[1]),
    "a layer of another kind": lambda run: edit_record(run, networks={"a": [1]}),
    "lineage of another kind": lambda run: edit_record(run, lineage={"a": 1}),
    "options of another kind": lambda run: set_key(run, "loss.options", 5),
    "control characters": lambda run: edit_record(
        run, format_version=99, dcgan_version="\x1b]0;owned\x07\n\nmore"
    ),
    "numbers without end": lambda run: (run / "run.json").write_text('{"a": ' + "1" * 10**6 + "}"),
    "more than a record holds": lambda run: (run / "run.json").write_text("[" + "{}," * 2**22),
    "brackets without end": lambda run: (run / "run.json").write_text("[" * 10**6),
    "a huge number": lambda run: set_key(run, "noise_dim", 10**30),
}


@pytest.mark.parametrize(("record", "command"), with_commands(RECORDS))
def test_record(dcgan, run, record, command):
    RECORDS[record](run)
    assert "run" in refused(dcgan, command, run)


@pytest.mark.parametrize(
    "fact",
    [
        plugin("run/evil.py"),
        plugin("..\\evil.py"),
        plugin("--evil"),
        plugin("evil.py\n", sha256="0"),
        plugin("git+https://evil", sha256=None, version="1"),
        plugin("--index-url", sha256=None, version="1"),
        plugin("evil.py", choice="loss=evil; run ./evil"),
    ],
    ids=lambda fact: repr(fact["name"]),
)
def test_plugin_of_a_name_that_none_has_is_not_offered(dcgan, run, fact):
    edit_record(run, plugins=[fact])
    message = refused(dcgan, "sample", run)
    assert f"{run / 'run.json'} is damaged (its plugins have the name " in message
    assert "--plugin" not in message
    assert "install" not in message


def test_plugin_inside_a_run_folder_is_not_offered(dcgan, run, monkeypatch):
    edit_record(run, plugins=[plugin("evil.py")])
    (run / "evil.py").write_text("")
    monkeypatch.chdir(run)
    ended = dcgan("sample", "--run", ".")
    assert "with its path: dcgan sample --plugin PATH/evil.py" in ended.err
    assert ended.code == 4


def test_weights_in_hdf5_are_read_only_if_they_were_typed(dcgan, run, workplace, monkeypatch):
    read = []
    monkeypatch.setattr("h5py.File", lambda path, *_: read.append(path) or 1 / 0)
    file = workplace / "evil.weights.h5"
    file.write_bytes(b"evil")
    set_key(run, "evaluation.features", str(file))
    set_key(run, "evaluate_every", 1)
    for command in (["evaluate", "--run", run], ["train", f"resume={run}", "epochs=4"]):
        done = dcgan(*command)
        assert done.code in (2, 3)
        assert "is an HDF5 file, which can do harm; if you trust it, add " in done.err
        assert not read
        typed = done.err.strip().rpartition("add ")[2].split()
        assert "contains no weights of this classifier" in dcgan(*command, *typed).err
        assert read.pop() == file


@pytest.mark.parametrize("features", ["/dev/zero", "pipe.npz", "folder"])
def test_features_that_are_no_file(dcgan, run, features):
    os.mkfifo("pipe.npz")
    os.mkdir("folder")
    set_key(run, "evaluation.features", features)
    done = dcgan("evaluate", "--run", run)
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "evaluation.features" in done.err


LINKS = [
    "run.json",
    "status.json",
    "metrics.csv",
    "train.log",
    "run.lock",
    "dcgan.gif",
    "samples",
    "samples/epoch_0002.png",
    "checkpoints",
    NEWEST,
]


@pytest.mark.parametrize(("name", "command"), with_commands(LINKS))
def test_links_lead_nowhere(dcgan, run, workplace, name, command):
    """A link could have another file read, or written over."""
    outside = workplace / "outside"
    shutil.move(run / name, outside)
    (run / name).symlink_to(outside)
    before = outside.read_bytes() if outside.is_file() else sorted(outside.rglob("*"))
    message = refused(dcgan, command, run)
    assert str(run / name) in message or name == "run.json"
    assert (outside.read_bytes() if outside.is_file() else sorted(outside.rglob("*"))) == before
    assert not (workplace / "out.png").exists()


@pytest.mark.parametrize("command", ["sample", "inspect"])
@pytest.mark.parametrize("name", ["manifest.json", "generator.npz"])
def test_links_inside_a_checkpoint(dcgan, run, workplace, name, command):
    for checkpoint in (run / "checkpoints").iterdir():
        outside = workplace / f"{checkpoint.name}_{name}"
        shutil.move(checkpoint / name, outside)
        (checkpoint / name).symlink_to(outside)
    assert f"{name} cannot be read" in refused(dcgan, command, run)


PIPES = ["run.json", "status.json", "train.log", "run.lock", "dcgan.gif", "samples/epoch_0002.png"]


@pytest.mark.parametrize(("name", "command"), with_commands(PIPES))
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=lambda make: make.__name__)
def test_pipes_are_not_waited_for(dcgan, run, name, make, command):
    (run / name).unlink(missing_ok=True)
    make(run / name)
    message = refused(dcgan, command, run)
    assert name in message or "is neither a run" in message


@pytest.mark.parametrize("command", ["sample", "inspect"])
@pytest.mark.parametrize("name", ["manifest.json", "generator.npz"])
def test_pipes_inside_a_checkpoint(dcgan, run, name, command):
    for checkpoint in (run / "checkpoints").iterdir():
        (checkpoint / name).unlink()
        os.mkfifo(checkpoint / name)
    assert f"{name} cannot be read (not a regular file)" in refused(dcgan, command, run)


def test_pipe_as_a_data_file(dcgan, workplace):
    for name in ("a.npz", "train-images-idx3-ubyte", "a.png"):
        os.mkfifo(workplace / name)
        for words in (["inspect", name], ["train", f"data.path={name}"]):
            done = dcgan(*words)
            assert (done.code, len(done.err.splitlines())) == (3, 1), done.err


def test_new_run_in_a_folder_with_links(dcgan, workplace):
    """It is to be refused before Hydra writes into it, too."""
    for name in ("train.log", ".hydra", "checkpoints", "samples"):
        outside = workplace / f"outside_{name}"
        outside.write_text("mine") if "log" in name else outside.mkdir()
        (workplace / f"in_{name}").mkdir()
        (workplace / f"in_{name}" / name).symlink_to(outside)
        done = dcgan("train", "epochs=1", f"hydra.run.dir=in_{name}")
        assert (done.code, len(done.err.splitlines())) == (4, 1), done.err
        assert f"in_{name}/{name} is a link" in done.err
        assert outside.read_text() == "mine" if "log" in name else not list(outside.iterdir())


def test_new_run_among_the_checkpoints_of_another(dcgan, run):
    (run / "run.json").unlink()
    done = dcgan("train", "epochs=1", f"hydra.run.dir={run}")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "contains checkpoints of a run whose run.json is missing" in done.err


OWNED = "\x1b]0;owned\x07\nmore [/b]"


def test_texts_cannot_write_to_the_terminal(dcgan, run):
    """Nor are they taken for the mark-up of the program that draws them."""
    record = json.loads((run / "run.json").read_text())
    record["networks"]["generator"][0] |= {"name": OWNED, "type": OWNED, "output_shape": [OWNED]}
    record["networks"][OWNED] = record["networks"].pop("discriminator")
    record["lineage"][-1]["device"] = OWNED
    (run / "run.json").write_text(json.dumps(record))
    newest = run / NEWEST
    progress = json.loads((newest / "manifest.json").read_text())["progress"]
    forged(newest / "manifest.json", progress=progress | {OWNED: 1})
    for words in (["inspect", run], ["sample", "--run", run], ["train", f"resume={run}"]):
        done = dcgan(*words)
        assert done.code == (4 if words[0] == "inspect" else 0), done.err
        assert "owned" in done.out + done.err
        assert not {"\x1b", "\x07"} & set(done.out + done.err)
        assert "\nmore" not in done.out + done.err


@pytest.mark.parametrize("value", ["1e300", "nan", "inf", "-1e300"])
def test_numbers_in_metrics(dcgan, run, value):
    text = (run / "metrics.csv").read_text().splitlines()
    text[2] = f"2,8,{value},{value},{value},{value}"
    (run / "metrics.csv").write_text("\n".join(text) + "\n")
    assert dcgan("inspect", run).code == 0


def test_more_columns_in_metrics(dcgan, run):
    text = (run / "metrics.csv").read_text().splitlines()
    lines = [f"{line},{'note' if number == 0 else number}" for number, line in enumerate(text)]
    (run / "metrics.csv").write_text("\n".join(lines) + "\n")
    done = dcgan("train", f"resume={run}", "epochs=4")
    assert done.code == 0, done.err


def test_facts_in_a_picture_without_end(dcgan, workplace):
    from PIL import Image

    from dcgan_cli.core.sampling.pictures import write_png

    facts = {}
    for _ in range(400):
        facts = {"a": facts}
    with (workplace / "a.png").open("wb") as stream:
        write_png(stream, Image.new("L", (1, 1)), facts)
    assert dcgan("inspect", "a.png").code == 0


def forge_arrays(run: Path, part: str, content: bytes) -> None:
    """Put content in place of a part, in all checkpoints, with manifests that vouch for it."""
    import hashlib

    for checkpoint in (run / "checkpoints").iterdir():
        path = checkpoint / f"{part}.npz"
        path.write_bytes(content)
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        manifest["files"][path.name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
        forged(checkpoint / "manifest.json", files=manifest["files"])


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return stream.getvalue()


def npy(shape: tuple, data: bytes = b"", descr: str = "<f4") -> bytes:
    stream = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + data


def pickled() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **{"dense/kernel": np.array([{}], dtype=object)})
    return stream.getvalue()


ARCHIVES = {
    "no archive": b"hello",
    "a zip bomb": archive({"a.npy": npy((10**8,), bytes(4 * 10**8))}, zipfile.ZIP_DEFLATED),
    "a shape bomb": archive({"dense/kernel.npy": npy((2**40,))}),
    "a shape that overflows": archive({"dense/kernel.npy": npy((2**62, 2**62))}),
    "a negative shape": archive({"dense/kernel.npy": npy((-1,))}),
    "pickled objects": pickled(),
    "code in a header": archive({"dense/kernel.npy": b"\x93NUMPY\1\0\x14\0__import__('os').a()\n"}),
    "text": archive({"dense/kernel.npy": npy((1,), b"abcd", "<U1")}),
    "a path": archive({"../../../../tmp/evil.npy": npy((1,), b"abcd")}),
    "no arrays": archive({}),
}


@pytest.mark.parametrize(("content", "command"), with_commands(ARCHIVES, ["sample", "resume"]))
def test_arrays(dcgan, run, content, command):
    forge_arrays(run, "generator", ARCHIVES[content])
    message = refused(dcgan, command, run)
    assert "generator.npz cannot be read" in message or "does not fit these networks" in message


@pytest.mark.parametrize("command", ["sample", "resume"])
def test_settings_that_ask_for_enormous_networks(dcgan, run, command):
    """34 GB of weights, were they made before the arrays are looked at."""
    set_key(run, "noise_dim", 65536)
    set_key(run, "model.units", 65536)
    message = refused(dcgan, command, run)
    assert "dense_1/kernel is (8, 8), expected (65536, 65536)" in message


@pytest.fixture
def no_fetching(monkeypatch, workplace):
    """Let every use of the network, and of a data set's own code, fail loudly; nothing is here."""

    def refuse(*arguments, **options):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(workplace / "datasets"))
    monkeypatch.setenv("KERAS_HOME", str(workplace / "keras"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(workplace / "share"))
    (workplace / "mine").mkdir()  # A folder that tensorflow-datasets would import the code of.
    (workplace / "mine" / "mine.py").write_text("raise AssertionError('its code was run')")


@pytest.mark.parametrize("command", ["evaluate", "resume"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("tfds", "kaggle:someone/something"),
        ("tfds", "huggingface:mnist"),
        ("tfds", "mnist"),
        ("tfds", "mine"),
        ("tfds", "./mine"),
        ("tfds", "../../datasets/x"),
        ("tfds", "gs://bucket/mnist:1.0.0"),
        ("fashion_mnist", None),
        ("cifar10", None),
    ],
)
def test_data_that_a_run_names_is_not_fetched(dcgan, run, no_fetching, command, kind, name):
    set_key(run, "data.name", kind)
    set_key(run, "data.path", name)
    words = ["evaluate", "--run", run] if command == "evaluate" else ["train", f"resume={run}"]
    done = dcgan(*words)
    assert (done.code, len(done.err.splitlines())) == (3, 1), done.err
    typed = name or kind
    if command == "resume":
        typed = f"data.path={name}" if name else f"data.name={kind}"
        assert f"add {typed} to have it fetched" in done.err.replace("'", "")
    else:
        assert f"add --data {typed} to have it fetched" in done.err
    assert not (run.parent / "keras").exists()


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("tfds", "mnist", ["data.path=mnist"]),
        ("fashion_mnist", None, ["data.name=fashion_mnist"]),
        ("cifar10", None, ["data.name=cifar10"]),
    ],
)
def test_data_that_the_command_line_names_is_fetched(dcgan, run, no_fetching, kind, name, words):
    set_key(run, "data.name", kind)
    set_key(run, "data.path", name)
    for line in (["evaluate", "--run", run, "--data", name or kind], ["train", f"resume={run}"]):
        done = dcgan(*line, *(words if line[0] == "train" else []))
        assert done.code == (2 if name else 3), done.err
        assert "tensorflow-datasets (import" in done.err or "cannot be downloaded" in done.err


def test_reading_commands_never_touch_hydra(run, processes):
    """Nor read the YAML that a run folder holds for people."""
    for name in ("config.yaml", "hydra.yaml", "overrides.yaml"):
        (run / ".hydra" / name).write_text("!!python/object/apply:os.system ['touch owned']")
    faults = [("forbid", "hydra", "omegaconf", "yaml")]
    for words in (["sample", "--n", "1", "--run"], ["animate", "--run"], ["inspect"]):
        ended = processes.run(*words, run, faults=faults, cwd=run.parent)
        assert ended.code == 0, ended.err
    assert processes.run("train", faults=faults, cwd=run.parent).code == 1
    assert not (run.parent / "owned").exists()


@pytest.mark.parametrize("kind", ["bomb", "fake", "text bomb", "link"])
def test_pictures(dcgan, workplace, kind):
    """A 74-byte PNG may claim 400 million pixels."""
    path = workplace / "a.png"
    if kind == "bomb":
        path.write_bytes(png_header(20_000, 20_000))
    elif kind == "fake":
        path.write_bytes(b"GIF89a" + bytes(100))
    elif kind == "text bomb":
        import zlib

        text = b"dcgan\0\1\0\0\0" + zlib.compress(b"x" * 10**8)
        path.write_bytes(png_header(1, 1) + chunk(b"iTXt", text) + chunk(b"IEND", b""))
    else:
        path.symlink_to("/dev/zero")
    done = dcgan("inspect", path)
    assert (done.code, len(done.err.splitlines())) == (3, 1), done.err


def chunk(kind: bytes, content: bytes) -> bytes:
    import struct
    import zlib

    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_header(width: int, height: int) -> bytes:
    import struct

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size)


@pytest.mark.parametrize("kind", ["link", "webp", "long"])
def test_grid_of_a_run_that_is_no_png(dcgan, run, workplace, kind, monkeypatch):
    """Neither a notebook nor `inspect` reads it with anything but the PNG reader."""
    opened = dcgan_cli.Run(run)
    grid = opened.samples[-1]
    assert opened._repr_png_() == grid.read_bytes()
    if kind == "link":
        secret = workplace / "secret.png"
        grid.rename(secret)
        grid.symlink_to(secret)
    elif kind == "webp":
        Image.new("L", (4, 4)).save(grid, "WEBP")
    else:
        monkeypatch.setattr(pictures, "MAX_PNG_BYTES", 100)
    assert opened._repr_png_() is None
    if kind != "long":
        done = dcgan("inspect", grid)
        assert (done.code, "is not a readable picture" in done.err) == (3, True)
