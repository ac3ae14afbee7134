"""Comparison of runs: seeds together, a verdict that respects them, what each setting explains."""

import contextlib
import csv
import io
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dcgan_cli.core.comparison.describe import describe_sweep
from dcgan_cli.core.runs import folder
from dcgan_cli.core.runs.find import run_folders
from dcgan_cli.core.runs.folder import RunFolder
from tests.sweep_folders import copy_run, make_sweep


def facts(source, workplace, scores):
    return describe_sweep(make_sweep(source, workplace / "s", scores))


def test_seeds_are_grouped_best_mean_first(scored_run, workplace):
    found = facts(scored_run, workplace, {1e-4: [50, 10], 1e-3: [20, 22]})
    assert found["settings"] == ["seed", "optimizer.learning_rate"]
    assert [job["frechet_distance"] for job in found["jobs"]] == [10, 20, 22, 50]
    first, second = found["groups"]
    assert first["settings"] == {"optimizer.learning_rate": 1e-3}
    assert (first["mean"], first["best"], first["worst"]) == (21, 20, 22)
    assert (second["mean"], second["scores"]) == (30, [10, 50])
    assert sorted(second["seeds"]) == [1, 2]


@pytest.mark.parametrize(
    ("scores", "standings", "words"),
    [
        (
            {1e-4: [30, 31], 1e-3: [20, 22]},
            ["best", "behind"],
            "optimizer.learning_rate=0.001 is best: its worst seed (22.0) beats the best seed of "
            "the next, optimizer.learning_rate=0.0001 (30.0).",
        ),
        (
            {1e-4: [19, 40], 1e-3: [20, 22], 1e-2: [90, 91]},
            ["best", "overlaps", "behind"],
            "optimizer.learning_rate=0.001 has the best mean (21.0), but its seeds overlap with "
            "those of optimizer.learning_rate=0.0001. More seeds may tell them apart.",
        ),
        (
            {1e-4: [30], 1e-3: [20]},
            ["best", "one seed"],
            "one seed does not show a difference: repeat with seed=1,2,3.",
        ),
        ({1e-4: [30, 20, 25]}, ["best"], "3 seeds of the same settings: mean 25.0, from 20.0 to"),
    ],
)
def test_verdict(scored_run, workplace, scores, standings, words):
    found = facts(scored_run, workplace, scores)
    assert [group["standing"] for group in found["groups"]] == standings
    assert words in found["verdict"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data_sha256": "0" * 64}, "the runs are trained on different images"),
        ({"scored_by": {"features": "colour-1", "samples": 100}}, "the runs are scored by other"),
        ({"scored_by": {"features": "mnist-1", "samples": 7}}, "the runs are scored on other"),
    ],
)
def test_scores_that_cannot_be_compared_get_no_verdict(scored_run, workplace, change, reason):
    sweep = make_sweep(scored_run, workplace / "s", {1e-4: [30, 31], 1e-3: [20, 22]})
    path = sweep / "0" / "run.json"
    record = json.loads(path.read_text())
    for name in ("scored_by",) if "scored_by" in change else ():
        change = {
            name: record[name] | {k: v for k, v in change[name].items() if k == reason_key(reason)}
        }
    path.write_text(json.dumps(record | change))
    found = describe_sweep(sweep)
    assert reason in found["verdict"]
    assert found["effects"] == []
    assert {group["standing"] for group in found["groups"]} == {""}


def reason_key(reason: str) -> str:
    return "features" if "by other" in reason else "samples"


@pytest.mark.parametrize("damaged", ["0", "2", "3"])  # The best is 2.
def test_a_damaged_run_takes_no_part(dcgan, scored_run, workplace, damaged):
    sweep = make_sweep(scored_run, workplace / "s", {1e-4: [30, 31], 1e-3: [20, 22], 1e-2: [90]})
    (sweep / damaged / "run.json").write_text("{")
    found = describe_sweep(sweep)
    assert found["settings"] == ["seed", "optimizer.learning_rate"]
    assert len(found["groups"]) == 3
    assert damaged not in [name for group in found["groups"] for name in group["jobs"]]
    assert [effect["name"] for effect in found["effects"]] == ["optimizer.learning_rate", "seed"]
    last = found["jobs"][-1]
    assert (last["name"], last["state"], last["frechet_distance"]) == (damaged, "damaged", None)
    assert f"resume=s/{3 if damaged == '2' else 2} " in dcgan("inspect", "s").out
    assert dcgan("report", "s").code == 0


