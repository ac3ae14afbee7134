"""Loading training images: the bundled MNIST, other files, and damaged files."""

import gzip
import hashlib
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dcgan_cli.core import arrays
from dcgan_cli.core.data import mnist
from dcgan_cli.core.data.arrays.idx import read_idx
from dcgan_cli.core.data.arrays.images import read_images
from dcgan_cli.core.data.image_set import ImageSet
from dcgan_cli.core.data.load import load_held_out_images, load_training_images
from dcgan_cli.errors import DataError
from dcgan_cli.settings.schema import DataConfig

# The published counts of each digit.
TRAIN_LABELS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_LABELS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
# The published MD5 of the uncompressed IDX files.
TRAIN_IMAGES_MD5 = "6bbc9ace898e44ae57da46a324031adb"
TEST_IMAGES_MD5 = "2646ac647ad5339dbf082846283269ea"


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    """Return the first 20 test images of MNIST."""
    images = read_images(mnist.BUNDLED_MNIST, "test")
    return ImageSet(images.images[:20], images.labels[:20], images.source)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder that the examples of one test share."""
    return tmp_path_factory.mktemp("data")


def idx_bytes(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def npy_bytes(shape: tuple, values: bytes = b"", descr: str = "|u1") -> bytes:
    stream = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + values


def write_member(path, content: bytes, name: str = "x_train.npy"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
    return path


def npz_bytes(images: np.ndarray, save=np.savez) -> bytes:
    stream = io.BytesIO()
    save(stream, x_train=images)
    return stream.getvalue()


def message_of(path, read=read_images) -> str:
    """Return the error message for a bad file; it must be one line with the file's name."""
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("split", "count", "labels", "md5"),
    [
        ("train", 60000, TRAIN_LABELS, TRAIN_IMAGES_MD5),
        ("test", 10000, TEST_LABELS, TEST_IMAGES_MD5),
    ],
)
def test_bundled_mnist_equals_the_published_data(split, count, labels, md5):
    read = read_images(mnist.BUNDLED_MNIST, split)
    assert read.images.shape == (count, 28, 28, 1)
    assert read.images.dtype == np.uint8
    assert np.bincount(read.labels).tolist() == labels
    assert hashlib.md5(idx_bytes(read.images[..., 0])).hexdigest() == md5


def test_bundled_mnist_has_the_pinned_sha256():
    digest = hashlib.sha256(mnist.BUNDLED_MNIST.read_bytes()).hexdigest()
    assert digest == mnist.BUNDLED_MNIST_SHA256


def test_default_is_all_of_mnists_training_images():
    loaded = load_training_images(DataConfig())
    assert len(loaded.images) == len(loaded.labels) == 60000
    assert loaded.source == "MNIST"


def test_limit_takes_the_first_images():
    some, all_of_them = (load_training_images(DataConfig(limit=n)) for n in (7, None))
    assert (some.images == all_of_them.images[:7]).all()
    assert (some.labels == all_of_them.labels[:7]).all()
    assert some.digest() != all_of_them.digest()


def test_damaged_bundled_file_is_refused(tmp_path, monkeypatch):
    copy = tmp_path / "mnist.npz"
    content = bytearray(mnist.BUNDLED_MNIST.read_bytes())
    content[1000] ^= 1
    copy.write_bytes(content)
    monkeypatch.setattr(mnist, "BUNDLED_MNIST", copy)
    message = message_of(copy, lambda path: load_training_images(DataConfig()))
    assert "damaged" in message
    copy.unlink()
    assert "reinstall" in message_of(copy, lambda path: load_training_images(DataConfig()))


def test_digest_is_that_of_the_pixels(digits):
    assert digits.digest() == hashlib.sha256(digits.images.tobytes()).hexdigest()
    every_second = ImageSet(digits.images[::2], None, "")
    assert every_second.digest() == hashlib.sha256(digits.images[::2].tobytes()).hexdigest()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("shape", [(20, 28, 28), (20, 28, 28, 1)])
def test_own_npz(tmp_path, digits, save, shape):
    path = tmp_path / "mine.npz"
    save(path, x_train=digits.images.reshape(shape), y_train=digits.labels)
    loaded = load_training_images(DataConfig(path=str(path), limit=5))
    assert (loaded.images == digits.images[:5]).all()
    assert (loaded.labels == digits.labels[:5]).all()
    assert loaded.source == str(path)


