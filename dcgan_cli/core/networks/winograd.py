"""Convolutions of 5x5 with stride 2, forward and transposed, with fewer multiplications.

The larger grid of pixels is split into cells of 2x2 pixels, and the pixels of a cell become
channels. A convolution with stride 2 then has stride 1 in cells, and a kernel of 3x3 cells. Output
cells are computed in tiles of 4x4 by a minimal filtering algorithm (Lavin & Gray 2016, "Fast
Algorithms for Convolutional Neural Networks", arXiv 1509.09308, equation 8):

    output = C [(A input) * (B kernel)]

where * is a matrix product over channels at each of 36 points. A tile of 16 cells of 4 pixels takes
36 * 4 products of channels. A direct convolution takes 16 * 25. The output and the gradients with
respect to the input and the kernel share A, B, C and the transformed tensors.

Tensors are [rows, columns, N, channels]: with the cells first, mixing cells and mixing channels are
both matrix products that need no transpose.
"""

import numpy as np
import tensorflow as tf

KERNEL = 5
"""Height and width of all kernels, in pixels."""
TAPS = 3
"""Height and width of all kernels, in cells."""
TILE = 4
"""Height and width of a tile of output cells."""
POINTS = TILE + TAPS - 1
ROOTS = (0, 2**-0.5, -(2**-0.5), 2**0.5, -(2**0.5))
"""Where the polynomials of the algorithm are evaluated, besides infinity. The usual 0, 1, -1, 2 and
-2 lose over twice as much precision: see docs/performance.md."""
DENSE_SIDE = 8
"""Largest grid, in cells, whose rows and columns are transformed at once. One matrix product is
faster than two, although it multiplies by zeros where tiles do not meet."""


def filter_matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrices A, B and C of a tile, along one axis.

    They are those of polynomial multiplication by evaluation and interpolation (Toom-Cook),
    transposed: C and B evaluate, A interpolates.

    Returns:
        float64 A [POINTS, POINTS], B [POINTS, TAPS] and C [TILE, POINTS], such that output[i] = sum
        over d of input[i + d] * kernel[d] for each i below TILE.
    """

    def evaluate(count: int) -> np.ndarray:
        finite = [[root**power for power in range(count)] for root in ROOTS]
        infinite = [0] * (count - 1) + [1]
        return np.array([*finite, infinite], np.float64)

    return np.linalg.inv(evaluate(POINTS)).T, evaluate(TAPS), evaluate(TILE).T


class TiledConvolution:
    """A 5x5 convolution with stride 2 between a grid of cells and the grid of their pixels.

    The pixels are Keras's with padding "same": one zero before and two after.
    """

    def __init__(self, side: int, *, transposed: bool, dense: bool | None = None) -> None:
        """Build the matrices.

        Args:
            side: height and width of the grid in cells, a multiple of 4.
            transposed: whether this is a transposed convolution, from cells to pixels, with a
                kernel [5, 5, outputs, inputs].
            dense: whether to transform rows and columns at once; None decides by the side.
        """
        self.side = side
        self.transposed = transposed
        self.tiles = side // TILE
        self.dense = side <= DENSE_SIDE if dense is None else dense
        a, b, c = filter_matrices()
        along_a = np.zeros((POINTS, self.tiles, side))
        along_c = np.zeros((side, POINTS, self.tiles))
        for tile in range(self.tiles):
            first = TILE * tile
            along_c[first : first + TILE, :, tile] = c
            for place, cell in enumerate(range(first - 1, first - 1 + POINTS)):
                if 0 <= cell < side:  # Cells outside the grid are zeros.
                    along_a[:, tile, cell] = a[:, place]
        if self.dense:
            self.a = np.einsum("pti,qsj->pqtsij", along_a, along_a).reshape(-1, side**2)
            self.c = np.einsum("ipt,jqs->ijpqts", along_c, along_c).reshape(side**2, -1)
        else:
            self.a, self.c = along_a.reshape(-1, side), along_c.reshape(side, -1)
        along_b = np.einsum("pd,dak->pak", b, _places(transposed))
        self.b = np.einsum("pak,qbl->pqabkl", along_b, along_b).reshape(-1, KERNEL**2)

    def __call__(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Apply the convolution.

        Args:
            x: [side, side, N, 4 * inputs], or [side, side, N, inputs] when transposed.
            kernel: [5, 5, inputs, outputs], or [5, 5, outputs, inputs] when transposed.

        Returns:
            [side, side, N, outputs], or [side, side, N, 4 * outputs] when transposed, of the dtype
            of `x`.
        """
        dtype = x.dtype
        w = tf.constant(self.b, dtype) @ tf.reshape(tf.cast(kernel, dtype), (KERNEL**2, -1))
        w = tf.reshape(w, (POINTS, POINTS, -1, kernel.shape[-1]))
        apply = self._at_once if self.dense else self._by_axis
        return apply(x, w, tf.constant(self.a, dtype), tf.constant(self.c, dtype))

    def _at_once(self, x: tf.Tensor, w: tf.Tensor, a: tf.Tensor, c: tf.Tensor) -> tf.Tensor:
        inputs, side, points = x.shape[-1], self.side, POINTS**2
        x = tf.reshape(a @ tf.reshape(x, (side**2, -1)), (points, -1, inputs))
        y = tf.matmul(x, tf.reshape(w, (points, *w.shape[2:])), transpose_b=self.transposed)
        y = c @ tf.reshape(y, (points * self.tiles**2, -1))
        return tf.reshape(y, (side, side, -1, w.shape[2 if self.transposed else 3]))

    def _by_axis(self, x: tf.Tensor, w: tf.Tensor, a: tf.Tensor, c: tf.Tensor) -> tf.Tensor:
        inputs, side, tiles = x.shape[-1], self.side, self.tiles
        x = a @ tf.reshape(x, (side, -1))
        x = a @ tf.reshape(x, (POINTS * tiles, side, -1))
        # Row point, row tile, column point; column tile and N; channels.
        x = tf.reshape(x, (POINTS, tiles, POINTS, -1, inputs))
        y = tf.matmul(x, w[:, tf.newaxis], transpose_b=self.transposed)
        y = c @ tf.reshape(y, (POINTS * tiles, POINTS * tiles, -1))
        y = c @ tf.reshape(y, (POINTS * tiles, -1))
        return tf.reshape(y, (side, side, -1, w.shape[2 if self.transposed else 3]))