def test_links_out_of_a_run_are_not_followed(dcgan, scored_run, workplace):
    sweep = make_sweep(scored_run, workplace / "s", {1e-4: [30], 1e-3: [20]})
    newest = sweep / "1" / "samples" / "epoch_0003.png"
    newest.rename(workplace / "secret.png")
    newest.symlink_to(workplace / "secret.png")
    (sweep / "1" / "metrics.csv").rename(workplace / "secret.csv")
    (sweep / "1" / "metrics.csv").symlink_to(workplace / "secret.csv")
    found = describe_sweep(sweep)
    assert [(job["name"], job["state"]) for job in found["jobs"]] == [
        ("0", "finished"),
        ("1", "damaged"),
    ]
    assert "is a link" in found["jobs"][1]["reason"]
    assert found["jobs"][1]["last"]["generator_loss"] is None
    assert dcgan("report", "s").code == 0
    assert Path("s/report.html").read_text().count('alt="Grid of samples of') == 1


def test_a_report_may_be_a_link(dcgan, scored_run, workplace):
    """It is never read, and replaced."""
    copy_run(scored_run, workplace / "run", 5)
    (workplace / "kept.html").write_text("kept")
    (workplace / "run" / "report.html").symlink_to(workplace / "kept.html")
    assert dcgan("report", "run").code == 0
    assert (workplace / "kept.html").read_text() == "kept"
    assert "<html" in (workplace / "run" / "report.html").read_text()


def test_only_evaluations_of_one_kind_share_a_column(dcgan, scored_run, workplace):
    for name, samples, seed in (("a", 40, 0), ("b", 40, 0), ("c", 50, 0), ("d", 40, 7)):
        run = RunFolder(copy_run(scored_run, workplace / name, 5))
        figures = {"precision": {"value": 0.5, "floor": 0.75, "better": "higher"}}
        one = {"epoch": 3, "step": 12, "features": "mnist-1", "samples": samples}
        run.add_evaluations([one | {"first_seed": seed, "figures": figures}])
    (header, *rows) = csv.reader(io.StringIO(dcgan("inspect", "a", "b", "c", "d", "--csv").out))
    evaluated = {
        name: [row[header.index("name")] for row in rows if row[column]]
        for column, name in enumerate(header)
        if name.startswith("evaluate_")
    }
    assert evaluated == {
        "evaluate_precision (mnist-1, 40 images)": ["a", "b"],
        "evaluate_precision (mnist-1, 50 images)": ["c"],
        "evaluate_precision (mnist-1, 40 images, from seed 7)": ["d"],
    }
    assert dcgan("report", "a", "b", "c", "d").code == 0
    assert "evaluate precision (mnist-1, 50 images)" in Path("report.html").read_text()


def test_two_evaluations_at_once_lose_none(scored_run, workplace, monkeypatch):
    """Each is stopped between reading and writing, unless the other waits for it."""
    run = RunFolder(copy_run(scored_run, workplace / "run", 5))
    one = {"epoch": 3, "step": 12, "features": "x", "samples": 40, "figures": {}}
    read, both = folder.read_json, threading.Barrier(2)

    def slow(path):
        content = read(path) if path.exists() else {"evaluations": []}
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # Both are here, or the other waits for the lock.
        return content

    monkeypatch.setattr(folder, "read_json", slow)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda seed: run.add_evaluations([one | {"first_seed": seed}]), (1, 2)))
    assert sorted(found["first_seed"] for found in run.evaluations()) == [1, 2]


def test_a_figure_that_is_not_finite_loses_only_itself(dcgan, scored_run, workplace):
    run = RunFolder(copy_run(scored_run, workplace / "run", 5))
    figures = {
        "precision": {"value": 0.5, "floor": 0.75},
        "memorisation": {"value": float("nan"), "floor": float("inf")},
    }
    one = {"epoch": 3, "step": 12, "features": "x", "samples": 40, "first_seed": 0}
    run.add_evaluations([one | {"figures": figures}])
    (stored,) = run.evaluations()
    assert stored["figures"]["precision"]["value"] == 0.5
    assert stored["figures"]["memorisation"] == {"value": None, "floor": None}
    assert "NaN" not in run.evaluation_json.read_text()
    copy_run(scored_run, workplace / "other", 6)
    assert dcgan("report", "run").code == 0
    assert dcgan("report", "run", "other").code == 0
    assert dcgan("inspect", "run", "other", "--csv").code == 0


def test_rates_that_differ_look_different(dcgan, scored_run, workplace):
    make_sweep(scored_run, workplace / "s", {0.00012345671: [30], 0.00012345672: [20]})
    shown = dcgan("inspect", "s").out
    assert "0.00012345671" in shown
    assert "0.00012345672" in shown


def test_settings_that_only_show_a_run_do_not_tell_runs_apart(scored_run, workplace):
    shown = {"report": "live", "tracking": ["tensorboard"], "preview": "off", "resume": "x"}
    copy_run(scored_run, workplace / "s" / "0", 5)
    copy_run(scored_run, workplace / "s" / "1", 6, checkpoint_every=2, **shown)
    found = describe_sweep(workplace / "s")
    assert found["settings"] == ["checkpoint_every"]
    assert len(found["groups"]) == 1