def test_own_npz_may_have_no_labels(tmp_path, digits):
    np.savez(tmp_path / "mine.npz", x_train=digits.images)
    assert read_images(tmp_path / "mine.npz").labels is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_idx_folder(tmp_path, digits, pack, split, prefix):
    ending = ".gz" if pack is gzip.compress else ""
    images = tmp_path / f"{prefix}-images-idx3-ubyte{ending}"
    images.write_bytes(pack(idx_bytes(digits.images[..., 0])))
    assert read_images(tmp_path, split).labels is None
    labels = tmp_path / f"{prefix}-labels-idx1-ubyte{ending}"
    labels.write_bytes(pack(idx_bytes(digits.labels)))
    loaded = read_images(tmp_path, split, classes=10)
    assert (loaded.images == digits.images).all()
    assert (loaded.labels == digits.labels).all()
    assert not loaded.class_names


def test_limit_beyond_the_images(tmp_path, digits):
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=digits.images)

    def read(path):
        return load_training_images(DataConfig(path=str(path), limit=21))

    assert "data.limit=21 is more than the 20 images" in message_of(path, read)


class TestHeldOutImages:
    def test_none(self, tmp_path, digits):
        np.savez(tmp_path / "x.npz", x_train=digits.images)
        assert load_held_out_images(DataConfig(path=str(tmp_path / "x.npz"))) is None
        (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(digits.images[..., 0]))
        assert load_held_out_images(DataConfig(path=str(tmp_path))) is None

    def test_damaged(self, tmp_path, digits):
        """A damaged file must not silently change the baseline."""

        def read(path):
            return load_held_out_images(DataConfig(path=str(path)))

        path = tmp_path / "x.npz"
        np.savez(path, x_train=digits.images, x_test=digits.images * 1j)
        assert "x_test is complex128" in message_of(path, read)
        (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(digits.images)[:-9])
        assert "fewer" in message_of(tmp_path, read)


class TestBadArchives:
    def test_missing(self, tmp_path):
        assert "no such file" in message_of(tmp_path / "nothing.npz")

    def test_name_too_long(self, tmp_path):
        message_of(tmp_path / ("x" * 300))

    @pytest.mark.parametrize("content", [b"", b"hello, world\n" * 99], ids=["empty", "text"])
    def test_not_an_archive(self, tmp_path, content):
        path = tmp_path / "x.npz"
        path.write_bytes(content)
        assert "not an .npz archive" in message_of(path)

    def test_no_training_images(self, tmp_path, digits):
        path = tmp_path / "x.npz"
        np.savez(path, x_test=digits.images, seeds=np.arange(3))
        message = message_of(path)
        assert "save the images as x_train" in message
        assert "seeds int64 [3], x_test uint8 [20, 28, 28, 1]" in message

    @pytest.mark.parametrize(
        "images",
        [
            np.zeros((3, 32, 32), np.uint8),
            np.zeros((3, 28, 28, 3), np.uint8),
            np.zeros((3, 780), np.uint8),
            np.zeros((), np.uint8),
        ],
        ids=lambda array: f"{array.dtype}{array.shape}",
    )
    def test_wrong_type_or_shape(self, tmp_path, images):
        path = tmp_path / "x.npz"
        np.savez(path, x_train=images)
        shape = str(list(images.shape)).rstrip("]")
        assert f"found {images.dtype} {shape}" in message_of(path)

    def test_no_images(self, tmp_path):
        path = tmp_path / "x.npz"
        np.savez(path, x_train=np.zeros((0, 28, 28), np.uint8))
        assert "no images" in message_of(path)

    def test_object_array_is_not_unpickled(self, tmp_path):
        path = tmp_path / "x.npz"
        np.savez(path, x_train=np.array([{"a": 1}], dtype=object))
        assert "contains pickled objects" in message_of(path)

    @pytest.mark.parametrize("content", [b"", b"not an array"])
    def test_member_is_not_an_array(self, tmp_path, content):
        message_of(write_member(tmp_path / "x.npz", content))

    @pytest.mark.parametrize("count", [2**35, 2**50, 2**70, -1])
    def test_header_claiming_an_impossible_size(self, tmp_path, count):
        message_of(write_member(tmp_path / "x.npz", npy_bytes((count, 28, 28), b"abc")))

    @pytest.mark.parametrize(
        "header",
        [b"{'descr': '|u1'", b"(((", b"'''", b"{[]: 1}", b"\xff", b"-" * 9000, b" x\ny", b""],
        ids=lambda header: repr(header[:16]),
    )
    def test_invalid_header(self, tmp_path, header):
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
        message_of(write_member(tmp_path / "x.npz", start + header))

    def test_fewer_values_than_declared(self, tmp_path):
        message_of(write_member(tmp_path / "x.npz", npy_bytes((10, 28, 28), b"abc")))

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    @pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
    def test_truncated(self, tmp_path, digits, save, share):
        whole = npz_bytes(digits.images, save)
        path = tmp_path / "x.npz"
        path.write_bytes(whole[: int(share * len(whole))])
        message_of(path)

    @settings(max_examples=300, deadline=None)
    @given(st.data(), st.booleans(), st.integers(1, 255))
    def test_changed_byte_is_detected_or_harmless(self, folder, digits, pick, packed, mask):
        whole = bytearray(npz_bytes(digits.images, np.savez_compressed if packed else np.savez))
        # Half of the examples change the names and sizes at either end, which matter most.
        end = st.integers(0, 250) | st.integers(len(whole) - 120, len(whole) - 1)
        whole[pick.draw(end | st.integers(0, len(whole) - 1))] ^= mask
        path = folder / "flipped.npz"
        path.write_bytes(whole)
        try:
            loaded = read_images(path)
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017 (either outcome is right)
        else:
            assert (loaded.images == digits.images).all()

    def test_shifted_array_is_detected(self, tmp_path, digits):
        whole = bytearray(npz_bytes(digits.images))
        length = whole.index(b"\x93NUMPY") + 8
        whole[length] -= 2  # The header ends early, so the values would start with its last bytes.
        path = tmp_path / "x.npz"
        path.write_bytes(whole)
        message_of(path)


