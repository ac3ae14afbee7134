"""Fourier-domain convolutions on the 7x7 grid of cells that all layers of the tutorial share.

An image of 14x14 or 28x28 pixels is split into 7x7 cells of 2x2 or 4x4 pixels, and the pixels of a
cell become channels. A convolution with stride 2 then has stride 1 in cells. Tensors here are
[cells, N, channels]: with the cells first, mixing cells and mixing channels are both matrix
products that need no transpose.

The convolution between cells uses the discrete Fourier transform (DFT). A direct convolution takes
cells x taps x channels x channels multiplications; in the Fourier domain it takes one channels x
channels product at each frequency (Mathieu et al. 2014, "Fast Training of Convolutional Networks
through FFTs", arXiv 1312.5851). The DFT of such a small grid is itself a matrix product. One
complex product takes three real products (Knuth, The Art of Computer Programming, volume 2, section
4.6.4), whose additions are folded into the DFT matrices. So with constant real A, B and C

    output = C [(A input) * (B kernel)]

where * is a matrix product over channels at each of T points. (Lavin & Gray 2016, "Fast Algorithms
for Convolutional Neural Networks", arXiv 1509.09308, equation 8, has the same form with other
matrices, which lose more digits.) The output and the gradients with respect to the input and the
kernel share these matrices and the transformed tensors.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

SIDE = 7
CELLS = SIDE * SIDE
KERNEL = 5
"""Height and width of all kernels in the tutorial."""
PIXELS = 28 * 28


def bilinear_matrices(taps: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrices A, B and C of a zero-padded convolution on the grid of cells.

    output[i, j] = sum over d, e of input[i + d, j + e] * kernel[d, e], with d and e from -(taps//2)
    to taps//2.

    Args:
        taps: height and width of the kernel in cells, odd.
        size: height and width of the DFT, at least SIDE + taps // 2, so that only zeros wrap
            around.

    Returns:
        float64 A [T, CELLS], B [T, taps * taps] and C [CELLS, T].
    """
    cells, offsets = np.arange(SIDE), np.arange(taps) - taps // 2
    rows_a, rows_b, columns_c = [], [], []
    for u, v in np.ndindex(size, size):
        opposite = (-u % size, -v % size)
        if opposite < (u, v):
            continue  # Its conjugate is done already: the DFT of a real signal is symmetric.

        def wave(at: np.ndarray, u: int = u, v: int = v) -> np.ndarray:
            turns = (u * at[:, None] + v * at[None, :]) / size
            return np.exp(-2j * np.pi * turns).ravel()

        x, w, y = wave(cells), wave(-offsets), wave(-cells) / size**2
        if opposite == (u, v):
            rows_a += [x.real]
            rows_b += [w.real]
            columns_c += [y.real]
            continue
        y = 2 * y  # Counts for the conjugate frequency as well.
        # (xr + xi j)(wr + wi j) = p - r + (p + q) j, where p, q and r are the three products.
        rows_a += [x.real + x.imag, x.real, x.imag]
        rows_b += [w.real, w.imag - w.real, w.real + w.imag]
        columns_c += [y.real - y.imag, -y.imag, -y.real]
    return np.array(rows_a), np.array(rows_b), np.array(columns_c).T


