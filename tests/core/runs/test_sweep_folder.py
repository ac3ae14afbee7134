"""A folder of several runs is known as one, wherever a run is asked for."""

import json
import shutil

import pytest

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.sweeps import read_job


@pytest.fixture
def sweep(workplace, scored_run, finished_run):
    """A sweep of four: two with scores, one without, one that failed before it began."""
    for number, source in enumerate((finished_run, scored_run, scored_run)):
        shutil.copytree(source, workplace / "s" / str(number))
    record = workplace / "s" / "2" / "run.json"
    changed = json.loads(record.read_text())
    changed["config"]["seed"] = 7
    record.write_text(json.dumps(changed))
    metrics = workplace / "s" / "2" / "metrics.csv"
    header, *rows = metrics.read_text().splitlines()
    column = header.split(",").index("frechet_distance")
    cells = rows[1].split(",")
    cells[column] = "1.5"
    rows[1] = ",".join(cells)
    metrics.write_text("\n".join([header, *rows, ""]))
    failed = workplace / "s" / "10"
    failed.mkdir()
    words = ["seed=9", "optimizer.learning_rate=-1"]
    RunFolder(failed).write_status("failed", reason="ended with exit code 2", words=words)
    return workplace / "s"


def test_inspect_shows_the_jobs_best_first(dcgan, sweep):
    shown = dcgan("inspect", "s")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[0] == "s: 4 jobs"
    assert lines[1].split()[:2] == ["job", "seed"]
    assert [line.split()[0] for line in lines[2:6]] == ["2", "1", "0", "10"]
    assert "1.5" in lines[2]
    assert "10: ended with exit code 2" in shown.out
    assert "dcgan train resume=s/2 epochs=6" in shown.out
    assert "image_folder" not in shown.out


def test_inspect_as_json(dcgan, sweep):
    facts = json.loads(dcgan("inspect", "s", "--json").out)
    assert (facts["kind"], facts["path"]) == ("sweep", "s")
    assert facts["settings"] == ["seed", "evaluate_every", "optimizer.learning_rate"]
    best = facts["jobs"][0]
    assert (best["path"], best["frechet_distance"], best["frechet_distance_epoch"]) == (
        "s/2",
        1.5,
        2,
    )
    assert facts["jobs"][-1]["settings"]["optimizer.learning_rate"] == "-1"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["sample", "s"], "dcgan sample --run s/2"),
        (["sample", "--run", "s"], "dcgan sample --run s/2"),
        (["animate", "s"], "dcgan animate --run s/2"),
        (["evaluate", "s"], "dcgan evaluate --run s/2"),
        (["train", "resume=s"], "dcgan train resume=s/2"),
    ],
)
def test_commands_that_need_one_run_list_them(dcgan, sweep, words, command):
    done = dcgan(*words)
    assert (done.code, done.out) == (4, "")
    *table, last = done.err.splitlines()
    assert table[0] == "s: 4 jobs"
    assert (
        last
        == f"dcgan: s is not a run folder but holds 4 runs, as a sweep does; name one: {command}"
    )
    assert not list(sweep.parent.glob("*.png"))


def test_the_command_that_is_named_works(dcgan, sweep):
    assert dcgan("sample", "--run", "s/2", "--n", "2").code == 0


def test_a_damaged_job_is_a_line_of_the_table(dcgan, sweep):
    (sweep / "1" / "run.json").write_text("{")
    assert read_job(sweep / "1").state == "damaged"
    shown = dcgan("inspect", "s")
    assert shown.code == 0
    assert "1: s/1/run.json is damaged" in shown.out


def test_a_folder_of_runs_of_ones_own_is_shown_too(dcgan, workplace, finished_run):
    shutil.copytree(finished_run, workplace / "runs" / "mine")
    assert dcgan("inspect", "runs").out.splitlines()[0] == "runs: 1 job"


def test_pictures_beside_no_run_stay_pictures(dcgan, workplace, finished_run):
    shutil.copytree(finished_run / "samples", workplace / "pictures" / "samples")
    assert "folder of pictures" in dcgan("inspect", "pictures").out
