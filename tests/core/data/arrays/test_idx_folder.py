"""Folders of IDX files with common names."""

import gzip

import numpy as np
import pytest

from dcgan_cli.core.data.arrays.idx_folder import is_idx_folder
from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.image_set import NoSplitError
from dcgan_cli.errors import DataError
from tests.core.data.arrays.test_array_forms import GREY
from tests.core.data.test_data import idx_bytes

LABELS = (np.arange(40) % 10).astype(np.uint8)
NAMES = {
    "as published": ("train-{}", "t10k-{}"),
    "EMNIST": ("emnist-letters-train-{}", "emnist-letters-test-{}"),
    "KMNIST with another case": ("Train-{}", "T10K-{}"),
    "one's own": ("mine_train_{}", "mine_test_{}"),
}


def write(folder, stem: str, count: int, *, dotted: bool = False, packed: bool = False):
    """Write images and labels; `{}` in the stem is replaced by their kind."""
    for kind, array in (("images-idx3", GREY[:count]), ("labels-idx1", LABELS[:count])):
        name = stem.format(kind.replace("-idx", ".idx") if dotted else kind) + "-ubyte"
        content = idx_bytes(array)
        path = folder / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("stems", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_names(tmp_path, stems, dotted, packed):
    write(tmp_path, stems[0], 40, dotted=dotted, packed=packed)
    write(tmp_path, stems[1], 20, dotted=dotted, packed=packed)
    assert is_idx_folder(tmp_path)
    for split, count in (("train", 40), ("test", 20)):
        data = read_images(tmp_path, split)
        assert (data.images[..., 0] == GREY[:count]).all()
        assert (data.labels == LABELS[:count]).all()


def test_a_split_without_a_name(tmp_path):
    write(tmp_path, "{}", 40)
    assert len(read_images(tmp_path).labels) == 40
    with pytest.raises(NoSplitError):
        read_images(tmp_path, "test")


def test_plain_file_replaces_its_gzip(tmp_path):
    write(tmp_path, "emnist-digits-train-{}", 40, packed=True)
    write(tmp_path, "emnist-digits-train-{}", 9)
    assert len(read_images(tmp_path).images) == len(read_images(tmp_path).labels) == 9


def test_both_spellings(tmp_path):
    """Some archives contain each file twice."""
    write(tmp_path, "train-{}", 40)
    write(tmp_path, "train-{}", 9, dotted=True)
    data = read_images(tmp_path)
    assert len(data.images) == len(data.labels) == 40
    assert data.labels_problem == ""


def test_several_sets(tmp_path):
    for name in ("letters", "digits"):
        write(tmp_path, f"emnist-{name}-train-{{}}", 40)
    with pytest.raises(DataError, match=r"has several sets of images .*letters.*a folder of their"):
        read_images(tmp_path)


def test_labels_from_1(tmp_path):
    """EMNIST's letters. The test split uses the class numbers of the training split."""
    write(tmp_path, "emnist-letters-train-{}", 40)
    write(tmp_path, "emnist-letters-test-{}", 4)
    for split, labels in (("train", LABELS + 1), ("test", LABELS[:4] + 3)):
        (tmp_path / f"emnist-letters-{split}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    train, test = (read_images(tmp_path, split) for split in ("train", "test"))
    assert train.class_names == test.class_names == tuple(map(str, range(1, 11)))
    assert train.labels.tolist() == LABELS.tolist()
    assert test.labels.tolist() == [2, 3, 4, 5]
    assert "transposed" in train.notes[0]


def test_other_files_are_ignored(tmp_path):
    write(tmp_path, "train-{}", 40)
    (tmp_path / "._train-images-idx3-ubyte").write_bytes(b"resource fork")
    (tmp_path / "train-images.idx3-ubyte").mkdir()
    (tmp_path / "readme.txt").write_text("hello")
    assert len(read_images(tmp_path).images) == 40


def test_single_file_hints_at_its_folder(tmp_path):
    write(tmp_path, "train-{}", 40)
    path = tmp_path / "train-images-idx3-ubyte"
    with pytest.raises(DataError, match=f"a folder of IDX files, such as {tmp_path}$"):
        read_images(path)
