"""The run folder: what is written comes back, and what is damaged is said so."""

import dataclasses
import json
import os
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from dcgan_cli import __version__
from dcgan_cli.core.runs.find import BUNDLED, newest_run, open_run, point_latest_to, run_to_read
from dcgan_cli.core.runs.folder import FORMAT_VERSION, RunFolder
from dcgan_cli.core.runs.metrics import LOSS_COLUMNS, METRICS_COLUMNS, WHOLE_NUMBERS
from dcgan_cli.errors import CheckpointError, ConfigError
from dcgan_cli.hints import message_with_hint, resume_command, run_word
from dcgan_cli.settings.schema import OptimizerConfig, TrainConfig

CONFIG = TrainConfig(epochs=3, optimizer=OptimizerConfig(learning_rate=0.1), resume="é")
ROWS = [
    dict(
        zip(
            METRICS_COLUMNS,
            (epoch, 235 * epoch, 1 / 3, 1e4, 0.7, 1.3, 12.5, 0.9, 1, 0, 0.5, 0.6, 0.4),
            strict=True,
        )
    )
    for epoch in (1, 2)
]


@pytest.fixture(autouse=True)
def current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(current_folder) -> RunFolder:
    return begin("here")


def begin(path, **facts) -> RunFolder:
    run = RunFolder(Path(path))
    run.create(dataclasses.asdict(CONFIG), {"precision": "float32", "data_sha256": "0"} | facts)
    return run


def test_create(current_folder):
    run = begin("a/b", data_sha256="abc")
    assert run.exists()
    assert run.samples.is_dir()
    assert run.checkpoints.is_dir()
    record = run.record()
    assert record["format_version"] == FORMAT_VERSION
    assert record["dcgan_version"] == __version__
    assert record["data_sha256"] == "abc"
    assert run.config() == CONFIG


def test_a_folder_holds_one_run(run):
    before = (run.path / "run.json").read_bytes()
    with pytest.raises(ConfigError) as caught:
        run.create({}, {})
    assert "here already contains a run" in str(caught.value)
    assert message_with_hint(caught.value).endswith(f"or resume with: {resume_command(run.path)}")
    assert (run.path / "run.json").read_bytes() == before


def test_a_folder_with_other_things_is_no_run(current_folder):
    (current_folder / "a").mkdir()
    (current_folder / "a" / "train.log").write_text("")
    assert not RunFolder(current_folder / "a").exists()
    begin("a")


def test_update_keeps_the_rest(run):
    run.update({"generator": 3})
    assert run.record()["generator"] == 3
    assert run.config() == CONFIG


def test_settings_missing_from_an_older_run_take_their_defaults(run):
    run.update({"config": {"epochs": 7}})
    assert run.config() == TrainConfig(epochs=7)


class TestDamagedRecord:
    def refusal(self, run) -> str:
        with pytest.raises(CheckpointError) as caught:
            run.config()
        assert str(run.path) in str(caught.value)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_missing(self, current_folder):
        assert "not a run folder" in self.refusal(RunFolder(current_folder / "nothing"))

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'{"format_version": "1"}'],
        ids=repr,
    )
    def test_not_a_record(self, run, content):
        (run.path / "run.json").write_bytes(content)
        assert "damaged" in self.refusal(run)

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"epochs": -1}, "epochs must be"),
            ({"epohcs": 1}, "unknown key epohcs"),
            ({"data": 1}, "data must be a group"),
            ({"optimizer": {"epsilon": 10**400}}, "optimizer.epsilon must be"),
            ([], ""),
            (None, ""),
        ],
        ids=lambda value: str(value)[:24],
    )
    def test_settings_out_of_range(self, run, config, message):
        run.update({"config": config})
        assert message in self.refusal(run)

    def test_newer_format(self, run):
        run.update({"format_version": FORMAT_VERSION + 1, "dcgan_version": "99.9"})
        message = self.refusal(run)
        for words in ("99.9", f"format {FORMAT_VERSION + 1}", __version__):
            assert words in message


class TestStatus:
    def test_round_trip(self, run):
        run.write_status("running", epoch=1)
        run.write_status("failed", epoch=2, reason="disk full")
        status = run.status()
        assert status.pop("updated")
        assert status == {"state": "failed", "epoch": 2, "reason": "disk full"}

    @pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"1", b"{", b"\xff", b"[[1, 2]]"])
    def test_unreadable_is_unknown(self, run, content):
        assert run.status() == {"state": "unknown"}
        (run.path / "status.json").write_bytes(content)
        assert run.status()["state"] == "unknown"


