"""`dcgan report`: one file about a run or several, from real runs."""

import base64
import io
import json
import logging
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from dcgan_cli.commands import report as report_command
from dcgan_cli.core.data.load import load_training_images
from dcgan_cli.core.report import run_page
from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.runs.lock import hold
from dcgan_cli.core.sampling.pictures import open_png
from dcgan_cli.core.training.epoch_scores import EpochScores
from dcgan_cli.core.training.time_limit import TimeLimit
from dcgan_cli.errors import DataError
from tests.conftest import QUICK
from tests.core.report.pages import Page
from tests.sweep_folders import copy_run, make_sweep


def report(dcgan, *words) -> Page:
    done = dcgan("report", *words)
    assert done.code == 0, done.err
    page = Page(Path(done.out.strip()))
    page.check()
    return page


def copied(source: Path, name: str = "run") -> RunFolder:
    """Copy a run, without what other tests may have measured of it."""
    run = RunFolder(Path(shutil.copytree(source, name)))
    run.evaluation_json.unlink(missing_ok=True)
    return run


def pictures(page: Page, alt: str) -> list[Image.Image]:
    sources = [p["src"].partition(",")[2] for p in page.all("img") if p["alt"].startswith(alt)]
    return [Image.open(io.BytesIO(base64.b64decode(source))) for source in sources]


def test_report_of_a_run(dcgan, scored_run, workplace):
    run = copied(scored_run).path
    page = report(dcgan, "run")
    assert (run / "report.html").is_file()
    for heading in (
        "Samples by epoch",
        "Real and generated images",
        "How it went",
        "Health",
        "Is it copying?",
        "A walk through latent space",
        "Evaluation",
        "Settings, data and networks",
        "Where it comes from",
    ):
        assert heading in page.headings()
    grids = [p["alt"] for p in page.all("img") if p["alt"].startswith("Grid of samples, ")]
    assert grids == [f"Grid of samples, epoch {epoch}" for epoch in (1, 2, 3)]
    with Image.open(run / "samples" / "epoch_0003.png") as grid:
        (newest,) = pictures(page, "Grid of samples of the last epoch")
        enlarged = newest.convert("L").resize(grid.size, Image.Resampling.NEAREST)
        assert enlarged.tobytes() == grid.tobytes()
    assert len(pictures(page, "Grid of training images")) == 1
    assert len(pictures(page, "The training image nearest to sample")) == 8
    assert len(pictures(page, "Grid of a walk")) == 36
    charts = [chart["aria-label"] for chart in page.all("svg")]
    rows = RunFolder(run).metrics()
    assert any(f"to {rows[-1]['frechet_distance']:.4g} in epoch 3" in alt for alt in charts)
    baseline = RunFolder(run).real_figures()["figures"]["frechet_distance"]
    assert f"real images {baseline:.4g}" in page.text
    assert "model.units 8 1024" in page.text
    assert "dcgan animate --run run --walk" in page.text
    assert "dcgan train data.path=" in page.text
    assert not [m for m in page.all("meta") if m.get("http-equiv") == "refresh"]


def test_the_nearest_training_image_is_the_nearest(dcgan, scored_run, workplace):
    """Samples that are training images are found, at no distance."""
    from dcgan_cli.core.report.drawing import _nearest

    data = load_training_images(RunFolder(scored_run).config().data)
    found = _nearest(data.images[[3, 14, 15]], data)
    assert (found.neighbours == data.images[[3, 14, 15]]).all()
    assert max(found.distances) < 1e-3 < found.usual
    assert (found.searched, found.images) == (200, 200)


