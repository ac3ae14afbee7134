"""Checkpoints: whole or not there, and never silently other than what was saved."""

import errno
import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from dcgan_cli import __version__
from dcgan_cli.core.runs import checkpoints
from dcgan_cli.core.runs.checkpoint_cache import CheckpointCache
from dcgan_cli.core.runs.checkpoints import (
    FORMAT_VERSION,
    Damaged,
    find,
    newest_intact,
    read,
    save,
)
from dcgan_cli.core.runs.progress import Progress
from dcgan_cli.core.runs.retention import prune, quarantine, quarantined_names
from dcgan_cli.errors import CheckpointError, DamagedError

PARTS = {
    "generator": {
        "dense/kernel": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32),
        "odd": np.array([np.nan, -0.0, np.inf, 1e-45], np.float32),
    },
    "optimizer": {"iterations": np.array(235), "empty": np.zeros((0, 2))},
}
PROGRESS = Progress(
    step=235,
    epoch=1,
    epoch_step=0,
    seconds=1.5,
    generator_loss_sum=0.1,
    discriminator_loss_sum=1 / 3,
)


def at(step: int, epoch: int = 0, epoch_step: int = 0) -> Progress:
    return Progress(step=step, epoch=epoch, epoch_step=epoch_step)


def same(left: np.ndarray, right: np.ndarray) -> bool:
    kinds = left.dtype == right.dtype and left.shape == right.shape
    return kinds and left.tobytes() == right.tobytes()


@pytest.fixture
def checkpoint(tmp_path):
    return save(tmp_path, PARTS, PROGRESS)


def edit_manifest(checkpoint, **changes):
    path = checkpoint.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_round_trip(checkpoint, tmp_path):
    (found,) = find(tmp_path)
    assert found == checkpoint
    assert found.progress == PROGRESS
    assert found.ends_epoch
    assert found.problems() == []
    assert found.path.name == "step_0000000235"
    for part, arrays in PARTS.items():
        loaded = found.load(part)
        assert loaded.keys() == arrays.keys()
        assert all(same(loaded[name], arrays[name]) for name in arrays)


shapes = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
kinds = st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_, np.float16])


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text("ab/_.0", min_size=1), arrays_of.arrays(kinds, shapes), max_size=3))
def test_any_arrays_come_back_bit_for_bit(tmp_path_factory, arrays):
    folder = tmp_path_factory.getbasetemp() / "bits"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    loaded = save(folder, {"part": arrays}, at(1)).load("part")
    assert loaded.keys() == arrays.keys()
    assert all(same(loaded[name], arrays[name]) for name in arrays)


def test_files_of_one_state_are_the_same_bytes(tmp_path):
    digests = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        digests.append(save(tmp_path / name, PARTS, PROGRESS).files)
    assert digests[0] == digests[1]


def test_newest_first_by_number(tmp_path):
    for step in (9, 100, 10, 10**10 + 1, 2):
        save(tmp_path, {}, at(step))
    assert [c.progress.step for c in find(tmp_path)] == [10**10 + 1, 100, 10, 9, 2]


def test_no_checkpoints(tmp_path):
    assert find(tmp_path) == []
    assert find(tmp_path / "nothing") == []


def test_unfinished_and_foreign_names_are_passed_over(checkpoint, tmp_path):
    shutil.copytree(checkpoint.path, tmp_path / ".step_0000000470.123.tmp")
    (tmp_path / "step_5").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert [c.path for c in find(tmp_path)] == [checkpoint.path]


def test_saving_leaves_nothing_else(checkpoint, tmp_path):
    assert os.listdir(tmp_path) == [checkpoint.path.name]
    assert sorted(os.listdir(checkpoint.path)) == sorted([*checkpoint.files, "manifest.json"])


def test_a_committed_checkpoint_is_never_written_over(checkpoint, tmp_path):
    with pytest.raises(OSError, match="step_0000000235"):
        save(tmp_path, {"generator": {"x": np.arange(3)}}, PROGRESS)
    assert os.listdir(tmp_path) == [checkpoint.path.name]
    assert find(tmp_path) == [checkpoint]
    assert checkpoint.problems() == []


def test_failing_to_save_leaves_what_was_there(checkpoint, tmp_path):
    for progress in (PROGRESS, at(470)):
        with pytest.raises(ValueError, match="Object arrays"):
            save(tmp_path, {"generator": {"x": np.array([{}], dtype=object)}}, progress)
        assert os.listdir(tmp_path) == [checkpoint.path.name]
        assert find(tmp_path)[0].problems() == []


@pytest.mark.parametrize("name", ["generator.npz", "optimizer.npz", "manifest.json"])
def test_a_changed_byte_is_noticed(checkpoint, tmp_path, name):
    path = checkpoint.path / name
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        for mask in (1, 4, 0x80):
            changed = bytearray(whole)
            changed[position] ^= mask
            path.write_bytes(changed)
            try:
                newest, damaged = newest_intact(tmp_path)
            except CheckpointError as error:  # One bit makes the format a newer one.
                assert "update dcgan" in str(error)  # noqa: PT017
                continue
            assert newest is None, (position, mask)
            assert name in damaged[0].problems()[0]
            if name != "manifest.json":
                with pytest.raises(DamagedError, match="use another checkpoint"):
                    checkpoint.load(path.stem)