class TestMetrics:
    def test_round_trip(self, run):
        assert run.metrics() == []
        for rows in (ROWS[:1], ROWS):
            run.write_metrics(rows)
            assert run.metrics() == rows
        assert [type(run.metrics()[0][name]) for name in WHOLE_NUMBERS] == [int] * 3

    def test_columns_are_the_documented_ones(self, run):
        run.write_metrics(ROWS)
        first, second = (run.path / "metrics.csv").read_text().splitlines()[:2]
        assert first == (
            "epoch,step,seconds,images_per_second,generator_loss,discriminator_loss,"
            "frechet_distance,diversity,contrast,missing_classes,nearest,precision,recall"
        )
        assert second == f"1,235,{1 / 3},10000.0,0.7,1.3,12.5,0.9,1,0,0.5,0.6,0.4"

    def test_an_epoch_without_a_score_and_a_file_without_scores(self, run):
        unscored = {name: ROWS[0][name] for name in LOSS_COLUMNS}
        run.write_metrics([unscored, ROWS[1]])
        assert run.metrics() == [unscored, ROWS[1]]
        path = run.path / "metrics.csv"
        lines = [",".join(line.split(",")[:6]) for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines) + "\n")
        assert [set(row) for row in run.metrics()] == [set(LOSS_COLUMNS)] * 2

    def test_a_file_from_before_precision_and_recall(self, run):
        run.write_metrics(ROWS)
        path = run.path / "metrics.csv"
        lines = [line.rpartition(",")[0].rpartition(",")[0] for line in path.read_text().split()]
        path.write_text("\n".join(lines) + "\n")
        older = [{k: v for k, v in r.items() if k not in ("precision", "recall")} for r in ROWS]
        assert run.metrics() == older

    def test_a_part_of_a_score_is_none(self, run):
        run.write_metrics([{name: ROWS[0][name] for name in [*LOSS_COLUMNS, "frechet_distance"]}])
        assert run.metrics() == [{name: ROWS[0][name] for name in LOSS_COLUMNS}]

    def test_large_losses_are_kept(self, run):
        rows = [ROWS[0] | {"generator_loss": 3e38, "discriminator_loss": -1e15}]
        run.write_metrics(rows)
        assert run.metrics() == rows
        run.write_metrics([ROWS[0] | {"generator_loss": 1e40}])
        assert run.metrics() == []

    @pytest.mark.parametrize("lost", range(2, 20, 3))
    def test_torn_last_line_is_passed_over(self, run, lost):
        run.write_metrics(ROWS)
        path = run.path / "metrics.csv"
        path.write_bytes(path.read_bytes()[:-lost])
        assert run.metrics() == ROWS[:1]

    @pytest.mark.parametrize(
        "content",
        [
            b"\xff\xfe",
            b"a,b\n1,2\n",
            b"epoch,step\nnan,1\n",
            b"epoch,step\n1,inf\n",
            b"epoch,step\n\0,1\n",
            b'epoch,step\n"' + b"a" * 200_000,
        ],
        ids=lambda content: repr(content[:20]),
    )
    def test_a_file_of_another_kind_is_no_metrics(self, run, content):
        (run.path / "metrics.csv").write_bytes(content)
        assert run.metrics() == []


class TestFrames:
    def test_in_order_of_epoch(self, run):
        for epoch in (10, 9, 12345, 1):
            run.frame(epoch).write_bytes(b"")
        assert run.frames() == [(epoch, run.frame(epoch)) for epoch in (1, 9, 10, 12345)]

    def test_foreign_files_are_passed_over(self, run):
        names = ["epoch_1.png", "epoch_0001.png.tmp", ".epoch_0001.png.7.tmp", "epoch_0001.jpg"]
        for name in [*names, "grid.png", "epoch_000x.png", "my_epoch_0001.png"]:
            (run.samples / name).write_bytes(b"")
        assert run.frames() == []

    def test_none(self, current_folder):
        assert RunFolder(current_folder / "nothing").frames() == []