def test_report_of_a_conditional_run_with_an_evaluation(dcgan, conditional_run, workplace):
    run = copied(conditional_run)
    run.update({"class_names": [f"kind {number}" for number in range(10)]})
    assert dcgan("evaluate", "run", "--n", "40", "--features", "mnist").code == 0
    (evaluation,) = run.evaluations()
    page = report(dcgan, "run", "--out", "pages/of_run.html")
    assert Path("pages/of_run.html").is_file()
    assert len(pictures(page, "Samples of class kind ")) == 10
    value = evaluation["figures"]["kernel_distance"]["value"]
    assert f"{value:.4g}" in page.text
    assert "share of the generated images" in page.text
    for _ in range(2):  # The same measurement again replaces the first.
        assert dcgan("evaluate", "run", "--n", "40", "--features", "mnist").code == 0
    assert len(run.evaluations()) == 1


def test_figures_of_classes_are_sorted_as_numbers(dcgan, conditional_run, workplace):
    run = copied(conditional_run)
    one = {"epoch": 3, "step": 12, "features": "x", "samples": 40, "first_seed": 0, "figures": {}}
    one["class_names"] = list("abc")
    run.add_evaluations([one | {"by_class": {"distance": [1234.0, 999.5, None]}}])
    html = report(dcgan, "run").html
    assert '<td class="n" data-value="1234.0">1,234</td>' in html
    assert '<td class="n" data-value="">-</td>' in html


def test_matplotlib_keeps_its_log(dcgan, scored_run, workplace):
    logger = logging.getLogger("matplotlib")
    before = logger.level
    report(dcgan, str(copied(scored_run).path))
    assert logger.level == before


def test_evaluations_of_epochs_that_are_trained_again_are_dropped(dcgan, scored_run, workplace):
    run = copied(scored_run)
    assert dcgan("evaluate", "run", "--epoch", "all", "--n", "40").code == 0
    assert [one["epoch"] for one in run.evaluations()] == [1, 2, 3]
    shutil.rmtree(run.checkpoints / "step_0000000012")
    assert dcgan("train", "resume=run").code == 0
    assert [one["epoch"] for one in run.evaluations()] == [1, 2]


def test_a_run_from_before_it_stored_real_images(dcgan, finished_run, workplace):
    """And whose images, checkpoints and grids are gone: all that is missing is said."""
    run = copied(finished_run)
    run.real_png.unlink()
    page = report(dcgan, "run")
    assert len(pictures(page, "Grid of training images")) == 1  # From the data.
    record = json.loads(run.run_json.read_text())
    record["config"]["data"]["path"] = str(workplace / "gone.npz")
    run.run_json.write_text(json.dumps(record))
    page = report(dcgan, "run")
    assert "Real images are not here" in page.text
    assert "Not compared: " in page.text
    assert len(pictures(page, "Grid of a walk")) == 36
    shutil.rmtree(run.checkpoints)
    shutil.rmtree(run.samples)
    run.metrics_csv.unlink()
    page = report(dcgan, "run")
    for words in ("no grids yet", "No epoch has finished yet", "Not drawn: ", "Not evaluated yet"):
        assert words in page.text


def test_report_of_a_sweep(dcgan, scored_run, workplace):
    make_sweep(scored_run, workplace / "s", {1e-4: [30, 34], 1e-3: [20, 22]})
    failed = RunFolder(workplace / "s" / "9")
    failed.path.mkdir()
    failed.write_status("failed", reason="ended with exit code 2", words=["seed=9"])
    page = report(dcgan, "s")
    assert Path("s/report.html").is_file()
    assert "its worst seed (22.0) beats the best seed of the next" in page.text
    assert "seed (yardstick)" in page.text
    assert "9: ended with exit code 2" in page.text
    assert len(pictures(page, "Grid of samples of ")) == 4
    charts = [chart["aria-label"] for chart in page.all("svg")]
    assert "Score by epoch, one line for each run" in charts
    assert "Score of each run over optimizer.learning_rate" in charts


def test_report_of_several_runs(dcgan, scored_run, workplace):
    copy_run(scored_run, workplace / "a", 5, seed=1)
    copy_run(scored_run, workplace / "b", 7, batch_size=32)
    page = report(dcgan, "a", "b")
    assert Path("report.html").is_file()
    assert "batch_size=" in page.text
    assert len(pictures(page, "Grid of samples of ")) == 2


