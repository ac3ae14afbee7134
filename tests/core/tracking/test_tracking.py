"""Trackers: a view of metrics.csv and samples/, also after a resume; failures are warnings."""

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.tracking.tracked_run import scalars
from tests.conftest import QUICK
from tests.plugin_files import FILES
from tests.same_run import assert_same_run

SCORED = ["evaluate_every=1", "evaluation.samples=60"]


def events(run: Path) -> tuple[dict[str, dict[int, float]], dict[int, bytes], dict[str, object]]:
    """Return what is in a run's event file: scalars and grids by step, and hyperparameters."""
    event_file_loader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_file_loader"
    )
    from tensorboard.plugins.hparams import plugin_data_pb2

    (path,) = run.glob("events.out.tfevents.*")
    values: dict[str, dict[int, float]] = {}
    grids: dict[int, bytes] = {}
    settings: dict[str, object] = {}
    for event in event_file_loader.LegacyEventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if value.HasField("image"):
                assert event.step not in grids
                grids[event.step] = value.image.encoded_image_string
            elif value.HasField("simple_value"):
                of_tag = values.setdefault(value.tag, {})
                assert event.step not in of_tag
                of_tag[event.step] = value.simple_value
            elif value.tag == "_hparams_/session_start_info":
                data = plugin_data_pb2.HParamsPluginData()
                data.ParseFromString(value.metadata.plugin_data.content)
                found = data.session_start_info.hparams
                settings = {n: getattr(v, v.WhichOneof("kind")) for n, v in found.items()}
    return values, grids, settings


def assert_shows(run: Path) -> None:
    """Assert that the event file holds the metrics and grids of a run, each epoch once."""
    values, grids, settings = events(run)
    folder = RunFolder(run)
    rows = folder.metrics()
    for row in rows:
        for name, value in scalars(row).items():
            assert values[name][row["epoch"]] == pytest.approx(value, rel=1e-6)
    epochs = [row["epoch"] for row in rows]
    assert list(values["loss/generator"]) == epochs
    assert grids == {epoch: path.read_bytes() for epoch, path in folder.frames()}
    assert settings["batch_size"] == 64
    assert settings["loss.name"] == "non_saturating"
    assert settings["patience"] == "None"
    assert "tracking" not in settings


def test_tensorboard_shows_every_epoch_once_after_a_resume_that_repeats_some(dcgan, workplace):
    words = [*QUICK, *SCORED, "tracking=tensorboard", "checkpoint_every=1", "hydra.run.dir=run"]
    done = dcgan("train", *words, "epochs=2")
    assert done.code == 0, done.err
    assert "tracking  tensorboard --logdir run\n" in done.err
    run = workplace / "run"
    assert_shows(run)
    scores = [row["frechet_distance"] for row in RunFolder(run).metrics()]
    best = events(run)[0]["best/frechet_distance"]
    assert best == pytest.approx({1: scores[0], 2: min(scores)})
    (before,) = run.glob("events.out.tfevents.*")
    shutil.rmtree(run / "checkpoints" / "step_0000000008")
    done = dcgan("train", "resume=run", "epochs=3")
    assert done.code == 0, done.err
    assert len(RunFolder(run).metrics()) == 3
    assert_shows(run)
    assert not before.exists()


def test_finished_run_that_had_no_tracker(dcgan, workplace, scored_run):
    shutil.copytree(scored_run, workplace / "run")
    done = dcgan("train", "resume=run", "tracking=tensorboard")
    assert done.code == 0, done.err
    assert_shows(workplace / "run")
    (path,) = (workplace / "run").glob("events.out.tfevents.*")
    assert "TensorBoard" in dcgan("inspect", path).out


def leveldb_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a .wandb file, which has the form of LevelDB's log."""
    content, at, whole = path.read_bytes(), 7, b""  # After wandb's own header.
    while at < len(content):
        left = 2**15 - at % 2**15
        if left < 7:  # Too little for a header: the block is padded.
            at += left
            continue
        size, kind = struct.unpack_from("<HB", content, at + 4)
        whole += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # A whole record, or the last part of one.
            yield whole
            whole = b""