class TestNewest:
    def test_none(self):
        assert newest_run() is None
        with pytest.raises(CheckpointError, match="no run in"):
            open_run("latest")
        assert run_to_read(None) == run_to_read("bundled") == BUNDLED

    def test_none_that_can_be_read(self, current_folder):
        begin("runs/a")
        Path("runs/a/run.json").write_text("spoiled")
        with pytest.raises(CheckpointError) as caught:
            run_to_read(None)
        assert "dcgan inspect runs/a" in message_with_hint(caught.value)

    def test_a_run_called_bundled(self, current_folder):
        run = begin("bundled")
        with pytest.raises(CheckpointError, match=r"give \./bundled"):
            run_to_read("bundled")
        assert run_to_read("./bundled").config() == run.config()
        assert run_word(run.path) == "./bundled"

    def test_link(self, current_folder):
        first, second = begin("runs/b"), begin("runs/a")
        for run in (second, first):
            point_latest_to(run)
            assert newest_run() == run_to_read(None) == open_run("latest") == run
        assert sorted(os.listdir("runs")) == ["a", "b", "latest"]
        assert os.readlink("runs/latest") == "b"

    def test_link_to_a_run_elsewhere(self, current_folder):
        elsewhere = begin("experiments/deep/run 1")
        point_latest_to(elsewhere)
        assert newest_run() == elsewhere

    def test_link_is_relative_so_that_the_folder_may_move(self, current_folder, monkeypatch):
        (current_folder / "here").mkdir()
        monkeypatch.chdir(current_folder / "here")
        point_latest_to(begin("runs/a"))
        os.rename(current_folder / "here", current_folder / "there")
        monkeypatch.chdir(current_folder / "there")
        assert newest_run().config() == CONFIG

    @pytest.mark.parametrize("dangling", [True, False])
    def test_without_a_link_the_last_created_counts(self, current_folder, dangling):
        for name, created in (("b", "2025-01-02"), ("a/1", "2025-01-03"), ("c", "2025-01-01")):
            begin(f"runs/{name}", created=created)
        if dangling:
            os.symlink("gone", "runs/latest")
        assert newest_run().path.as_posix() == "runs/a/1"

    def test_of_runs_created_in_the_same_second_the_later_name_counts(self):
        for name in ("01-000001", "01-000003", "01-000002"):
            begin(f"runs/{name}", created="2025-01-02T03:04:05+0000")
        assert newest_run().path.name == "01-000003"

    def test_a_run_without_a_time_is_not_the_newest(self):
        for name, created in (("a", "2025-01-01"), ("b", None), ("c", 9999)):
            begin(f"runs/{name}", created=created)
        assert newest_run().path.name == "a"

    def test_a_damaged_run_hides_no_other(self):
        begin("runs/a", created="2025-01-01")
        damaged = begin("runs/b", created="2025-01-02")
        (damaged.path / "run.json").write_text("{")
        assert newest_run().path.name == "a"


class TestOpen:
    def test_by_folder(self, run):
        assert open_run("here") == run
        assert open_run(str(run.path.absolute())).config() == CONFIG

    @pytest.mark.parametrize("name", ["", "nothing", ".", "runs/nothing"])
    def test_not_a_run(self, run, name):
        with pytest.raises(CheckpointError, match="not a run folder"):
            open_run(name)


ODD_NAMES = [
    "plain",
    "with space",
    " lead",
    "don't",
    'say "hi"',
    "é日本",
    "[1,2]",
    "{a}",
    "-dash",
    "--run",
    "a=b",
    "$HOME",
    "`id`",
    "!x",
    "back\\slash",
    "null",
    "12",
    ".5",
    "a,b",
    "~",
    "#1",
    "a\nb",
    "latest",
]


@pytest.mark.parametrize("name", ODD_NAMES)
class TestCommandsToPaste:
    def test_resume_command_names_this_run(self, current_folder, name):
        run = begin(name)
        dcgan, train, word = shlex.split(resume_command(run.path))
        assert (dcgan, train) == ("dcgan", "train")
        override = OverridesParser.create().parse_override(word)
        assert override.key_or_group == "resume"
        assert isinstance(override.value(), str)
        assert open_run(override.value()).path.resolve() == run.path.resolve()

    def test_argument_names_this_run(self, current_folder, name):
        run = begin(name)
        (value,) = shlex.split(run_word(run.path))
        assert open_run(value).path.resolve() == run.path.resolve()


def test_paths_are_shown_relative_only_below_the_current_folder(run, monkeypatch):
    absolute = RunFolder(run.path.absolute())
    assert resume_command(absolute.path) == "dcgan train resume=here"
    monkeypatch.chdir(run.samples)
    assert shlex.split(run_word(absolute.path)) == [str(run.path.parent / absolute.path)]


def test_record_is_indented_json(run):
    text = (run.path / "run.json").read_text()
    assert json.loads(text)["config"]["epochs"] == 3
    assert text.count("\n") > 10