def test_report_of_the_bundled_generator(dcgan, workplace):
    page = report(dcgan)
    assert Path("report.html").is_file()
    assert "bundled generator" in page.text
    assert len(pictures(page, "Samples of class ")) == 10


def test_a_page_with_the_generator_is_linked_to(dcgan, scored_run, workplace):
    run = copied(scored_run).path
    assert not [a for a in report(dcgan, "run").all("a") if a["href"].endswith(".html")]
    (run / "generator.html").write_text("")
    links = [a["href"] for a in report(dcgan, "run").all("a")]
    assert "generator.html" in links


@pytest.mark.parametrize(
    ("words", "code", "fragment"),
    [
        (["nowhere"], 4, "nowhere"),
        (["--out", "x.txt"], 2, "must end in .html"),
        (["nowhere", "elsewhere"], 4, "nowhere is neither a run nor a sweep"),
    ],
)
def test_mistakes(dcgan, workplace, words, code, fragment):
    done = dcgan("report", *words)
    assert (done.code, done.out, len(done.err.splitlines())) == (code, "", 1), done.err
    assert fragment in done.err
    assert not list(workplace.iterdir())


def test_without_the_extra(dcgan, workplace, monkeypatch):
    monkeypatch.setattr(report_command, "NEEDED", ("no_such_library",))
    for words in (["report"], ["train", *QUICK, "report=true"]):
        done = dcgan(*words)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert "a report needs no_such_library: pip install 'dcgan-cli[report]'" in done.err
        assert not list(workplace.iterdir())


def test_at_the_end_of_a_run(dcgan, workplace):
    assert dcgan("train", *QUICK, "epochs=1", "report=true", "hydra.run.dir=run").code == 0
    page = Page(Path("run/report.html"))
    page.check()
    assert "finished, epoch 1 of 1" in page.text
    assert len(pictures(page, "Grid of a walk")) == 36
    assert dcgan("train", "resume=run", "epochs=2", "report=false").code == 0
    assert "finished, epoch 1 of 1" in Page(Path("run/report.html")).text
    assert "the report of a run" in dcgan("inspect", "run/report.html").out


def test_live(dcgan, workplace, monkeypatch):
    """A page before the first epoch, after each, and at the end, when it stops reading itself."""
    written = []
    write = report_command._write

    def watched(out, page):
        write(out, page)
        written.append(Page(out))

    monkeypatch.setattr(report_command, "_write", watched)
    words = [*QUICK, "evaluate_every=1", "epochs=2", "report=live", "hydra.run.dir=run"]
    assert dcgan("train", *words).code == 0
    refreshing = [
        any(m.get("http-equiv") == "refresh" for m in page.all("meta")) for page in written
    ]
    assert refreshing == [True, True, True, False]
    counts = [len(pictures(page, "Grid of samples, ")) for page in written]
    assert counts == [0, 1, 2, 2]
    said = [page.text.partition(" status ")[2].partition(" best")[0] for page in written]
    assert [text.partition(" data ")[0] for text in said] == [
        "running, epoch 0 of 2",
        "running, epoch 1 of 2",
        "running, epoch 2 of 2",
        "finished, epoch 2 of 2",
    ]
    assert ["resume=run" in page.text for page in written] == [False, False, False, True]
    assert dcgan("train", "resume=run", "epochs=3").code == 0
    assert "running, epoch 2 of 3" in written[4].text  # Not "finished", as it had been.


def test_live_encodes_each_grid_once(dcgan, workplace, monkeypatch):
    opened = []
    monkeypatch.setattr(
        run_page, "open_png", lambda path: (opened.append(path.name), open_png(path))[1]
    )
    assert dcgan("train", *QUICK, "epochs=3", "report=live", "hydra.run.dir=run").code == 0
    assert opened == [f"epoch_000{epoch}.png" for epoch in (1, 2, 3)]