@pytest.mark.parametrize("name", ["generator.npz", "optimizer.npz"])
@pytest.mark.parametrize("damage", [os.unlink, lambda path: os.truncate(path, 50)])
def test_missing_and_truncated_files(checkpoint, tmp_path, name, damage):
    damage(checkpoint.path / name)
    (found,) = find(tmp_path)
    (problem,) = found.problems()
    assert name in problem
    with pytest.raises(CheckpointError) as caught:
        found.load(name.removesuffix(".npz"))
    assert str(found.path) in str(caught.value)
    assert name in str(caught.value)


def test_part_that_was_never_saved(checkpoint):
    with pytest.raises(CheckpointError, match=r"discriminator\.npz is not in its manifest"):
        checkpoint.load("discriminator")


def test_missing_manifest(checkpoint, tmp_path):
    (checkpoint.path / "manifest.json").unlink()
    (found,) = find(tmp_path)
    assert isinstance(found, Damaged)
    assert found.problems() == ["manifest.json cannot be read (No such file or directory)"]
    with pytest.raises(DamagedError, match="step_0000000235: manifest"):
        read(checkpoint.path)


def test_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "step_0000000001").write_text("")
    (found,) = find(tmp_path)
    assert isinstance(found, Damaged)
    assert quarantine(found).name == "step_0000000001.damaged"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        "{}",
        '{"format_version": "1"}',
        '{"format_version": 1, "progress": {}}',
        '{"format_version": 1, "progress": {"stride": 1}, "files": {}}',
        '{"format_version": 1, "progress": {"step": "x"}, "files": {}}',
        '{"format_version": 1, "progress": {"step": 235, "epoch": null}, "files": {}}',
        '{"format_version": 1, "progress": {"step": 235}, "files": {"generator.npz": {}}}',
        '{"format_version": 1, "progress": {"step": 235}, "files": {"generator.npz": 1}}',
        '{"format_version": 1, "progress": {"step": 235}, "files": [1]}',
        '{"format_version": 1, "format_version": 1, "progress": {}, "files": {}, "sha256": ""}',
        "\xff\xfe",
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_nonsense_in_the_manifest_is_damage(checkpoint, tmp_path, text):
    (checkpoint.path / "manifest.json").write_bytes(text.encode("latin1"))
    (found,) = find(tmp_path)
    assert isinstance(found, Damaged)
    with pytest.raises(DamagedError) as caught:
        read(checkpoint.path)
    assert str(checkpoint.path) in str(caught.value)


def forged(path, **changes):
    """Write a manifest that has the right sha256 and states something else."""
    manifest = json.loads(path.read_text()) | changes
    del manifest["sha256"]
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(manifest | {"sha256": digest}))


@pytest.mark.parametrize(
    "changes",
    [
        {"progress": {"step": "x"}},
        {"progress": {"step": 235, "epoch": -1}},
        {"progress": {"step": 235, "stride": 1}},
        {"progress": {"step": 235, "epoch_step": 2**64}},
        {"progress": {"step": 235, "seconds": 10**400}},
        {"progress": {"step": 235, "seconds": float("nan")}},
        {"files": {"generator.npz": {"sha256": "", "bytes": 10**400}}},
        {"files": {"../../../x.npz": {"sha256": "", "bytes": 1}}},
        {"files": {"/etc/passwd": {"sha256": "", "bytes": 1}}},
        {"files": {"..": {"sha256": "", "bytes": 1}}},
        {"files": {"generator.npz": {"sha256": "", "bytes": "1"}}},
        {"files": {"generator.npz": {}}},
        {"files": [1]},
    ],
    ids=str,
)
def test_forged_manifest_is_damage(checkpoint, tmp_path, changes):
    forged(checkpoint.path / "manifest.json", **changes)
    (found,) = find(tmp_path)
    assert isinstance(found, Damaged)
    assert found.reasons[0].startswith("manifest.json is damaged")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE, errno.ESTALE])
@pytest.mark.parametrize("name", ["generator.npz", "manifest.json"])
def test_what_cannot_be_read_just_now_is_not_damage(
    checkpoint, tmp_path, monkeypatch, name, number
):
    """Else good checkpoints would be set aside because of a network disk that is away."""
    real = os.open

    def fail(path, *arguments, **options):
        if str(path).endswith(name):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr("os.open", fail)
    with pytest.raises(OSError, match=name) as caught:
        newest_intact(tmp_path)
    assert caught.value.errno == number


def test_prune_removes_a_file_in_place_of_a_folder(tmp_path):
    for epoch in (2, 3):
        save(tmp_path, {}, at(epoch * 10, epoch))
    (tmp_path / "step_0000000010").write_text("mine")
    prune(CheckpointCache(tmp_path), keep_every=5)
    assert sorted(os.listdir(tmp_path)) == ["step_0000000020", "step_0000000030"]