def _places(transposed: bool) -> np.ndarray:
    """Return which weight connects a cell to a pixel of another cell, along one axis.

    Returns:
        float64 [TAPS, 2, KERNEL] of 0 and 1: cell offset, pixel within the cell, weight.
    """
    places = np.zeros((TAPS, 2, KERNEL))
    for tap, pixel in np.ndindex(TAPS, 2):
        # Output o of a convolution depends on inputs 2 o - 1 to 2 o + 3. Transposed convolutions
        # are the gradients of these.
        cell = TAPS // 2 - tap if transposed else tap - TAPS // 2
        weight = 2 * cell + pixel + 1
        if 0 <= weight < KERNEL:
            places[tap, pixel, weight] = 1
    return places


def to_cells(x: tf.Tensor) -> tf.Tensor:
    """Gather the 2x2 pixels of each cell: [2 S, 2 S, N, C] -> [S, S, N, 4 C]."""
    side, channels = x.shape[0] // 2, x.shape[-1]
    x = tf.transpose(tf.reshape(x, (side, 2, side, 2, -1, channels)), (0, 2, 4, 1, 3, 5))
    return tf.reshape(x, (side, side, -1, 4 * channels))


def to_pixels(x: tf.Tensor) -> tf.Tensor:
    """Undo `to_cells`: [S, S, N, 4 C] -> [2 S, 2 S, N, C]."""
    side, channels = x.shape[0], x.shape[-1] // 4
    x = tf.transpose(tf.reshape(x, (side, side, -1, 2, 2, channels)), (0, 3, 1, 4, 2, 5))
    return tf.reshape(x, (2 * side, 2 * side, -1, channels))


def images_to_cells(x: tf.Tensor) -> tf.Tensor:
    """Like `to_cells`, with the images first: [N, 2 S, 2 S, C] -> [S, S, N, 4 C]."""
    side, channels = x.shape[1] // 2, x.shape[-1]
    x = tf.transpose(tf.reshape(x, (-1, side, 2, side, 2, channels)), (1, 3, 0, 2, 4, 5))
    return tf.reshape(x, (side, side, -1, 4 * channels))


def cells_to_images(x: tf.Tensor) -> tf.Tensor:
    """Like `to_pixels`, with the images first: [S, S, N, 4 C] -> [N, 2 S, 2 S, C]."""
    side, channels = x.shape[0], x.shape[-1] // 4
    x = tf.transpose(tf.reshape(x, (side, side, -1, 2, 2, channels)), (2, 0, 3, 1, 4, 5))
    return tf.reshape(x, (-1, 2 * side, 2 * side, channels))