class FourierConvolution:
    """A convolution of the tutorial, between two grids of cells, in the Fourier domain."""

    def __init__(
        self,
        taps: int,
        size: int,
        phases: int,
        kernel_at: Callable[[int, int], int],
        transposed: bool,
    ) -> None:
        """Build the matrices.

        Args:
            taps: height and width of the kernel in cells, odd.
            size: height and width of the DFT, see `bilinear_matrices`.
            phases: side of a cell in pixels, on the side (input or output) with more pixels.
            kernel_at: maps (cell offset, pixel within the cell) to the index in the 5x5 kernel
                along one axis; an index outside 0 to 4 means no weight.
            transposed: whether this is a transposed convolution: the kernel is [5, 5, outputs,
                inputs], and the output has more pixels per cell.
        """
        self.transposed = transposed
        self.a, b, self.c = bilinear_matrices(taps, size)
        self.points = len(self.a)
        places = np.zeros((taps, phases, KERNEL))
        for tap, phase in np.ndindex(taps, phases):
            place = kernel_at(tap - taps // 2, phase)
            if 0 <= place < KERNEL:
                places[tap, phase, place] = 1
        b = b.reshape(-1, taps, taps)
        self.b = np.einsum("tde,dpk,eql->tpqkl", b, places, places).reshape(-1, KERNEL**2)

    def __call__(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Apply the convolution.

        Args:
            x: [49, N, phases * phases * inputs], or [49, N, inputs] when transposed.
            kernel: [5, 5, inputs, outputs], or [5, 5, outputs, inputs] when transposed.

        Returns:
            [49, N, outputs], or [49, N, phases * phases * outputs] when transposed, of the dtype of
            `x`.
        """
        inputs, dtype = x.shape[-1], x.dtype
        x = tf.constant(self.a, dtype) @ tf.reshape(x, (CELLS, -1))
        x = tf.reshape(x, (self.points, -1, inputs))
        w = tf.constant(self.b, dtype) @ tf.reshape(tf.cast(kernel, dtype), (KERNEL**2, -1))
        w = tf.reshape(w, (self.points, -1, kernel.shape[-1]))
        y = tf.matmul(x, w, transpose_b=self.transposed)
        outputs = y.shape[-1]
        y = tf.constant(self.c, dtype) @ tf.reshape(y, (self.points, -1))
        return tf.reshape(y, (CELLS, -1, outputs))


# For an even size and stride 2, Keras's "same" padding is one zero before and two after: output o
# depends on inputs 2 o - 1 to 2 o + 3. Transposed convolutions are the gradients of these.
DOWN = FourierConvolution(
    taps=3, size=8, phases=2, kernel_at=lambda cell, pixel: 2 * cell + pixel + 1, transposed=False
)
"""14x14 to 7x7, stride 2."""
UP = FourierConvolution(
    taps=3, size=8, phases=2, kernel_at=lambda cell, pixel: pixel + 1 - 2 * cell, transposed=True
)
"""7x7 to 14x14, transposed, stride 2."""
LEVEL = FourierConvolution(
    taps=5, size=9, phases=1, kernel_at=lambda cell, _: 2 - cell, transposed=True
)
"""7x7 to 7x7, transposed, stride 1."""


# The layers between the 28x28 image, which has one channel, and 14x14 pixels are small enough for a
# direct convolution. The 2x2 pixels of a cell depend on a window of 7x7 image pixels that starts
# one pixel before the cell's 4x4.
WINDOW = 7


def _window_kernel() -> np.ndarray:
    """Return the matrix that spreads a kernel over a window: float64 [49 * 4, 25] of 0 and 1."""
    places = np.zeros((WINDOW, 2, KERNEL))
    for pixel, place in np.ndindex(2, KERNEL):
        places[2 * pixel + place, pixel, place] = 1
    return np.einsum("upk,vql->uvpqkl", places, places).reshape(-1, KERNEL**2)


def _window_pixels() -> np.ndarray:
    """Return the pixel index at each place of each cell's window: int32 [49 places, 49 cells].

    Places outside the image have the index PIXELS.
    """
    along = 4 * np.arange(SIDE) - 1 + np.arange(WINDOW)[:, None]
    outside = (along < 0) | (along >= 28)
    pixels = 28 * along[:, None, :, None] + along[None, :, None, :]
    pixels[outside[:, None, :, None] | outside[None, :, None, :]] = PIXELS
    return pixels.reshape(WINDOW**2, CELLS).astype(np.int32)


WINDOW_KERNEL = _window_kernel()
WINDOW_PIXELS = _window_pixels()


def image_to_cells(images: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Apply the stride-2 convolution from images to 14x14 pixels and add a bias.

    Args:
        images: [N, 28, 28, 1].
        kernel: [5, 5, 1, outputs].
        bias: [outputs].

    Returns:
        [49, N, 4 * outputs], of the dtype of `images`.
    """
    dtype, count = images.dtype, tf.shape(images)[0]
    pixels = tf.transpose(tf.reshape(images, (-1, PIXELS)))
    # A zero for pixels outside the image. A one for the bias, whose gradient is then summed inside
    # the matrix product.
    constants = tf.constant([[0.0], [1.0]], dtype) * tf.ones((1, count), dtype)
    pixels = tf.concat([pixels, constants], axis=0)
    places = np.concatenate([WINDOW_PIXELS, np.full((1, CELLS), PIXELS + 1, np.int32)])
    windows = tf.reshape(tf.gather(pixels, places.ravel()), (len(places), -1))
    outputs = kernel.shape[-1]
    w = _in_windows(kernel, dtype)
    w = tf.concat([w, tf.tile(tf.cast(bias, dtype), (4,))[None]], axis=0)
    return tf.reshape(tf.matmul(windows, w, transpose_a=True), (CELLS, -1, 4 * outputs))


def cells_to_image(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Apply the transposed convolution from 14x14 pixels to images.

    Args:
        x: [49, N, 4 * inputs].
        kernel: [5, 5, 1, inputs].

    Returns:
        float32 [N, 28, 28, 1].
    """
    w = _in_windows(kernel, x.dtype)
    windows = tf.matmul(w, tf.reshape(x, (-1, w.shape[-1])), transpose_b=True)
    windows = tf.cast(tf.reshape(windows, (WINDOW_PIXELS.size, -1)), tf.float32)
    pixels = tf.math.unsorted_segment_sum(windows, WINDOW_PIXELS.ravel(), PIXELS + 1)[:PIXELS]
    return tf.reshape(tf.transpose(pixels), (-1, 28, 28, 1))


def _in_windows(kernel: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    channels = kernel.shape[-1]
    w = tf.reshape(tf.cast(kernel, dtype), (KERNEL**2, channels))
    return tf.reshape(tf.constant(WINDOW_KERNEL, dtype) @ w, (WINDOW**2, 4 * channels))