def test_live_reads_the_status_of_its_epoch(dcgan, workplace, monkeypatch):
    """A finding of an epoch is on its page, whose time is no time of a step."""
    order = []
    write, ended = report_command.LiveReport.write, TimeLimit.ended_epoch

    def watched(self, *words, **options):
        order.append(self.run.status().get("epoch"))
        write(self, *words, **options)

    def watched_end(self, *words, **options):
        order.append("ended")
        ended(self, *words, **options)

    monkeypatch.setattr(report_command.LiveReport, "write", watched)
    monkeypatch.setattr(TimeLimit, "ended_epoch", watched_end)
    assert dcgan("train", *QUICK, "epochs=2", "report=live", "hydra.run.dir=run").code == 0
    assert order == [None, 1, "ended", 2, "ended", 2]


@pytest.mark.parametrize("error", [DataError("gone"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_live_stops_reading_itself_after_an_error(dcgan, workplace, monkeypatch, error):
    def fail(self, rows):
        raise error

    monkeypatch.setattr(EpochScores, "check_health", fail)
    words = [*QUICK, "epochs=2", "report=live", "hydra.run.dir=run"]
    assert dcgan("train", *words).code != 0
    page = Page(Path("run/report.html"))
    assert not [m for m in page.all("meta") if m.get("http-equiv") == "refresh"]
    assert "the run has stopped" in page.text
    assert "resume=run" in page.text


@pytest.mark.parametrize("report", ["true", "live"])
@pytest.mark.parametrize(
    ("module", "name", "error", "said"),
    [
        (report_command, "_write", OSError(28, os.strerror(28)), f"[Errno 28] {os.strerror(28)}"),
        (run_page, "run_page", KeyError("x"), "KeyError: 'x'"),
        (report_command, "_draw", AttributeError("x"), "AttributeError: x"),
        (report_command, "_import_matplotlib", ImportError("x"), "ImportError: x"),
    ],
)
def test_a_report_that_fails_ends_no_training(
    dcgan, workplace, monkeypatch, module, name, error, said, report
):
    def fail(*_words, **_options):
        raise error

    monkeypatch.setattr(module, name, fail)
    done = dcgan("train", *QUICK, "epochs=1", f"report={report}", "hydra.run.dir=run")
    assert done.code == 0
    assert f"warning: no report: {said}" in done.err
    assert RunFolder(workplace / "run").status()["state"] == "finished"


def test_a_report_that_fails_hides_no_error_of_the_training(dcgan, workplace, monkeypatch):
    def fail(*_words, **_options):
        raise KeyError("x")

    def end(self, rows):
        raise DataError("gone")

    monkeypatch.setattr(run_page, "run_page", fail)
    monkeypatch.setattr(EpochScores, "check_health", end)
    done = dcgan("train", *QUICK, "epochs=1", "report=live", "hydra.run.dir=run")
    assert done.code == DataError.exit_code
    assert "gone" in done.err


def test_the_commands_fit_the_run(dcgan, finished_run, scored_run, workplace):
    """As those of `dcgan inspect`: for a run that stopped early, has no scores, or trains."""
    run = copied(finished_run)
    text = report(dcgan, "run").text
    assert "resume=run epochs=6" in text
    assert "--epoch best" not in text  # Its checkpoints have no scores.
    assert "--run scored --epoch best" in report(dcgan, str(copied(scored_run, "scored").path)).text
    run.write_status("finished", epoch=2, epochs=3, reason="no improvement for 1 epochs")
    assert "resume=run patience=null" in report(dcgan, "run").text
    run.write_status("running", epoch=2, epochs=3)
    with hold(run):
        assert "resume=run" not in report(dcgan, "run").text
    assert "resume=run" in report(dcgan, "run").text


def test_the_grid_of_real_images_is_the_same_if_none_was_stored(dcgan, conditional_run, workplace):
    """Its columns are classes, as in the grids of samples."""
    run = copied(conditional_run)
    (stored,) = pictures(report(dcgan, "run"), "Grid of training images")
    run.real_png.unlink()
    (drawn,) = pictures(report(dcgan, "run"), "Grid of training images")
    assert drawn.tobytes() == stored.tobytes()
