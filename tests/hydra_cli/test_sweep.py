"""Sweeps: one folder per job; a failing job does not stop the others."""

import json
import shutil

import pytest

from dcgan_cli.core.runs.folder import RunFolder
from tests.conftest import CONVOLUTIONAL, QUICK

pytestmark = pytest.mark.usefixtures("forked_jobs")
"""Jobs that are started as those of people are: test_hydra_grammar.py, test_signals.py."""


def jobs(workplace) -> dict[str, RunFolder]:
    sweep = next((workplace / "runs").glob("sweep_*"))
    return {path.name: RunFolder(path) for path in sweep.iterdir() if path.is_dir()}


def test_one_complete_folder_a_job(dcgan, workplace):
    done = dcgan("train", "-m", *QUICK, "epochs=1", "seed=1,2")
    assert done.code == 0, done.err
    runs = jobs(workplace)
    assert sorted(runs) == ["0", "1"]
    assert [run.config().seed for _, run in sorted(runs.items())] == [1, 2]
    assert all(run.status()["state"] == "finished" for run in runs.values())
    assert all(run.gif.is_file() for run in runs.values())
    assert [line.split("/")[-1] for line in done.out.splitlines()] == ["0", "1"]


def test_an_experiment_that_is_a_sweep(dcgan, workplace):
    """Its own sweep is over models, so none is named here."""
    done = dcgan("train", "-m", "experiment=gan_vs_dcgan", *CONVOLUTIONAL, "epochs=1")
    assert done.code == 0, done.err
    runs = [run for _, run in sorted(jobs(workplace).items())]
    assert [run.config().model.name for run in runs] == ["mlp", "dcgan28"]
    assert all(run.status()["state"] == "finished" for run in runs)
    done = dcgan("train", "experiment=gan_vs_dcgan", *CONVOLUTIONAL)
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "add -m for a run of each" in done.err


def test_failing_job_is_named_and_stops_no_other(dcgan, workplace):
    done = dcgan("train", *QUICK, "epochs=1", "optimizer.learning_rate=-1,1e-4", "-m")
    assert done.code == 1
    last = done.err.splitlines()[-1]
    assert "1 of 2 jobs failed: job 0 (" in last
    assert "optimizer.learning_rate=-1" in last
    assert "optimizer.learning_rate must be a number, above 0, got -1" in done.err
    runs = jobs(workplace)
    assert runs["0"].status()["state"] == "failed"
    assert runs["1"].status()["state"] == "finished"
    assert json.loads((runs["1"].path / "run.json").read_text())["config"]["epochs"] == 1


def test_mistakes_in_a_sweep_begin_nothing(dcgan, workplace):
    for words, fragment in [
        (["seed=1,2", "epoch=3"], "did you mean epochs?"),
        (["batch_size=8,four"], "batch_size must be a whole number"),
        (["model=dcgan28,nope"], "model must be dcgan or dcgan28 or mlp"),
        (["seed=1,2", "batch_size=0"], "batch_size must be"),
        (["resume=a,b"], "cannot be part of a sweep"),
    ]:
        done = dcgan("train", "-m", *words)
        assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
        assert fragment in done.err
        assert not list(workplace.iterdir())


def test_unknown_keys_are_found_in_every_kind_of_sweep(dcgan, workplace):
    for word in ("nosuch=range(1,3)", "nosuch=interval(0,1)", "nosuch=glob(*)"):
        done = dcgan("train", "-m", word)
        assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
        assert "unknown key nosuch" in done.err
        assert not list(workplace.iterdir())


def test_a_conditional_run_that_counted_its_classes_is_done(dcgan, workplace):
    words = ["train", "-m", *QUICK, "epochs=1", "seed=1", "hydra.sweep.dir=s"]
    words += ["model.conditional=true", "data.classes=0"]
    assert dcgan(*words).code == 0
    again = dcgan(*words)
    assert (again.code, again.out) == (0, ""), again.err
    assert "already finished: s/0" in again.err


def test_a_job_that_was_trained_longer_is_done(dcgan, workplace):
    words = ["train", "-m", *QUICK, "seed=1", "hydra.sweep.dir=s"]
    assert dcgan(*words, "epochs=1").code == 0
    assert dcgan("train", "resume=s/0", "epochs=2").code == 0
    again = dcgan(*words, "epochs=1")
    assert (again.code, again.out) == (0, ""), again.err
    assert "already finished: s/0" in again.err


def test_only_the_jobs_of_this_sweep_are_counted_wherever_they_are(dcgan, workplace):
    RunFolder(workplace / "s" / "old").path.mkdir(parents=True)
    RunFolder(workplace / "s" / "old").write_status("interrupted", reason="by hand")
    words = ["seed=1", "hydra.sweep.dir=s", "hydra.sweep.subdir=a/b/${hydra.job.num}"]
    done = dcgan("train", "-m", *QUICK, "optimizer.learning_rate=-1,-2", *words)
    assert done.code == 1
    assert "2 of 2 jobs failed: job a/b/0 (" in done.err


def test_a_folder_of_another_sweep_is_left_alone(dcgan, workplace, finished_run):
    shutil.copytree(finished_run, workplace / "s" / "0")
    before = (workplace / "s" / "0" / "status.json").read_bytes()
    with pytest.raises(SystemExit) as stopped:
        dcgan("train", "-m", *QUICK, "epochs=1", "seed=5", "hydra.sweep.dir=s")
    assert stopped.value.code == 2
    assert (workplace / "s" / "0" / "status.json").read_bytes() == before
