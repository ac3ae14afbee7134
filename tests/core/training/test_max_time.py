"""`max_time`: the run ends in time, with all outputs, and a resumed run follows the same plan."""

import csv
import itertools
import json
import shutil
import signal
from pathlib import Path

import pytest

from dcgan_cli.console import PlainReporter
from dcgan_cli.core.evaluation.scoring import Scorer
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.training.epoch_outputs import EpochOutputs
from dcgan_cli.core.training.pace import CAUTION, Pace
from dcgan_cli.core.training.planned_ends import PlannedEnds
from dcgan_cli.core.training.saving import Saver
from dcgan_cli.errors import ConfigError
from dcgan_cli.settings.schema import TrainConfig
from dcgan_cli.settings.times import seconds
from tests.conftest import QUICK
from tests.same_run import assert_same_run, newest_arrays

SMALL = [*QUICK, "batch_size=8", "epochs=4", "optimizer.cooldown=1"]
"""25 steps an epoch."""
SCORED = ["evaluate_every=2", "evaluation.samples=60"]


@pytest.fixture
def clock(monkeypatch):
    """A clock on which each step takes a second, each score two, and each grid half of one."""
    time = Clock()
    monkeypatch.setattr("time.monotonic", lambda: time.now)

    def passing(of: type, name: str, cause: str) -> None:
        real = getattr(of, name)

        def timed(*args, **options):
            time.now += time.takes[cause] * time.slowness
            return real(*args, **options)

        monkeypatch.setattr(of, name, timed)

    passing(PlainReporter, "step", "step")
    passing(Scorer, "score", "score")
    passing(EpochOutputs, "draw", "grid")
    passing(Saver, "save", "checkpoint")
    return time


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slowness = 1.0
        self.takes = {"step": 1.0, "score": 2.0, "grid": 0.5, "checkpoint": 0.0}
        """Seconds that things take."""


def read(run: Path) -> tuple[dict, list[dict[str, str]]]:
    with (run / "metrics.csv").open() as stream:
        return RunFolder(run).status(), list(csv.DictReader(stream))


def test_ends_in_time_with_a_score_in_a_shorter_epoch(dcgan, workplace, clock):
    done = dcgan("train", *SMALL, *SCORED, "max_time=70s", "hydra.run.dir=run")
    assert done.code == 0, done.err
    status, rows = read(workplace / "run")
    assert (status["state"], status["reason"], status["epoch"]) == ("finished", "max_time", 3)
    assert "of 100, in epoch 3 of 4, to stay within max_time=70s" in done.err
    assert 60 < clock.now - 1000 <= 70
    assert 50 < status["step"] < 75
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    # Of the epochs that are scored, 3 is none; but a run's last one always is.
    assert [bool(row["frechet_distance"]) for row in rows] == [False, True, True]
    newest = checkpoints.find(workplace / "run" / "checkpoints")[0]
    assert (newest.progress.step, newest.progress.epoch) == (status["step"], 3)
    assert newest.score.frechet_distance == float(rows[2]["frechet_distance"])
    assert len(RunFolder(workplace / "run").frames()) == 3
    # The speed is that of the images that were shown.
    shown = 8 * (status["step"] - 50)
    seconds_taken = float(rows[2]["seconds"])
    assert float(rows[2]["images_per_second"]) == pytest.approx(shown / seconds_taken, rel=0.01)
    assert "reason" not in json.loads(dcgan("inspect", "run", "--json").out)["health"]
    longer = json.loads(dcgan("inspect", "run", "--json").out)["commands"]["train longer"]
    assert longer == "dcgan train resume=run max_time=70s"
    assert "nothing left to do" in dcgan("train", "resume=run").err
    assert read(workplace / "run")[0]["reason"] == "max_time"


@pytest.mark.parametrize("every", [1, 2, 10])
@pytest.mark.parametrize("limit", [50, 76, 85, 100])
def test_last_score_is_in_time(dcgan, workplace, clock, every, limit):
    """It takes as long as ten steps, and epochs without one do not tell that."""
    clock.takes["score"] = 10.0
    words = [*SMALL, *SCORED, f"evaluate_every={every}", f"max_time={limit}s", "hydra.run.dir=run"]
    done = dcgan("train", *words)
    assert done.code == 0, done.err
    _, rows = read(workplace / "run")
    assert rows[-1]["frechet_distance"]
    assert limit - 26 < clock.now - 1000 <= limit
    steps = [int(row["step"]) for row in rows]
    assert min(after - before for before, after in itertools.pairwise([0, *steps])) > 2