@pytest.mark.slow  # Once, on a busy machine, wandb's own process had not written its file yet.
def test_wandb_offline(dcgan, workplace, monkeypatch):
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2

    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(workplace / "home"))
    words = [*QUICK, *SCORED, "tracking=wandb", "checkpoint_every=1", "hydra.run.dir=run"]
    done = dcgan("train", *words, "epochs=1")
    assert done.code == 0, done.err
    assert "warning" not in done.err
    done = dcgan("train", "resume=run", "epochs=2")
    assert done.code == 0, done.err
    (path,) = (workplace / "run" / "wandb").glob("offline-run-*/run-*.wandb")  # The first is gone.
    assert f"tracking  wandb sync {path.parent}\n" in done.err
    logged, config = [], {}
    for data in leveldb_records(path):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.HasField("history"):
            items = record.history.item
            logged.append({i.key or i.nested_key[0]: json.loads(i.value_json) for i in items})
        for item in record.run.config.update:
            config[item.key] = json.loads(item.value_json)
    rows = RunFolder(workplace / "run").metrics()
    assert [one["_step"] for one in logged] == [1, 2]
    for one, row in zip(logged, rows, strict=True):
        assert one.items() >= scalars(row).items()
    assert config["batch_size"] == 64
    assert config["optimizer"]["learning_rate"] == 1e-4


def test_two_trackers_of_which_one_is_of_a_plugin_and_one_fails(dcgan, workplace):
    (workplace / "json_lines.py").write_text(FILES["json_lines.py"])
    (workplace / "bad.py").write_text(
        "import dcgan_cli as dcgan\n"
        '@dcgan.tracker("bad")\n'
        "class Bad:\n"
        "    def __init__(self, run): self.left = 1\n"
        "    def epoch(self, row, grid):\n"
        "        self.left -= 1\n"
        '        if self.left < 0: raise ValueError("no\\nroom")\n'
        "    def close(self, state): raise AssertionError\n"
    )
    plugins = ["--plugin", "bad.py", "--plugin", "json_lines.py"]
    words = [*QUICK, *SCORED, "epochs=3"]
    done = dcgan("train", *plugins, *words, "tracking=[bad,json_lines]", "hydra.run.dir=a/run")
    assert done.code == 0, done.err
    (warning,) = [line for line in done.err.splitlines() if "warning: tracking" in line]
    assert warning.startswith("warning: tracking=bad stopped: ValueError: no room; training")
    run = RunFolder(workplace / "a" / "run")
    lines = [json.loads(line) for line in (run.path / "epochs.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert all(Path(line["grid"]).is_file() for line in lines)
    assert lines[2]["best_frechet_distance"] == min(
        row["frechet_distance"] for row in run.metrics()
    )
    assert dcgan("train", *words, "hydra.run.dir=b/run").code == 0
    assert_same_run(workplace / "a" / "run", workplace / "b" / "run")


def test_run_of_a_tracker_that_is_not_there(dcgan, workplace, finished_run):
    """As if its plug-in were not loaded."""
    run = RunFolder(Path(shutil.copytree(finished_run, workplace / "run")))
    run.update({"config": run.record()["config"] | {"tracking": ["mine"]}})
    assert dcgan("sample", "--run", "run", "--out", "grid.png").code == 0
    done = dcgan("train", "resume=run", "epochs=4")
    assert done.code == 0, done.err
    assert "warning: tracking=mine stopped: tracking must be" in done.err


def test_package_that_is_missing(processes, workplace, finished_run):
    """Nothing of a tracker is imported without `tracking`."""
    faults = [("forbid", "tensorboard", "wandb")]
    words = [*QUICK, "epochs=1", "hydra.run.dir=run"]
    refused = processes.run("train", *words, "tracking=tensorboard", faults=faults)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "dcgan: tracking=tensorboard needs the package tensorboard; install it: "
        "pip install 'dcgan-cli[tensorboard]'\n"
    )
    assert not list(workplace.iterdir())
    assert processes.run("train", *words, faults=faults).code == 0
    run = RunFolder(workplace / "run")
    run.update({"config": run.record()["config"] | {"tracking": ["tensorboard"]}})
    resumed = processes.run("train", "resume=run", "epochs=2", faults=faults)
    assert resumed.code == 0, resumed.err
    assert "warning: tracking=tensorboard stopped: tracking=tensorboard needs" in resumed.err


def test_package_whose_parent_is_missing(dcgan, workplace):
    Path("mine.py").write_text(
        "import dcgan_cli as dcgan\n\n\n"
        '@dcgan.tracker("mine", package="no_such_parent.child")\n'
        "def mine(run):\n    raise AssertionError\n"
    )
    done = dcgan("train", *QUICK, "tracking=mine", "--plugin", "mine.py", "hydra.run.dir=run")
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "tracking=mine needs the package no_such_parent.child" in done.err


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("tracking=tensorbord", "got 'tensorbord'; did you mean tensorboard?"),
        ("tracking=[tensorboard,7]", "tracking must be a name or a list of names, got"),
        ("tracking=1", "tracking must be a name or a list of names, got 1"),
    ],
)
def test_mistakes(dcgan, workplace, word, message):
    done = dcgan("train", *QUICK, word)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert message in done.err
    assert not list(workplace.iterdir())
