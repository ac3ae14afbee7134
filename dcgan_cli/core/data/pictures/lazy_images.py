"""Pictures that stay in their files until they are looked at."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dcgan_cli.core.data.pictures.preprocessing import Form
from dcgan_cli.core.data.pictures.reading import WORKERS, Pictures
from dcgan_cli.errors import DataError


class LazyImages:
    """Pictures that are decoded whenever they are asked for, as if they were one array.

    Args:
        pictures: the files.
        places: int64 [N], which of the pictures, all of which have been read once without fault.
        form: what they are brought to.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, pictures: Pictures, places: np.ndarray, form: Form) -> None:
        self._pictures = pictures
        self._places = places
        self._form = form
        self._pool = ThreadPoolExecutor(WORKERS)
        self._error: DataError | None = None
        # For good: filters belong to the process, and pictures are read from other threads.
        warnings.filterwarnings("ignore", module=r"PIL\.")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As of an array: [N, H, W, C]."""
        return len(self._places), *self._form.shape

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)

    def __getitem__(self, at: np.ndarray) -> np.ndarray:
        """Decode those at the places `at`, int64 [M].

        Returns:
            uint8 [M, H, W, C].

        Raises:
            DataError: one cannot be read any more.
        """
        places = self._places[at].tolist()
        pixels = np.empty((len(places), *self._form.shape), np.uint8)

        def decode(first: int) -> None:
            for index in range(first, len(places), WORKERS):
                pixels[index] = self._decode(places[index])

        try:
            # One task for each thread: handing pictures over one by one takes as long as decoding.
            list(self._pool.map(decode, range(WORKERS)))
        except DataError as error:
            self._error = error
            raise
        return pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Decode all."""
        return self[np.arange(len(self))].astype(dtype or self.dtype, copy=False)

    def check_read(self) -> None:
        """Raise the error that ended a reading in another thread, which TensorFlow would reword.

        Raises:
            DataError: that one.
        """
        if self._error is not None:
            raise self._error

    def _decode(self, place: int) -> np.ndarray:
        image = self._pictures.read(place, self._form)
        if image.pixels is None:
            folder = self._pictures.listing.folder
            raise DataError(
                f"{folder / image.file.name} {image.problem}, and could be read before; check the "
                "disk and start again"
            )
        return image.pixels