@pytest.mark.parametrize("limit", [62, 70, 80, 82, 84, 86, 90])
def test_no_epoch_is_begun_that_is_not_worth_it(dcgan, workplace, clock, limit):
    """Not even if an end took longer than rehearsed, and the time is over as an epoch begins."""
    clock.takes["checkpoint"] = 9.0
    done = dcgan("train", *SMALL, *SCORED, f"max_time={limit}s", "hydra.run.dir=run")
    assert done.code == 0, done.err
    status, rows = read(workplace / "run")
    assert status["reason"] == "max_time"
    steps = [int(row["step"]) for row in rows]
    assert min(after - before for before, after in itertools.pairwise([0, *steps])) > 2
    plan = RunFolder(workplace / "run").record()["plan"]["ends"]
    assert plan[-1][1] == steps[-1] == status["step"]
    weights = newest_arrays(workplace / "run")
    shutil.rmtree(checkpoints.find(workplace / "run" / "checkpoints")[0].path)
    assert dcgan("train", "resume=run").code == 0
    assert read(workplace / "run")[0]["step"] == status["step"]
    again = newest_arrays(workplace / "run")
    assert all((again[name] == array).all() for name, array in weights.items())


def test_first_epoch_that_is_cut_short(dcgan, workplace, clock):
    done = dcgan("train", *SMALL, *SCORED, "max_time=20s", "hydra.run.dir=run")
    assert done.code == 0, done.err
    status, rows = read(workplace / "run")
    assert (status["reason"], status["epoch"]) == ("max_time", 1)
    assert 12 <= status["step"] < 20
    assert clock.now - 1000 <= 20
    assert rows[0]["frechet_distance"]


def test_more_time_than_needed_changes_nothing(dcgan, workplace, clock):
    assert dcgan("train", *SMALL, "max_time=1h", "hydra.run.dir=a/run").code == 0
    assert dcgan("train", *SMALL, "hydra.run.dir=b/run").code == 0
    assert "reason" not in read(workplace / "a" / "run")[0]
    assert_same_run(workplace / "a" / "run", workplace / "b" / "run")


def test_no_time_at_all_still_leaves_a_whole_run(dcgan, workplace, clock):
    """At least a step, for there are no losses without one."""
    done = dcgan("train", *SMALL, *SCORED, "max_time=1s", "hydra.run.dir=run")
    assert done.code == 0, done.err
    status, rows = read(workplace / "run")
    assert (status["reason"], status["step"], len(rows)) == ("max_time", 1, 1)
    assert rows[0]["frechet_distance"]