class TestBadIdx:
    def test_missing(self, tmp_path):
        assert "no such file" in message_of(tmp_path / "x", read_idx)

    def test_folder_without_images(self, tmp_path):
        assert "train-images-idx3-ubyte" in message_of(tmp_path)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\0\0",
            b"hello, world",
            b"\0\0\x0d\x01\0\0\0\x01abcd",
            b"\0\0\x08\x00a",
            b"\0\0\x08\x05" + b"\0\0\0\x01" * 5 + b"a",
            b"\x01\0\x08\x01\0\0\0\x01a",
        ],
        ids=["empty", "short", "text", "floats", "no axis", "five axes", "magic"],
    )
    @pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
    def test_another_format(self, tmp_path, content, pack):
        path = tmp_path / "x"
        path.write_bytes(pack(content))
        assert "not an IDX file of bytes" in message_of(path, read_idx)

    @pytest.mark.parametrize(("change", "word"), [(b"ab", "fewer"), (b"abcdefg", "more")])
    def test_wrong_length(self, tmp_path, change, word):
        path = tmp_path / "x"
        path.write_bytes(b"\0\0\x08\x01\0\0\0\x05" + change)
        assert f"{word} bytes than the 5 in its header" in message_of(path, read_idx)

    @pytest.mark.parametrize("kept", [3, 11, -9, -1])
    def test_truncated_gzip(self, tmp_path, digits, kept):
        path = tmp_path / "train-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(idx_bytes(digits.images[..., 0]))[:kept])
        message_of(path, lambda path: read_images(path.parent))

    def test_header_declares_more_than_4_gb(self, tmp_path):
        path = tmp_path / "x"
        path.write_bytes(b"\0\0\x08\x03" + b"\xff" * 12)
        assert "is not valid" in message_of(path, read_idx)

    def test_memory_follows_the_file_size_not_the_header(self, tmp_path):
        path = tmp_path / "x"
        path.write_bytes(b"\0\0\x08\x01\xff\xff\xff\xffabc")
        tracemalloc.start()
        message_of(path, read_idx)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10_000_000

    def test_wrong_shape_for_images(self, tmp_path):
        path = tmp_path / "train-images-idx3-ubyte"
        path.write_bytes(idx_bytes(np.zeros((2, 32, 32), np.uint8)))
        with pytest.raises(DataError, match=r"must be 28x28 and grey, found uint8 \[2, 32, 32\]"):
            read_images(tmp_path)

    def test_md5(self, tmp_path):
        path = tmp_path / "x"
        path.write_bytes(b"\0\0\x08\x01\0\0\0\x02ab")
        right = hashlib.md5(path.read_bytes()).hexdigest()
        assert read_idx(path, right).tobytes() == b"ab"
        assert "published" in message_of(path, lambda path: read_idx(path, "0" * 32))


