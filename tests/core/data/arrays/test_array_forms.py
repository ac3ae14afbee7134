"""Common formats of image arrays: value ranges, axes, names, files."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan_cli.core.arrays import Header
from dcgan_cli.core.data.arrays import images as image_arrays
from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.arrays.names import choose_arrays
from dcgan_cli.core.data.image_set import ImageSet, NoSplitError
from dcgan_cli.core.data.load import load_held_out_images, load_training_images
from dcgan_cli.errors import DataError
from dcgan_cli.settings.schema import DataConfig

RGB = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
RGB[0, 0, 0] = 0, 255, 128
GREY = np.random.default_rng(1).integers(0, 256, (40, 28, 28), np.uint8)
GREY[0, 0, :2] = 0, 255
LEVELS = RGB.astype(np.float64)


def read(folder: Path, *, split: str = "train", classes: int = 0, **arrays) -> ImageSet:
    """Save arrays as an .npz and read it."""
    np.savez(folder / "x.npz", **arrays)
    return read_images(folder / "x.npz", split, any_shape=True, classes=classes)


def refused(folder: Path, **arrays) -> str:
    """Return the error message for unusable arrays, after the file's name."""
    with pytest.raises(DataError) as caught:
        read(folder, **arrays)
    message = str(caught.value)
    assert message.startswith(str(folder / "x.npz"))
    assert "\n" not in message
    return message.removeprefix(f"{folder / 'x.npz'}: ")


NUMBERS = {
    "float32 in [0, 1]": (LEVELS / 255).astype(np.float32),
    "float64 in [0, 1]": LEVELS / 255,
    "float16 in [0, 1]": (LEVELS / 255).astype(np.float16),
    "float32 in [-1, 1]": (LEVELS / 127.5 - 1).astype(np.float32),
    "float64 in [0, 255]": LEVELS,
    "int64 in [0, 255]": RGB.astype(np.int64),
    "int16 in [0, 255]": RGB.astype(">i2"),
    "uint16 in [0, 255]": RGB.astype(np.uint16),
    "uint16 from 0 to 65535, taken as 16 bits": RGB.astype(np.uint16) * 257,
    "uint16 from 0 to 4095, taken as 12 bits": np.rint(LEVELS * 4095 / 255).astype(">u2"),
    "uint16 from 0 to 1023, taken as 10 bits": np.rint(LEVELS * 1023 / 255).astype(np.uint16),
}


