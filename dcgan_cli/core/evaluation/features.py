"""Feature extractors."""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf

from dcgan_cli.core.arrays import read_stored
from dcgan_cli.core.assets import ASSETS
from dcgan_cli.core.environment import keras_folder
from dcgan_cli.core.evaluation.classifier import (
    COLOUR_SIZE,
    FEATURES,
    build_classifier,
    build_colour_classifier,
    named_weights,
    untrained_weights,
)
from dcgan_cli.core.networks.device import building
from dcgan_cli.core.networks.weights import assign
from dcgan_cli.core.storage import reading
from dcgan_cli.errors import CheckpointError, DataError
from dcgan_cli.settings.schema import is_hdf5

CLASSIFIERS = ASSETS / "classifiers"
SHIPPED = {
    "mnist": ("mnist-1", "242766d4a2abc540c5b3cbb149cea3cb142d5b81494aab8a9cf589fd3ccb78c9"),
    "colour": ("colour-1", "3029b82b200557f7289aa9091aa00a4ac306912227425608f92f2211c4c33380"),
}
"""Name and sha256 of the bundled classifiers, by the setting that chooses them, as
scripts/make_classifier.py and scripts/make_colour_classifier.py printed them."""
UNTRAINED = "untrained-1"
INCEPTION = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
"""The weights file that Keras downloads for InceptionV3 without its top layer."""
INCEPTION_SIZE = 299
CHUNK, INCEPTION_CHUNK = 500, 50
"""Images per batch. Inception enlarges MNIST's images about a hundredfold."""
CHUNK_VALUES = 2**24
"""Maximum number of pixel values per batch, for large images."""
LARGEST = 64


@dataclass(frozen=True)
class ImageFeatures:
    """Features of a set of images."""

    features: np.ndarray
    """float32 [N, D]."""
    probabilities: np.ndarray | None
    """float32 [N, classes], or None if the network is not a classifier."""
    contrast: float
    """Mean standard deviation of the pixels within an image, from 0 to 127.5."""