def test_manifest_of_another_step_is_noticed(checkpoint, tmp_path):
    edit_manifest(checkpoint, progress={"step": 234, "epoch": 1})
    assert isinstance(find(tmp_path)[0], Damaged)
    forged(checkpoint.path / "manifest.json")
    assert find(tmp_path)[0].problems() == ["manifest.json is damaged (its step is 234)"]


def test_newer_format_is_refused_with_both_versions(checkpoint, tmp_path):
    edit_manifest(checkpoint, format_version=FORMAT_VERSION + 1, dcgan_version="99.9")
    with pytest.raises(CheckpointError) as caught:
        find(tmp_path)
    for words in ("99.9", f"format {FORMAT_VERSION + 1}", __version__, f"format {FORMAT_VERSION}"):
        assert words in str(caught.value)


def test_prune_keeps_the_newest_and_the_multiples(tmp_path):
    for epoch in range(1, 8):
        save(tmp_path, {}, at(epoch * 10, epoch))
    save(tmp_path, {}, at(35, 3, 5))  # In the middle of an epoch, though after the third.
    save(tmp_path, {}, at(0))  # No epoch ends here.
    prune(CheckpointCache(tmp_path), keep_every=3)
    assert [c.progress.step for c in find(tmp_path)] == [70, 60, 30]
    assert len(os.listdir(tmp_path)) == 3


def test_prune_keeps_the_two_newest_wherever_they_are(tmp_path):
    for step, epoch, epoch_step in ((10, 1, 0), (12, 1, 2), (15, 1, 5)):
        save(tmp_path, {}, at(step, epoch, epoch_step))
    prune(CheckpointCache(tmp_path), keep_every=2)
    assert [c.progress.step for c in find(tmp_path)] == [15, 12]


@pytest.mark.parametrize("damaged", [[50], [40], [50, 40], [50, 30], [50, 40, 30, 20]])
def test_prune_never_removes_the_last_whole_ones(tmp_path, damaged):
    for epoch in range(1, 6):
        save(tmp_path, PARTS, at(epoch * 10, epoch))
    for step in damaged:
        os.truncate(tmp_path / f"step_{step:010d}" / "generator.npz", 50)
    prune(CheckpointCache(tmp_path), keep_every=100)
    kept = [c.progress.step for c in find(tmp_path) if not c.problems()]
    assert kept == [step for step in (50, 40, 30, 20, 10) if step not in damaged][:2]


def test_cache_hashes_changed_files_again(tmp_path, monkeypatch):
    cache = CheckpointCache(tmp_path)
    for epoch in (1, 2, 3):
        cache.add(save(tmp_path, PARTS, at(epoch * 10, epoch)))
    hashed = []
    real = checkpoints.Checkpoint.problems
    monkeypatch.setattr(
        checkpoints.Checkpoint,
        "problems",
        lambda one: hashed.append(one.progress.step) or real(one),
    )
    prune(cache, keep_every=1)
    assert hashed == []
    assert [one.progress.step for one in cache.find()] == [30, 20, 10]
    newest = tmp_path / "step_0000000030" / "generator.npz"
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    prune(cache, keep_every=100)
    assert [one.progress.step for one in cache.find()] == [30, 20, 10]
    assert cache.problems(cache.find()[0]) == ["generator.npz is damaged (sha256 differs)"]
    assert set(hashed) == {30}
    (tmp_path / "step_0000000020" / "manifest.json").write_text("{}")
    assert [one.path.name for one in cache.find() if isinstance(one, Damaged)] == [
        "step_0000000020"
    ]


def test_a_saved_checkpoint_keeps_its_progress(tmp_path):
    progress = at(10, 1)
    saved = save(tmp_path, PARTS, progress)
    progress.epoch_step = 3
    assert saved.ends_epoch
    assert saved == find(tmp_path)[0]


def test_cache_sees_checkpoints_that_others_saved(tmp_path):
    save(tmp_path, PARTS, at(10, 1))
    cache = CheckpointCache(tmp_path)
    cache.add(save(tmp_path, PARTS, at(20, 2)))
    assert [one.progress.step for one in cache.find()] == [20, 10]
    assert [cache.problems(one) for one in cache.find()] == [[], []]
    shutil.rmtree(tmp_path / "step_0000000020")
    assert [one.progress.step for one in cache.find()] == [10]


def test_damaged_ones_are_quarantined_under_names_of_their_own(tmp_path):
    for number in ("", "-2", "-3"):
        damaged = Damaged(save(tmp_path, {}, at(10, 1)).path, ["spoiled"])
        assert quarantine(damaged).name == f"step_0000000010.damaged{number}"
    assert find(tmp_path) == []
    assert len(quarantined_names(tmp_path)) == 3


def test_format_version_is_written(checkpoint):
    manifest = json.loads((checkpoint.path / "manifest.json").read_text())
    assert manifest["format_version"] == checkpoints.FORMAT_VERSION
    assert manifest["dcgan_version"] == __version__
    sizes = {name: (checkpoint.path / name).stat().st_size for name in checkpoint.files}
    assert {name: entry["bytes"] for name, entry in manifest["files"].items()} == sizes