@pytest.mark.parametrize(("text", "array"), NUMBERS.items(), ids=NUMBERS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers(tmp_path, text, array, order):
    data = read(tmp_path, x_train=np.asarray(array, order=order))
    assert data.images.dtype == np.uint8
    assert (data.images == RGB).all()
    assert data.notes == (f"array     {text}",)


@pytest.mark.parametrize(
    ("array", "note"),
    [
        (GREY > 128, "bool, true is white"),
        ((GREY > 128).astype(np.int32), "int32, 0 or 1: 1 is white"),
        ((GREY > 128).astype(float), "float64 in [0, 1]"),
    ],
)
def test_binary_values(tmp_path, array, note):
    data = read(tmp_path, x=array)
    assert (data.images[..., 0] == np.where(GREY > 128, 255, 0)).all()
    assert data.notes == (f"array     {note}",)


def test_fractions_of_resized_pictures(tmp_path):
    data = read(tmp_path, x=LEVELS * 0.99 + 0.3)
    assert (data.images == np.rint(LEVELS * 0.99 + 0.3)).all()


def test_rounding_beyond_the_range(tmp_path):
    data = read(tmp_path, x=(LEVELS / 255 * 1.0001).astype(np.float32))
    assert (data.images == RGB).all()


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (LEVELS * 37 - 900, "float64 from -900 to 8535"),
        (LEVELS / 255 * 1.1 - 0.05, "float64 from -0.05 to 1.05"),
        (LEVELS / 255 - 0.5, "float64 from -0.5 to 0.5"),
        (LEVELS / 200 + 0.3, "float64 from 0.3 to 1.575"),
        (RGB.astype(int) - 128, "int64 from -128 to 127"),
        (RGB.astype(np.int32) * 2, "int32 from 0 to 510"),
        (RGB.view(np.int8), "int8 from -128 to 127"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unknown_range(tmp_path, array, found):
    message = refused(tmp_path, x_train=array)
    assert message.startswith(f"x_train is {found}, which is not a known range of pixels; scale it")


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (RGB * 1j, "x_train is complex128"),
        (RGB.astype("S3"), "x_train is text"),
        (np.zeros((3, 8, 8), [("r", "u1"), ("g", "u1")]), "x_train is structured (fields r, g)"),
        (np.zeros((3, 8, 8), "M8[s]"), "x_train is of type datetime64[s]"),
        (np.array([RGB, None], dtype=object)[:1], "x_train contains pickled objects"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_not_numeric(tmp_path, array, found):
    assert refused(tmp_path, x_train=array).startswith(found)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("order", ["C", "F"])
def test_non_finite_value_is_reported_with_its_index(tmp_path, value, order):
    array = np.asarray(LEVELS / 255, order=order)
    array[39, 20, 1, 2] = value
    assert refused(tmp_path, x=array).startswith(f"x[39, 20, 1, 2] is {value}, which is not finite")
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(DataError, match=r"the array\[39, 20, 1, 2\] is"):
        read_images(tmp_path / "x.npy", any_shape=True)


@pytest.mark.parametrize("white", [1, 16, 63, 64])
def test_dark_images_are_reported(tmp_path, white):
    data = read(tmp_path, x_train=np.minimum(GREY, white))
    assert data.images.max() == white  # Scaling would change the digests of existing runs.
    said = [f"dark      the brightest pixel of 40 images is {white} of 255"] * (white < 64)
    assert [note.partition(";")[0] for note in data.notes] == said


class TestHeldOut:
    """The test split uses the value range and classes of the training split."""

    def test_range_and_labels_of_the_training_images(self, tmp_path):
        twelve = np.rint(LEVELS * 4095 / 255).astype(np.uint16)
        labels = np.arange(40) % 4 + 1
        data = read(
            tmp_path,
            split="test",
            x_train=twelve,
            y_train=labels,
            x_test=twelve[:8] // 8,
            y_test=labels[1:9:2],
        )
        assert data.images.max() == 32  # Not white.
        assert data.labels is None, "there are half as many"
        data = read(
            tmp_path,
            split="test",
            x_train=twelve,
            y_train=labels,
            x_test=twelve[:2],
            y_test=labels[2:4],
        )
        assert data.labels.tolist() == [2, 3]
        assert data.class_names == ("1", "2", "3", "4")

    def test_another_range(self, tmp_path):
        np.savez(tmp_path / "x.npz", x_train=LEVELS / 255, x_test=LEVELS)
        config = DataConfig(name="npz", path=str(tmp_path / "x.npz"), image_size=32, channels=3)
        assert len(load_training_images(config).images) == 40
        with pytest.raises(DataError, match="x_test is float64 from 0 to 255, but the training"):
            load_held_out_images(config)

    @pytest.mark.parametrize("test", [LEVELS / 255, RGB])
    def test_another_type(self, tmp_path, test):
        data = read(tmp_path, split="test", x_train=RGB, x_test=test)
        assert (data.images == RGB).all()

    def test_label_missing_from_the_training_images(self, tmp_path):
        arrays = {"x_train": RGB, "y_train": ["a", "b"] * 20, "x_test": RGB, "y_test": ["c"] * 40}
        data = read(tmp_path, split="test", **arrays)
        assert data.labels is None
        assert data.labels_problem == "y_test has the label c, which no training image has"


SHAPES = {
    "channels first": (RGB.transpose(0, 3, 1, 2), RGB),
    "channels first ": (GREY[:, np.newaxis], GREY),
    "images last": (np.moveaxis(RGB, 0, -1), RGB),
    "images last ": (np.moveaxis(np.tile(GREY, (4, 1, 1)), 0, -1), np.tile(GREY, (4, 1, 1))),
    "rows of 784 as 28x28": (GREY.reshape(40, -1), GREY),
    "rows of 784 as 28x28 ": (GREY.reshape(40, 784, 1), GREY),
    "rows of 3072 as 3 planes of 32x32, as in CIFAR's files": (
        RGB.transpose(0, 3, 1, 2).reshape(40, -1),
        RGB,
    ),
    "": (RGB, RGB),
    " ": (GREY, GREY),
    "  ": (GREY[..., np.newaxis], GREY),
}


@pytest.mark.parametrize(("text", "arrays"), SHAPES.items(), ids=SHAPES)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("floats", [False, True])
def test_shapes(tmp_path, text, arrays, order, floats):
    array, expected = arrays
    stored = array / 255 if floats else array
    data = read(tmp_path, faces=np.asarray(stored, order=order))
    assert (data.images == expected.reshape(data.images.shape)).all()
    assert data.images.ndim == 4
    form = ["float64 in [0, 1]" if floats else "uint8", *filter(None, [text.strip()])]
    assert data.notes == ((f"array     {', '.join(form)}",) if form != ["uint8"] else ())


def test_labels_resolve_an_ambiguous_shape(tmp_path):
    last = np.moveaxis(GREY, 0, -1)
    message = refused(tmp_path, x=last)
    assert "x may be 28 images of 28x40 or 40 images of 28x28, found uint8 [28, 28, 40]" in message
    assert len(read(tmp_path, x=last, y=np.arange(40) % 2).images) == 40
    assert len(read(tmp_path, x=last, y=np.arange(28)[:, np.newaxis]).images) == 28


@pytest.mark.parametrize("shape", [(32, 32, 3), (64, 64), (28, 28, 1)])
def test_single_picture(tmp_path, shape):
    assert "x_train is a single picture, found uint8" in refused(
        tmp_path, x_train=np.zeros(shape, np.uint8)
    )


@pytest.mark.parametrize(
    "shape", [(), (9,), (9, 49), (9, 100, 5, 5), (9, 8, 8, 2), (9, 8, 8, 3, 1)]
)
def test_unsupported_shapes(tmp_path, shape):
    assert f"found uint8 {list(shape)}" in refused(tmp_path, x_train=np.zeros(shape, np.uint8))


@given(st.data(), st.integers(1, 4), st.integers(8, 12), st.integers(8, 12), st.booleans())
def test_round_trip_of_any_format(tmp_path_factory, pick, count, height, width, colour):
    """With any dtype, order of axes and memory order."""
    folder = tmp_path_factory.mktemp("forms")
    shape = (count, height, width, 3 if colour else 1)
    pixels = np.random.default_rng(count * height).integers(0, 256, shape, np.uint8)
    pixels[0, 0, :2] = [[0], [255]]
    array = pick.draw(
        st.sampled_from(
            [
                pixels,
                pixels / 255,
                pixels / 127.5 - 1,
                pixels.astype(">i4"),
                pixels.astype(np.uint16) * 257,
            ]
        )
    )
    axes = pick.draw(st.sampled_from([(0, 1, 2, 3), (0, 3, 1, 2)]))
    stored = np.asarray(array.transpose(axes), order=pick.draw(st.sampled_from("CF")))
    if pick.draw(st.booleans()):
        np.save(folder / "x.npy", stored)
        data = read_images(folder / "x.npy", any_shape=True)
    else:
        data = read(folder, x=stored)
    assert (data.images == pixels).all()
    assert data.digest() == hashlib.sha256(pixels.tobytes()).hexdigest()


IMAGES = Header((40, 32, 32, 3), fortran_order=False, dtype=np.dtype(np.uint8))
NUMBERS_OF_CLASSES = Header((40,), fortran_order=False, dtype=np.dtype(np.int64))
NAMES = [
    ("x_train y_train x_test y_test", "x_train", "y_train", "x_test"),
    ("X_train Y_train X_test Y_test", "X_train", "Y_train", "X_test"),
    ("images labels", "images", "labels", None),
    ("x y", "x", "y", None),
    ("X y", "X", "y", None),
    ("train_images train_labels test_images test_labels", "train_images", "train_labels", None),
    ("train_images train_labels val_images val_labels", "train_images", "train_labels", None),
    ("data target", "data", "target", None),
    ("arr_0", "arr_0", None, None),
    ("arr_0 arr_1=labels", "arr_0", "arr_1", None),
    ("faces", "faces", None, None),
    ("faces ids=labels", "faces", None, None),
    ("images seeds=labels", "images", None, None),
    ("trX trY teX teY", "trX", "trY", "teX"),
    ("xtrain ytrain xtest ytest", "xtrain", "ytrain", "xtest"),
    ("mnist_train_x mnist_train_y mnist_test_x mnist_test_y", "mnist_train_x", None, None),
    ("x_train images labels", "x_train", "labels", None),
    ("images masks labels", "images", "labels", None),
    ("train test", "train", None, "test"),
]


def headers(names: str) -> dict[str, Header]:
    """Return the headers of images and labels, by name."""
    found = {}
    for word in names.split():
        name, _, kind = word.partition("=")
        labels = kind or any(part in name.lower() for part in ("y", "label", "target"))
        found[name] = NUMBERS_OF_CLASSES if labels and "mask" not in name else IMAGES
    return found


@pytest.mark.parametrize(("names", "images", "labels", "test"), NAMES, ids=[n[0] for n in NAMES])
def test_names(names, images, labels, test):
    found, found_labels = choose_arrays(headers(names), "train")
    assert found == [images]
    if labels:
        assert found_labels == (labels,)
    if test:
        assert choose_arrays(headers(names), "test")[0] == [test]


def test_images_are_preferred_to_flattened_copies(tmp_path):
    """As in the arrays of sklearn.datasets.load_digits and fetch_olivetti_faces."""
    data = read(tmp_path, images=GREY, data=GREY.reshape(40, -1), target=np.arange(40) % 10)
    assert data.images.shape == (40, 28, 28, 1)
    assert data.notes == ()
    assert data.labels.tolist() == list(np.arange(40) % 10)


@pytest.mark.parametrize("names", ["a b", "arr_0 arr_1 arr_2", "train_x train_images"])
def test_ambiguous_names(tmp_path, names):
    message = refused(tmp_path, **dict.fromkeys(names.split(), RGB))
    assert message.startswith("several arrays may be the images (")
    assert all(f"{name} uint8 [40, 32, 32, 3]" in message for name in names.split())


class TestNpy:
    def test_small_file_is_read_into_memory(self, tmp_path):
        """Rewriting the file later has no effect."""
        np.save(tmp_path / "x.npy", RGB)
        data = read_images(tmp_path / "x.npy", any_shape=True)
        (tmp_path / "x.npy").write_bytes(b"")
        assert (data.images == RGB).all()
        data.check_unchanged()

    def test_large_one_stays_on_the_disk_and_is_watched(self, tmp_path, monkeypatch):
        monkeypatch.setattr(image_arrays, "MAPPED_FROM", RGB.nbytes - 1)
        np.save(tmp_path / "x.npy", RGB)
        config = DataConfig(name="npz", path=str(tmp_path / "x.npy"), image_size=32, channels=3)
        data = load_training_images(config)
        assert isinstance(data.images, np.memmap)
        assert data.digest() == read(tmp_path, x_train=RGB).digest()
        data.check_unchanged()
        np.save(tmp_path / "x.npy", RGB[:39])
        with pytest.raises(DataError, match=r"x\.npy has changed since it was read"):
            data.check_unchanged()
        (tmp_path / "x.npy").unlink()
        with pytest.raises(DataError, match=r"x\.npy has changed"):
            data.check_unchanged()

    def test_limit_keeps_the_memory_map(self, tmp_path, monkeypatch):
        monkeypatch.setattr(image_arrays, "MAPPED_FROM", 0)
        np.save(tmp_path / "x.npy", RGB)
        config = DataConfig(name="npz", path=str(tmp_path / "x.npy"), image_size=32, channels=3)
        config.limit = 9
        images = load_training_images(config).images
        assert isinstance(images, np.memmap)
        assert (images == RGB[:9]).all()

    @pytest.mark.parametrize("kept", [7, 60, 200, -1])
    def test_damaged(self, tmp_path, kept):
        np.save(tmp_path / "x.npy", RGB)
        content = (tmp_path / "x.npy").read_bytes()
        (tmp_path / "x.npy").write_bytes(content[:kept])
        with pytest.raises(DataError, match=r"x\.npy is not a readable \.npy"):
            read_images(tmp_path / "x.npy", any_shape=True)

    def test_header_declares_an_enormous_length(self, tmp_path):
        (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 100_000)
        with pytest.raises(DataError, match="its header declares 4,294,967,295 bytes"):
            read_images(tmp_path / "x.npy", any_shape=True)

    def test_objects(self, tmp_path):
        np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(DataError, match=r"x\.npy: the array contains pickled objects"):
            read_images(tmp_path / "x.npy", any_shape=True)

    @pytest.mark.parametrize("shape", [(0, 28, 28), (3, 0, 28, 1)])
    def test_empty(self, tmp_path, shape):
        np.save(tmp_path / "x.npy", np.zeros(shape, np.uint8))
        with pytest.raises(DataError, match="contains no images"):
            read_images(tmp_path / "x.npy", any_shape=True)

    def test_no_test_split(self, tmp_path):
        np.save(tmp_path / "x.npy", RGB)
        with pytest.raises(NoSplitError):
            read_images(tmp_path / "x.npy", "test", any_shape=True)


def test_memory_is_limited_to_a_block_and_the_pixels(tmp_path):
    """There is no float64 copy of the array."""
    import tracemalloc

    array = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", "f4", (3000, 1, 64, 64))
    array[:, :, ::2] = 1
    del array
    tracemalloc.start()
    data = read_images(tmp_path / "x.npy", any_shape=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert data.images.max() == 255
    assert peak < data.images.nbytes + 16e6