def test_runs_are_each_compared_once_in_the_order_given(scored_run, workplace):
    make_sweep(scored_run, workplace / "s", {1e-3: [20, 22]})
    copy_run(scored_run, workplace / "a", 5)
    assert [str(path) for path in run_folders(["a", "s", "./a", "s/0"])] == ["a", "s/0", "s/1"]


def test_without_scores_no_run_is_best(finished_run, workplace):
    for name in ("0", "1"):
        shutil.copytree(finished_run, workplace / "s" / name)
    assert [group["standing"] for group in describe_sweep(workplace / "s")["groups"]] == [""]


def test_effects_have_the_seed_as_yardstick(scored_run, workplace):
    """By the definition: eta squared of the setting and of the seed add up to 1 here."""
    scores = {1e-4: [30, 34], 1e-3: [20, 22]}
    rate, seed = facts(scored_run, workplace, scores)["effects"]
    assert (rate["name"], seed["name"]) == ("optimizer.learning_rate", "seed")
    assert rate["difference"] == 32 - 21
    assert seed["difference"] == (4 + 2) / 2
    whole = np.var([30, 34, 20, 22])
    assert rate["share"] == pytest.approx(np.var([32, 21]) / whole)
    assert rate["share"] + seed["share"] == pytest.approx(1)
    assert rate["correlation"] is None


def test_a_setting_without_repeats_has_a_correlation_only(scored_run, workplace):
    found = facts(scored_run, workplace, {1e-4: [10], 1e-3: [20], 1e-2: [40], 1e-1: [30]})
    (rate,) = found["effects"]
    assert (rate["share"], rate["difference"]) == (None, None)
    assert rate["correlation"] == pytest.approx(0.8)


def test_inspect_prints_it(dcgan, scored_run, workplace):
    make_sweep(scored_run, workplace / "s", {1e-4: [30, 34], 1e-3: [20, 22]})
    shown = dcgan("inspect", "s").out
    assert "seeds together" in shown
    line = next(line for line in shown.splitlines() if "behind" in line)
    assert line.split() == ["0.0001", "2", "32.0", "30.0", "34.0", "behind"]
    assert "its worst seed (22.0) beats the best seed of the next" in shown
    assert "\\n" not in shown
    assert "share of the spread" in shown
    assert json.loads(dcgan("inspect", "s", "--json").out)["groups"][0]["mean"] == 21


def test_several_runs_are_compared(dcgan, scored_run, workplace):
    copy_run(scored_run, workplace / "a", 5, seed=1)
    make_sweep(scored_run, workplace / "s", {1e-3: [20, 22]})
    done = dcgan("inspect", "a", "s", "a", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["kind"] == "runs"
    assert [job["path"] for job in found["jobs"]] == ["a", "s/0", "s/1"]
    assert dcgan("inspect", "a", "s/0").out.splitlines()[0] == "2 runs"


def test_csv(dcgan, scored_run, workplace):
    make_sweep(scored_run, workplace / "s", {1e-4: [30, 34], 1e-3: [20, 22]})
    rows = list(csv.DictReader(io.StringIO(dcgan("inspect", "s", "--csv").out)))
    assert [row["name"] for row in rows] == ["2", "3", "0", "1"]
    assert rows[0]["optimizer.learning_rate"] == "0.001"
    assert float(rows[0]["frechet_distance"]) == 20
    assert 0 <= float(rows[0]["precision"]) <= 1


@pytest.mark.parametrize(
    ("words", "fragment"),
    [
        (["run", "--csv"], "a run's own is its metrics.csv"),
        (["s", "--curves"], "--curves draws the metrics of one run"),
        (["run", "--json", "--csv"], "give one"),
        (["run", "nowhere"], "nowhere is neither a run nor a sweep"),
    ],
)
def test_options_that_do_not_apply(dcgan, scored_run, workplace, words, fragment):
    copy_run(scored_run, workplace / "run", 5)
    make_sweep(scored_run, workplace / "s", {1e-3: [20]})
    done = dcgan("inspect", *words)
    assert (done.code in (2, 4), done.out, len(done.err.splitlines())) == (True, "", 1)
    assert fragment in done.err


def test_curves(dcgan, scored_run, workplace):
    copy_run(scored_run, workplace / "run", 5)
    shown = dcgan("inspect", "run", "--curves").out
    chart = shown.split("\n\n")[0].splitlines()
    assert chart[0].startswith("Fréchet distance")
    assert len(chart) == 12
    assert chart[1].split()[0] == "25"
    assert chart[10].split()[0] == "5"
    assert chart[-1].split() == ["epoch", "1", "3"]
    for title in ("generator loss", "precision", "images per second"):
        assert title in shown