def test_run_that_becomes_slower(dcgan, workplace, clock, monkeypatch):
    step = PlainReporter.step

    def slower(self, report) -> None:
        clock.slowness = 3.0 if report.step >= 40 else 1.0
        step(self, report)

    monkeypatch.setattr(PlainReporter, "step", slower)
    done = dcgan("train", *SMALL, *SCORED, "max_time=90s", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert 75 < clock.now - 1000 <= 95  # A score takes six seconds instead of two.
    status, _ = read(workplace / "run")
    assert status["reason"] == "max_time"
    plan = RunFolder(workplace / "run").record()["plan"]["ends"]
    assert plan[0][1] > plan[-1][1] == status["step"]


def test_cooldown_ends_with_the_planned_steps(dcgan, workplace, clock):
    """The last step is trained at a rate next to zero, so the checkpoint hardly moved."""
    words = [*SMALL, "evaluate_every=0", "checkpoint_seconds=5", "optimizer.name=adam"]
    assert dcgan("train", *words, "max_time=60s", "hydra.run.dir=run").code == 0
    run = RunFolder(workplace / "run")
    plan = run.record()["plan"]
    last, before = checkpoints.find(run.checkpoints)[:2]
    steps, ends = last.progress.step, PlannedEnds(plan, 100)
    assert ends.at(steps) == steps
    left = [(ends.at(s) - s) / ends.at(s) for s in range(before.progress.step, steps)]
    assert max(left) < 0.3
    name = next(name for name in last.load("generator") if name.endswith("kernel"))
    moved = last.load("generator")[name] - before.load("generator")[name]
    assert 0 < abs(moved).max() <= 1.5 * 1e-4 * sum(left)  # A step of Adam is at most the rate.


def test_passes_and_epochs_by_the_number_of_images(dcgan, workplace, clock):
    words = [*QUICK, *SCORED, "epochs=0", "passes_per_epoch=0"]
    done = dcgan("train", *words, "max_time=100s", "hydra.run.dir=run")
    assert done.code == 0, done.err
    status, rows = read(workplace / "run")
    assert (status["reason"], status["epochs"]) == ("max_time", 30)
    assert clock.now - 1000 <= 100
    assert status["epoch"] == len(rows) == 2  # Of 63 steps.
    assert rows[-1]["frechet_distance"]


def test_time_of_a_resumed_part_and_more_epochs(dcgan, workplace, clock):
    assert dcgan("train", *SMALL, "max_time=35s", "hydra.run.dir=run").code == 0
    first, _ = read(workplace / "run")
    assert (first["epoch"], first["reason"]) == (2, "max_time")
    clock.now += 1e6
    began = clock.now
    done = dcgan("train", "resume=run", "max_time=35s")
    assert done.code == 0, done.err
    second, rows = read(workplace / "run")
    assert second["step"] > first["step"] + 25
    assert clock.now - began <= 35
    assert second["epoch"] == len(rows) == 4
    refused = dcgan("train", "resume=run", "max_time=null")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "max_time=24h" in refused.err
    done = dcgan("train", "resume=run", "epochs=5")
    assert done.code == 0, done.err
    third, _ = read(workplace / "run")
    assert (third["state"], third["epoch"], third.get("reason")) == ("finished", 5, None)
    assert third["step"] == second["step"] + 25
    assert RunFolder(workplace / "run").config().max_time == "35s"


def test_last_of_all_epochs_that_is_cut_short(dcgan, workplace, clock):
    """The run has all its epochs, but not all steps: the time was over."""
    words = [*SMALL, "epochs=1", "max_time=20s", "hydra.run.dir=run"]
    done = dcgan("train", *words)
    assert "stopped after epoch 1: its time is over; raise epochs= to continue\n" in done.err
    status, _ = read(workplace / "run")
    assert (status["reason"], status["epoch"], status["epochs"]) == ("max_time", 1, 1)
    longer = json.loads(dcgan("inspect", "run", "--json").out)["commands"]["train longer"]
    assert longer == "dcgan train resume=run epochs=2"
    assert dcgan("train", "resume=run", "epochs=2").code == 0
    after, _ = read(workplace / "run")
    assert ("reason" not in after, after["epoch"]) == (True, 2)
    assert after["step"] == status["step"] + 25


@pytest.mark.parametrize(("cut", "saved"), [(7, 8), (20, 21), (30, 31)])
def test_resumed_run_equals_an_unbroken_one(processes, workplace, cut, saved):
    """Stopped before the plan, in the first epoch and in the last. The clock then differs."""
    folders = [workplace / name for name in ("unbroken", "stopped")]
    for folder in folders:
        folder.mkdir()
    words = ["train", *SMALL, "ema=0.9", "max_time=42s", "hydra.run.dir=run"]
    tick = ("second_a_step", 1.0)
    done = processes.run(*words, faults=[tick], cwd=folders[0])
    assert done.code == 0, done.err
    stop = ("signal_at_step", cut, "SIGTERM")
    stopped = processes.run(*words, faults=[stop, tick], cwd=folders[1])
    assert stopped.code == 128 + signal.SIGTERM, stopped.err
    assert checkpoints.find(folders[1] / "run" / "checkpoints")[0].progress.step == saved
    plan = RunFolder(folders[1] / "run").record()["plan"]
    resumed = processes.run("train", "resume=run", faults=[tick] * (cut == 7), cwd=folders[1])
    assert resumed.code == 0, resumed.err
    runs = [folder / "run" for folder in folders]
    status, _ = read(runs[1])
    assert (status["state"], status["reason"]) == ("finished", "max_time")
    if cut == 7:  # There was no plan; the rest of the run had all of the time.
        assert not plan["settled"]
        assert status["step"] > read(runs[0])[0]["step"]
    elif plan == RunFolder(runs[0]).record()["plan"]:
        assert_same_run(*runs)
    else:  # The unbroken run renewed its plan later on, and so has another end.
        assert RunFolder(runs[0]).record()["plan"]["ends"][: len(plan["ends"])] == plan["ends"]
        assert status["step"] == plan["ends"][-1][1]


def test_killed_run_follows_the_plans_that_it_had_made(processes, workplace):
    """From a checkpoint before some of them."""
    folders = [workplace / name for name in ("unbroken", "killed")]
    for folder in folders:
        folder.mkdir()
    words = ["train", *SMALL, "ema=0.9", "max_time=80s", "hydra.run.dir=run"]
    tick = ("second_a_step", 1.0)
    assert processes.run(*words, faults=[tick], cwd=folders[0]).code == 0
    killed = processes.run(*words, faults=[("signal_at_step", 74, "SIGKILL"), tick], cwd=folders[1])
    assert killed.code == -signal.SIGKILL
    runs = [RunFolder(folder / "run") for folder in folders]
    plans = [run.record()["plan"]["ends"] for run in runs]
    assert len(plans[1]) > 1
    assert checkpoints.find(runs[1].checkpoints)[0].progress.step == 50 < plans[1][-1][0]
    assert plans[0] == plans[1]
    resumed = processes.run("train", "resume=run", cwd=folders[1])
    assert resumed.code == 0, resumed.err
    assert_same_run(*(run.path for run in runs))
    assert newest_arrays(runs[0].path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("2m3s", 123)],
)
def test_times(text, expected):
    assert seconds("max_time", text) == expected
    assert TrainConfig(max_time=text).max_time == text


