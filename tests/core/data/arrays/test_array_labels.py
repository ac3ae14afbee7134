"""Common formats of labels."""

import numpy as np
import pytest

from dcgan_cli.core.data.arrays.labels import LabelError, find_classes, plain_labels
from dcgan_cli.core.runs.find import open_run
from dcgan_cli.core.sampling.pictures import facts_in, open_png
from tests.conftest import BRIEF, SMALL_NETWORKS
from tests.core.data.arrays.test_array_forms import RGB, read

TEN = np.arange(40) % 10
ONE_HOT = np.eye(10)[TEN]
FORMS = {
    "integers": TEN,
    "bytes": TEN.astype(np.uint8),
    "big-endian": TEN.astype(">i4"),
    "column": TEN[:, np.newaxis],
    "row": TEN[np.newaxis],
    "whole floats": TEN.astype(np.float32),
    "numbers as text": TEN.astype(str),
    "numbers as bytes": TEN.astype("S2"),
    "one-hot": ONE_HOT,
    "one-hot of bool": ONE_HOT.astype(bool),
    "one-hot of uint8": ONE_HOT.astype(np.uint8),
}


@pytest.mark.parametrize("labels", FORMS.values(), ids=FORMS)
def test_integers_from_0(tmp_path, labels):
    data = read(tmp_path, images=RGB, labels=labels)
    assert data.labels.tolist() == TEN.tolist()
    assert data.labels.dtype.isnative
    assert data.class_names == ()
    assert data.count_classes() == 10
    assert data.notes == ()
    assert data.digest(with_labels=True) == read(tmp_path, x=RGB, y=TEN).digest(with_labels=True)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1, 2, 3, 4], ["1", "2", "3", "4"]),
        ([0, 2, 5, 9], ["0", "2", "5", "9"]),
        ([-1, 1, 10, 2], ["-1", "1", "2", "10"]),
        ([1.0, 2.0, 4.0, 7.0], ["1", "2", "4", "7"]),
        (["10", "9", "8", "1"], ["1", "8", "9", "10"]),
        ([10**9, 5, 6, 7], ["5", "6", "7", "1000000000"]),
        (["dog", "cat", "Ärger", "a b"], ["a b", "cat", "dog", "Ärger"]),
        ([b"dog", b"cat", b"owl", "é".encode()], ["cat", "dog", "owl", "é"]),
        (["01", "1", "2", "x"], ["01", "1", "2", "x"]),
    ],
)
def test_labels_as_names(tmp_path, values, names):
    data = read(tmp_path, x_train=RGB, y_train=np.array(values * 10))
    assert list(data.class_names) == names
    told = [v.decode() if isinstance(v, bytes) else str(v).removesuffix(".0") for v in values]
    assert [data.class_names[label] for label in data.labels[:4]] == told
    assert data.count_classes() == 4


@pytest.mark.parametrize(
    ("values", "classes", "names"),
    [
        ([1, 2, 3], 4, ()),  # Class numbers, as in runs from before labels could be names.
        ([0, 2, 5], 6, ()),
        ([1, 2, 3], 3, ("1", "2", "3")),
        ([0, 2, 5], 3, ("0", "2", "5")),
        ([0, 2, 5], 4, ()),  # An error in conditional training.
        ([0, 1], 10, ()),
    ],
)
def test_number_of_classes_decides_about_names(tmp_path, values, classes, names):
    labels = np.resize(values, 40)
    data = read(tmp_path, x_train=RGB, y_train=labels, classes=classes)
    assert data.class_names == names
    if not names:
        assert (data.labels == labels).all()


UNUSABLE = {
    "labels is float64 [40] and contains 0.5, which is not an integer": TEN + 0.5,
    "labels is float64 [40] and contains nan, which is not an integer": np.full(40, np.nan),
    "labels is float64 [40, 10], which is neither one label per image nor": ONE_HOT * 0.9,
    "labels is float64 [40, 5], which is neither": np.ones((40, 5)),
    "labels is int64 [39] for 40 images": TEN[:39],
    "labels is int64 [] for 40 images": np.array(3),
    "labels is uint8 [40, 32, 32, 3], more than one label": RGB,
    "labels is datetime64[s] [40], which is neither numbers nor words": np.zeros(40, "M8[s]"),
    "labels contains pickled objects, which are not supported": np.array(
        [None, {}] * 20, dtype=object
    ),
}


@pytest.mark.parametrize(("problem", "labels"), UNUSABLE.items(), ids=UNUSABLE)
def test_unusable_labels_are_dropped(tmp_path, problem, labels):
    data = read(tmp_path, x_train=RGB, labels=labels)
    assert data.labels is None
    assert data.labels_problem.startswith(problem)
    assert data.notes == (f"labels    not used: {data.labels_problem}",)


def test_ambiguous_labels(tmp_path):
    data = read(tmp_path, data=RGB, coarse_labels=TEN, fine_labels=TEN, label_names=np.arange(3))
    assert data.labels_problem == "coarse_labels, fine_labels may all be the labels"


def test_class_names_are_not_labels(tmp_path):
    data = read(tmp_path, data=RGB, labels=TEN, label_names=np.array(list("abcdefghij")))
    assert (data.labels == TEN).all()


def test_too_many_classes():
    labels = plain_labels("y", np.arange(70_000) * 2, 70_000)
    with pytest.raises(LabelError, match="y has 70,000 different labels"):
        find_classes("y", labels, 0)


SMALL = ["data=npz", "data.path=x.npz", "data.image_size=32", *BRIEF, *SMALL_NETWORKS, "epochs=1"]


def test_labels_as_words_from_training_to_sampling(dcgan, workplace):
    np.savez("x.npz", images=RGB, labels=np.array(["dog", "cat"] * 20))
    done = dcgan("train", *SMALL, "model.conditional=true", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert "classes   2: cat, dog\n" in done.err
    assert open_run("run").record()["class_names"] == ["cat", "dog"]
    assert dcgan("sample", "--run", "run", "--class", "dog", "--n", "2", "--out", "x.png").code == 0
    assert facts_in(open_png(workplace / "x.png"))["class"] == 1
    assert dcgan("train", "resume=run").code == 0


def test_labels_from_1_keep_their_numbers(dcgan, workplace):
    np.savez("x.npz", X=np.moveaxis(RGB, 0, -1), y=np.arange(40)[:, np.newaxis] % 4 + 1)
    done = dcgan("train", *SMALL, "model.conditional=true", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert "classes   4: 1, 2, 3, 4\n" in done.err
    for asked, number in (("1", 0), ("4", 3)):
        assert dcgan("sample", "--run", "run", "--class", asked, "--out", "x.png").code == 0
        assert facts_in(open_png(workplace / "x.png"))["class"] == number
    done = dcgan("sample", "--run", "run", "--class", "0")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "dcgan: --class must be one of 1, 2, 3, 4, got 0",
    )


def test_numbered_classes_without_images_are_reported(dcgan, workplace):
    np.savez("x.npz", images=RGB, labels=np.arange(40) % 3 + 1)
    done = dcgan("train", *SMALL, "model.conditional=true", "data.classes=5")
    assert done.code == 0, done.err
    assert 'classes   no images of class "0", "4" among the 40' in done.err


def test_unusable_labels_stop_a_run_that_needs_them(dcgan, workplace):
    np.savez("x.npz", x_train=RGB, y_train=np.array([{}] * 40, dtype=object))
    done = dcgan("train", *SMALL, "model.conditional=true")
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "model.conditional needs labels, but those of" in done.err
    assert "one integer or word per image, or one-hot rows" in done.err
    assert not (workplace / "runs").exists()
