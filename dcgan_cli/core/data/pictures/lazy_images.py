"""Lazy images: decoded on access."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.core.data.pictures.reading import WORKERS, Pictures
from dcgan_cli.errors import DataError


class LazyImages:
    """Pictures that are decoded on each access, with the interface of an array.

    Args:
        pictures: the pictures.
        places: int64 [N], the indices of the usable pictures.
        form: size, channels and value range to preprocess to.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pictures: Pictures, places: np.ndarray, form: Form) -> None:
        self._pictures = pictures
        self._places = places
        self._form = form
        self._pool = ThreadPoolExecutor(WORKERS)
        self._error: DataError | None = None
        # Permanent: warning filters belong to the process, and other threads read pictures too.
        warnings.filterwarnings("ignore", module=r"PIL\.")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """N, H, W, C, as of an array."""
        return len(self._places), *self._form.shape

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._places)

    def __getitem__(self, at: np.ndarray) -> np.ndarray:
        """Decode the images at the indices `at`, int64 [M].

        Returns:
            uint8 [M, H, W, C].

        Raises:
            DataError: an image is no longer readable.
        """
        places = self._places[at].tolist()
        pixels = np.empty((len(places), *self._form.shape), np.uint8)

        def decode(first: int) -> None:
            for index in range(first, len(places), WORKERS):
                pixels[index] = self._decode(places[index])

        try:
            # One task per thread: one task per picture would take as long as decoding it.
            list(self._pool.map(decode, range(WORKERS)))
        except DataError as error:
            self._error = error
            raise
        return pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Decode all images."""
        return self[np.arange(len(self))].astype(dtype or self.dtype, copy=False)

    def check_read(self) -> None:
        """Raise the error of a failed access again: TensorFlow replaces it with its own.

        Raises:
            DataError: an image was not readable.
        """
        if self._error is not None:
            raise self._error

    def _decode(self, place: int) -> np.ndarray:
        image = self._pictures.read(place, self._form)
        if image.pixels is None:
            folder = self._pictures.listing.folder
            raise DataError(
                f"{folder / image.file.name} {image.problem}, but was readable before; check the "
                "disk and start again"
            )
        return image.pixels