class FeatureExtractor:
    """A network that maps images to feature vectors.

    Args:
        name: name and version. Scores of extractors with different names are never compared.
        network: float32 [B, H, W, C] in [-1, 1] -> (features, logits).
        knows_classes: whether the logits are those of a classifier.
        scaled_to: width and height that the network scales images to; None if it does not.
        chunk: maximum number of images per batch.
    """

    def __init__(
        self,
        name: str,
        network: keras.Model,
        *,
        knows_classes: bool,
        scaled_to: int | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self.name = name
        self.scaled_to = scaled_to
        self.chunk = min(chunk, max(1, CHUNK_VALUES // math.prod(network.input_shape[1:])))
        self.knows_classes = knows_classes
        self._network = network

    @cached_property
    def _look(self) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """The compiled network: uint8 [B, H, W, C] -> (features, probabilities)."""

        def look(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            scaled = tf.cast(images, tf.float32) / 127.5 - 1
            features, logits = self._network(scaled, training=False)
            return features, tf.nn.softmax(logits)

        return tf.function(look, autograph=False).get_concrete_function(
            tf.TensorSpec((None, *self._network.input_shape[1:]), tf.uint8)
        )

    def extract(self, images: Iterable[np.ndarray]) -> ImageFeatures:
        """Return the features of at least one image: an iterable of uint8 [H, W, C].

        Images are read batch by batch and not kept in memory.
        """
        waiting, extracted = iter(images), []
        deviations: list[float] = []
        while chunk := list(itertools.islice(waiting, self.chunk)):
            extracted.append([part.numpy() for part in self._look(tf.constant(np.stack(chunk)))])
            # One image at a time: NumPy converts its whole input to float64.
            deviations += [image.std() for image in chunk]
        features, probabilities = (np.concatenate(parts) for parts in zip(*extracted, strict=True))
        contrast = float(np.mean(deviations))
        return ImageFeatures(features, probabilities if self.knows_classes else None, contrast)


@building("float32")
def feature_extractor(
    setting: str, dataset: str | None, image_shape: tuple[int, ...]
) -> FeatureExtractor:
    """Build the feature extractor that the setting `evaluation.features` names.

    Args:
        setting: "auto" ("mnist" for MNIST, "colour" for colour images, otherwise "untrained"), the
            name of a bundled classifier, "untrained", "inception", or a file with a classifier's
            weights: an .npz of scripts/make_classifier.py or its .weights.h5 from Keras.
        dataset: name of the known data set that the images are from, or None.
        image_shape: height, width and channels of the images.

    Raises:
        DataError: the weights are missing, damaged, or for images of another shape.
    """
    if setting == "auto":
        setting = _automatic(dataset, image_shape)
    if setting == "mnist":
        name, path = _bundled(setting)
        return FeatureExtractor(name, _from_npz(path, image_shape), knows_classes=True)
    if setting == "colour":
        return _colour(dataset, image_shape)
    if setting == "untrained":
        return FeatureExtractor(UNTRAINED, _untrained(image_shape), knows_classes=False)
    if setting == "inception":
        return _inception(image_shape)
    path = Path(setting).expanduser().resolve()
    name = f"{Path(setting).name.partition('.')[0]}-{_sha256(path)[:8]}"
    read = _from_h5 if is_hdf5(setting) else _from_npz
    return FeatureExtractor(name, read(path, image_shape), knows_classes=True)


def _automatic(dataset: str | None, image_shape: tuple[int, ...]) -> str:
    """Return the setting that "auto" stands for."""
    if dataset == "mnist":
        return "mnist"
    return "colour" if image_shape[-1] == 3 else "untrained"


def _bundled(setting: str) -> tuple[str, Path]:
    """Return the name and the verified file of a bundled classifier."""
    name, digest = SHIPPED[setting]
    path = (CLASSIFIERS / f"{name}.npz").resolve()  # Some installers create symlinks.
    if _sha256(path) != digest:
        raise DataError(f"the bundled {path} is damaged; reinstall dcgan-cli")
    return name, path


def _colour(dataset: str | None, image_shape: tuple[int, ...]) -> FeatureExtractor:
    """Build the bundled classifier of colour images, which looks at 32x32 pixels.

    Only CIFAR-10 has its classes; for other images its features are used alone.
    """
    name, path = _bundled("colour")
    arrays = read_stored(path)
    network = build_colour_classifier(len(arrays["logits/bias"]))
    assign(named_weights(network), arrays, str(path))
    image = x = keras.Input(image_shape, dtype="float32")
    scaled_to = None
    if image_shape[:2] != (COLOUR_SIZE, COLOUR_SIZE):
        scaled_to = COLOUR_SIZE
        x = keras.layers.Resizing(scaled_to, scaled_to, antialias=True, dtype="float32")(x)
    return FeatureExtractor(
        name,
        keras.Model(image, network(_rgb(x))),
        knows_classes=dataset == "cifar10",
        scaled_to=scaled_to,
    )


def _rgb(image: keras.KerasTensor) -> keras.KerasTensor:
    """Return a grey image [B, H, W, 1] with its channel three times; others unchanged."""
    if image.shape[-1] == 1:
        return keras.layers.Concatenate(dtype="float32")([image] * 3)
    return image


def _untrained(image_shape: tuple[int, ...]) -> keras.Model:
    """Build the untrained classifier; images of 128 pixels or more are average-pooled first."""
    height, width, channels = image_shape
    cell = max(1, min(height, width) // LARGEST)
    if cell == 1:
        network = build_classifier(image_shape, classes=1)
        assign(named_weights(network), untrained_weights(network, seed=1), UNTRAINED)
        return network
    image = keras.Input(image_shape, dtype="float32")
    smaller = keras.layers.AveragePooling2D(cell, dtype="float32")(image)
    return keras.Model(image, _untrained((height // cell, width // cell, channels))(smaller))


def _sha256(path: Path) -> str:
    try:
        with reading(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"evaluation.features: {path} is not readable ({error.strerror}); give auto, mnist, "
            "colour, untrained, inception, or a file with weights"
        ) from None


def _from_npz(path: Path, image_shape: tuple[int, ...]) -> keras.Model:
    try:
        arrays = read_stored(path)
        network = build_classifier(image_shape, len(arrays["logits/bias"]))
        assign(named_weights(network), arrays, str(path))
    except CheckpointError as error:
        raise DataError(f"evaluation.features: {error}") from None
    except Exception as error:  # zipfile and NumPy raise many exceptions for a damaged archive.
        raise DataError(
            f"evaluation.features: {path} is not an .npz of scripts/make_classifier.py ({error})"
        ) from None
    return network


def _from_h5(path: Path, image_shape: tuple[int, ...]) -> keras.Model:
    """Load weights that Keras's `save_weights` wrote for a network of `build_classifier`."""
    try:
        with h5py.File(path) as file:
            shapes: list[tuple[int, ...]] = []
            file.visititems(lambda _, item: shapes.append(getattr(item, "shape", ())))
        classes = next(shape[1] for shape in shapes if len(shape) == 2 and shape[0] == FEATURES)
        if 4 * FEATURES * classes > path.stat().st_size:
            raise ValueError(f"it declares {classes} classes but is too short for them")
        network = build_classifier(image_shape, classes)
        network.load_weights(path)
    except Exception as error:  # Keras and h5py raise many exceptions for a damaged file.
        reason = str(error).partition("\n")[0] or "it has other layers"
        raise DataError(
            f"evaluation.features: {path} contains no weights of this classifier for images of "
            f"{image_shape} ({reason})"
        ) from None
    return network


def _inception(image_shape: tuple[int, ...]) -> FeatureExtractor:
    """Build InceptionV3 with the weights in Keras's folder; downloads nothing."""
    path = keras_folder() / "models" / INCEPTION
    if not path.is_file():
        raise DataError(
            f"evaluation.features=inception needs {path}: no such file; put it there, or give "
            "evaluation.features=auto"
        )
    image = keras.Input(image_shape, dtype="float32")
    x = keras.layers.Resizing(INCEPTION_SIZE, INCEPTION_SIZE, dtype="float32")(image)
    try:
        inception = keras.applications.InceptionV3(
            include_top=False, weights=str(path), pooling="avg"
        )
    except Exception as error:
        raise DataError(f"{path} is not readable ({error}); get a new copy") from None
    features = inception(_rgb(x))
    network = keras.Model(image, [features, features])
    name = f"inception-{_sha256(path)[:8]}"
    return FeatureExtractor(name, network, knows_classes=False, chunk=INCEPTION_CHUNK)