@pytest.mark.parametrize("text", ["", "10", "0s", "-5s", "10 m", "5x", "1m1h", "inf", "1e9h", "²s"])
def test_times_that_are_none(text):
    with pytest.raises(ConfigError, match="max_time must be a time such as 90s, 10m or 2h, got"):
        TrainConfig(max_time=text)


def test_mistake_on_the_command_line(dcgan, workplace):
    done = dcgan("train", *SMALL, "max_time=10")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "max_time must be a time such as 90s, 10m or 2h, got '10'" in done.err
    assert not list(workplace.iterdir())


@pytest.mark.parametrize(
    "plan", [None, {"ends": [[1]], "settled": True, "early": True}, {"ends": [[0, -1]]}, 7]
)
def test_plan_of_somebody_else(dcgan, workplace, finished_run, plan):
    run = RunFolder(workplace / "run")
    run.path.mkdir()
    text = (finished_run / "run.json").read_text()
    run.run_json.write_text(json.dumps(json.loads(text) | {"plan": plan}))
    done = dcgan("sample", "--run", "run")
    assert (done.code, done.err.count("\n")) == (4, 1)
    assert "its plan" in done.err


def test_steps_that_fit():
    """100 s left, steps of a second, epochs of 25 steps, 2 s for each epoch's end."""
    pace = Pace(started=0, limit=100, steps_per_epoch=25, epoch_end=2, step_seconds=1)
    reserve = 2 * CAUTION
    assert pace.steps_left(0, now=0) == 75 + int(100 - reserve - 3 * 27)
    assert pace.steps_left(20, now=90) == int(10 - reserve - 2 - 5) + 5
    assert pace.steps_left(24, now=96) == 1  # A last epoch of no step is none.
    assert pace.steps_left(0, now=60) == 25 + int(40 - reserve - 27)
    assert pace.steps_left(0, now=69.5) == 25  # Three more steps are not worth a grid and a score.
    assert pace.steps_left(0, now=95.5) == 0  # Nor are two if they would be the next ones,
    assert pace.steps_left(1, now=95.5) == 2  # but an epoch that has begun goes on.
    assert pace.steps_left(25, now=60) == 25 + int(40 - reserve - 2 - 27)  # After an epoch's last.
    assert pace.steps_left(0, now=99) == 0
    assert not pace.is_over(now=96)
    assert pace.is_over(now=97)