sizes = st.sampled_from([0, 1, 2, 3, 28, 2**31, 2**32 - 1]).map(lambda n: n.to_bytes(4, "big"))
near_idx = st.builds(
    lambda start, dims, rest: b"\0\0\x08" + start + b"".join(dims) + rest,
    st.integers(0, 6).map(lambda n: bytes([n])),
    st.lists(sizes, max_size=5),
    st.binary(max_size=40),
)


@settings(deadline=None)
@given(st.binary() | near_idx, st.booleans())
@example(b"\0\0\x08\x03" + b"\0" * 4 + b"\xff" * 8, False)
def test_any_bytes_give_an_array_or_a_data_error(folder, content, packed):
    path = folder / "any"
    path.write_bytes(gzip.compress(content) if packed else content)
    try:
        array = read_idx(path)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017 (either outcome is right)
    else:
        assert idx_bytes(array) == content or content[:2] == b"\x1f\x8b"


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.booleans())
@settings(deadline=None)
def test_idx_round_trip(folder, shape, packed):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = folder / "good"
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    read = read_idx(path)
    assert read.shape == array.shape
    assert (read == array).all()


class TestArraysOfAnyShape:
    @pytest.mark.parametrize("shape", [(9, 28, 28), (9, 40, 30), (9, 12, 50, 1), (9, 64, 64, 3)])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_resized_and_converted(self, tmp_path, shape, channels):
        pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        path = tmp_path / "x.npz"
        np.savez(path, x_train=pixels, y_train=np.arange(9), x_test=pixels[:4])
        config = DataConfig(name="npz", path=str(path), image_size=16, channels=channels)
        loaded = load_training_images(config)
        assert loaded.images.shape == (9, 16, 16, channels)
        assert loaded.labels.tolist() == list(range(9))
        assert loaded.dataset is None
        held_out = load_held_out_images(config).images
        assert (held_out == loaded.images[:4]).all()

    def test_right_shape_is_unchanged(self, tmp_path):
        pixels = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), np.uint8)
        np.savez(tmp_path / "x.npz", x_train=pixels)
        config = DataConfig(name="npz", path=str(tmp_path / "x.npz"), image_size=32, channels=3)
        assert (load_training_images(config).images == pixels).all()

    @pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
    def test_fit(self, tmp_path, fit):
        """White bars left and right of black; padded, black bars are added above and below."""
        pixels = np.zeros((1, 20, 60), np.uint8)
        pixels[:, :, :20] = pixels[:, :, 40:] = 255
        np.savez(tmp_path / "x.npz", x_train=pixels)
        config = DataConfig(name="npz", path=str(tmp_path / "x.npz"), image_size=20, fit=fit)
        (image,) = load_training_images(config).images[..., 0]
        white = (image > 128).mean(axis=0)
        expected = {"crop": 0, "stretch": 1, "pad": 0.35}[fit]
        assert white[1] == pytest.approx(expected, abs=0.06)
        assert white[10] == 0

    @pytest.mark.parametrize("shape", [(3, 780), (3, 9, 9, 2), (3, 9, 9, 1, 1), (3, 0, 9), (3,)])
    def test_unsupported_shapes(self, tmp_path, shape):
        path = tmp_path / "x.npz"
        np.savez(path, x_train=np.zeros(shape, np.uint8))
        config = DataConfig(name="npz", path=str(path))
        message_of(path, lambda path: load_training_images(config))

    def test_mnist_enlarged_is_not_scored_as_mnist(self):
        loaded = load_training_images(DataConfig(limit=50))
        assert loaded.dataset == "mnist"
        large = load_training_images(DataConfig(image_size=32, limit=50))
        assert large.images.shape == (50, 32, 32, 1)
        assert large.dataset is None


def test_array_too_large(tmp_path, monkeypatch):
    """The message suggests an .npy file, since a new copy would not help."""
    monkeypatch.setattr(arrays, "MAX_MEMBER_BYTES", 1000)
    np.savez(tmp_path / "x.npz", x_train=np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(DataError, match=r"x\.npz: x_train is larger than .*save it as an \.npy"):
        read_images(tmp_path / "x.npz")
