"""Searches with Optuna's sweeper: best job, failed jobs, interruption and resuming."""

import signal

import pytest
from optuna import load_study
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from dcgan_cli.core.runs.sweeps import job_folders, read_jobs
from dcgan_cli.hydra_cli.sweep import Sweep
from tests.conftest import QUICK

SEARCH = ["train", "-m", "hydra/sweeper=optuna", "optimizer.learning_rate=interval(1e-5,1e-3)"]
SEARCH += [word for word in QUICK if not word.startswith(("batch_size", "evaluate_every"))]
SEARCH += ["batch_size=choice(32,64)", "epochs=1"]
SEARCH += ["evaluation.samples=50", "hydra.sweep.dir=s"]

pytestmark = pytest.mark.usefixtures("forked_jobs")


def trials(folder):
    storage = RDBStorage(f"sqlite:///{folder / 's' / 'optuna.db'}")
    return load_study(study_name="dcgan", storage=storage).get_trials()


def test_continues_with_the_interrupted_trial_and_ends_with_the_best(
    dcgan, workplace, forked_jobs, monkeypatch
):
    real, names = Sweep._run_process, []

    def stopped_in_the_second_job(self, words, name):
        names.append(name)
        return real(self, words, name) if len(names) == 1 else (143, signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Sweep, "_run_process", stopped_in_the_second_job)
        with pytest.raises(SystemExit) as stopped:
            dcgan(*SEARCH, "hydra.sweeper.n_trials=2")
    assert stopped.value.code == 143
    assert [trial.state for trial in trials(workplace)] == [TrialState.COMPLETE, TrialState.RUNNING]
    asked = trials(workplace)[1].params

    done = dcgan(*SEARCH, "hydra.sweeper.n_trials=2")
    assert done.code == 0, done.err
    jobs = read_jobs(job_folders(workplace / "s"))
    assert len(jobs) == 2
    scores = [job.score for job in jobs]
    assert scores == sorted(scores)
    trained = [
        (job.settings["optimizer.learning_rate"], job.settings["batch_size"]) for job in jobs
    ]
    assert (asked["optimizer.learning_rate"], asked["batch_size"]) in trained
    complete = [trial for trial in trials(workplace) if trial.state == TrialState.COMPLETE]
    assert sorted(trial.value for trial in complete) == scores
    best = jobs[0].run.path.relative_to(workplace)
    assert f"best: {best}; train it longer: dcgan train resume={best} epochs=2" in done.err

    again = dcgan(*SEARCH, "hydra.sweeper.n_trials=2")
    assert (again.code, again.out) == (0, "")
    assert len(read_jobs(job_folders(workplace / "s"))) == 2


def test_a_failed_job_does_not_end_the_search(dcgan, workplace):
    done = dcgan(*SEARCH, "hydra.sweeper.n_trials=2", "optimizer.beta_1=choice(1,2)")
    assert done.code == 1
    assert "2 of 2 jobs failed: job 0 (" in done.err.splitlines()[-1]
    assert "Error executing" not in done.err
    assert [trial.state for trial in trials(workplace)] == [TrialState.FAIL] * 2


def test_a_seeded_search_that_is_made_longer_draws_other_values(dcgan, workplace):
    words = [*SEARCH, "hydra.sweeper.sampler.seed=1"]
    assert dcgan(*words, "hydra.sweeper.n_trials=1").code == 0
    (workplace / "s" / "empty").mkdir()
    assert dcgan(*words, "hydra.sweeper.n_trials=2").code == 0
    first, second = trials(workplace)
    assert first.params != second.params
    assert (workplace / "s" / "empty").is_dir()


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["train", "-m", "seed=interval(1,2)"], "add hydra/sweeper=optuna"),
        (
            ["train", "-m", "seed=range(3,1)"],
            "seed=range(3,1) is empty; write range(START,STOP,STEP)",
        ),
        ([*SEARCH, "seed=interval(2,1)"], "write the lower bound first"),
        ([*SEARCH, "seed=interval(1,2.5)"], "write seed=int(interval(1,2.5))"),
        ([*SEARCH, "hydra.sweep.dir=a?b"], "must not contain ? or %"),
        ([*SEARCH, "hydra.sweeper.n_trials=0"], "n_trials must be at least 1"),
        ([*SEARCH, "hydra.sweeper.direction=maximize"], "remove hydra.sweeper.direction"),
        (["train", "-m", "seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"], "n_jobs"),
        ([*SEARCH, "evaluate_every=0"], "a search needs scores; set evaluate_every to at least 1"),
        (["train", "-m", "hydra/sweeper=nosuch"], "hydra/sweeper/nosuch"),
    ],
)
def test_mistakes(dcgan, workplace, words, fragment):
    done = dcgan(*words)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert fragment in done.err
