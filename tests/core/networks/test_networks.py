import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_cli.core.networks.build import build_discriminator, build_generator, layer_table
from dcgan_cli.core.networks.device import building
from dcgan_cli.core.networks.layers import (
    KeyedDropout,
    LeakyReLU,
    SpectralNormalization,
    layer_norm,
)
from dcgan_cli.settings import registry
from dcgan_cli.settings.schema import DataConfig, LossConfig, ModelConfig, TrainConfig

KEY = tf.constant([1, 2])


def count(variables) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)


def test_networks_have_the_tutorials_sizes():
    generator = build_generator(TrainConfig())
    discriminator = build_discriminator(TrainConfig())
    assert generator.count_params() == 2_330_944
    assert count(generator.trainable_variables) == 2_305_472
    assert discriminator.count_params() == count(discriminator.trainable_variables) == 212_865


def test_networks_have_the_tutorials_shapes_and_ranges():
    generator = build_generator(TrainConfig())
    discriminator = build_discriminator(TrainConfig())
    images = generator(np.random.default_rng(0).standard_normal((3, 100)), training=False)
    logits = discriminator([images, KEY], training=False)
    assert images.shape == (3, 28, 28, 1)
    assert float(tf.reduce_max(tf.abs(images))) <= 1
    assert logits.shape == (3, 1)


def test_layer_table_adds_up_to_the_network():
    for network in (
        build_generator(TrainConfig()),
        build_discriminator(TrainConfig()),
    ):
        assert sum(row["parameters"] for row in layer_table(network)) == network.count_params()


def test_multiply_adds_of_known_layers():
    rows = {r["name"]: r for r in layer_table(build_generator(TrainConfig()))}
    assert rows["dense"]["multiply_adds"] == 100 * 12544
    # 49 input positions, each spread by a 5x5 kernel over 128 of 256 channels.
    assert rows["conv_1"]["multiply_adds"] == 49 * 25 * 256 * 128
    rows = {r["name"]: r for r in layer_table(build_discriminator(TrainConfig()))}
    assert rows["conv_1"]["multiply_adds"] == 14 * 14 * 25 * 64


def test_seed_decides_the_weights():
    model = ModelConfig(base_channels=4)
    one, same, other = (
        build_generator(TrainConfig(model=model, noise_dim=8, seed=seed)) for seed in (1, 1, 2)
    )
    for a, b in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_layers_do_not_share_initial_weights():
    network = build_discriminator(TrainConfig(model=ModelConfig(base_channels=4)))
    first, second = (network.get_layer(f"conv_{i}").kernel.numpy().ravel() for i in (1, 2))
    assert not np.allclose(first / np.ptp(first), second[: len(first)] / np.ptp(second), atol=0.05)


@pytest.mark.parametrize("slope", [0.0, 0.2, 0.3, 1.0])
def test_leaky_relu_and_its_gradient_equal_tensorflows(slope):
    x = tf.constant([[-3.0, -1e-6, 0.0, 1e-6, 2.0]])
    weights = tf.constant([[1.0, 2.0, 3.0, 4.0, 5.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = LeakyReLU(slope)(x)
        theirs = tf.nn.leaky_relu(x, slope)
        our_sum, their_sum = tf.reduce_sum(ours * weights), tf.reduce_sum(theirs * weights)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(tape.gradient(our_sum, x), tape.gradient(their_sum, x))


@pytest.mark.parametrize("channels", [1, 6, 7])
def test_dropout_drops_its_share_and_scales_the_rest(channels):
    ones = tf.ones((40, 20, 20, channels))
    dropped = KeyedDropout(0.3, index=1)(ones, KEY, training=True).numpy()
    rate = 77 / 256  # The nearest to 0.3 of what eight bits can say.
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(1 / (1 - rate))}
    share = (dropped == 0).mean()
    deviation = (rate * (1 - rate) / dropped.size) ** 0.5
    assert abs(share - rate) < 5 * deviation


def test_dropout_is_a_function_of_key_and_layer():
    ones = tf.ones((2, 5, 5, 8))
    mask = KeyedDropout(0.5, index=1)(ones, KEY, training=True).numpy()
    again = KeyedDropout(0.5, index=1)(ones, KEY, training=True).numpy()
    other_key = KeyedDropout(0.5, index=1)(ones, tf.constant([1, 3]), training=True).numpy()
    other_layer = KeyedDropout(0.5, index=2)(ones, KEY, training=True).numpy()
    np.testing.assert_array_equal(mask, again)
    assert not np.array_equal(mask, other_key)
    assert not np.array_equal(mask, other_layer)


def test_dropout_does_nothing_when_not_training():
    ones = tf.ones((2, 5, 5, 8))
    np.testing.assert_array_equal(KeyedDropout(0.5, index=1)(ones, KEY, training=False), ones)


@pytest.mark.parametrize("size", [32, 64, 128, 256])
def test_the_papers_networks_meet_at_4x4(size):
    config = TrainConfig(
        model=ModelConfig(name="dcgan", base_channels=4),
        data=DataConfig(image_size=size, channels=3),
        noise_dim=5,
    )
    generator, discriminator = build_generator(config), build_discriminator(config)
    assert generator.get_layer("reshape").output.shape[1:3] == (4, 4)
    assert generator.output.shape[1:] == (size, size, 3)
    assert discriminator.get_layer("flatten").input.shape[1:3] == (4, 4)


def test_the_papers_generator_is_that_of_its_figure():
    """Radford et al. 2016, figure 1: 1024, 512, 256 and 128 channels, then an image of 64x64."""
    config = TrainConfig(
        model=ModelConfig(name="dcgan", base_channels=128),
        data=DataConfig(image_size=64, channels=3),
    )
    shapes = [
        layer.output.shape[1:]
        for layer in build_generator(config).layers
        if layer.name.startswith(("reshape", "conv"))
    ]
    assert shapes == [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)]


def test_a_penalised_discriminator_normalises_each_image_over_all_of_it():
    """Layer normalisation (Ba et al. 2016): one mean and variance for all channels of an image."""
    config = TrainConfig(
        model=ModelConfig(name="dcgan", base_channels=4),
        data=DataConfig(image_size=32),
        loss=LossConfig(r1_gamma=1),
    )
    layer = build_discriminator(config).get_layer("norm_2")
    # Channels and images of different means and sizes, so that it matters what is averaged over.
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 8)).astype(np.float32)
    x = x * np.arange(1, 9) + np.arange(8) * np.arange(1, 4).reshape(3, 1, 1, 1)
    mean, variance = x.mean((1, 2, 3), keepdims=True), x.var((1, 2, 3), keepdims=True)
    expected = (x - mean) / np.sqrt(variance + layer.epsilon)
    np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "size", "resized"), [("dcgan28", 28, 2), ("dcgan", 32, 3)])
def test_resizing_repeats_pixels(name, size, resized):
    config = TrainConfig(
        model=ModelConfig(name=name, base_channels=4, upsample="resize"),
        data=DataConfig(image_size=size),
    )
    generator = build_generator(config)
    layers = [layer for layer in generator.layers if layer.name.endswith("_resize")]
    assert len(layers) == resized
    inside = keras.Model(generator.input, [(layer.input, layer.output) for layer in layers])
    latents = np.random.default_rng(0).standard_normal((2, config.noise_dim))
    for before, after in inside(latents, training=False):
        assert np.ptp(before) > 0
        np.testing.assert_array_equal(after, np.repeat(np.repeat(before, 2, axis=1), 2, axis=2))


class TestConditional:
    """What docs/networks.md says of `model.conditional`, computed here from that alone."""

    MODELS = pytest.mark.parametrize(
        ("name", "size", "generator_begins", "features"),
        # 7x7 positions of 4 * 4 and 2 * 4 channels; 4x4 of 16 and 16; 12 units.
        [("dcgan28", 28, 784, 392), ("dcgan", 32, 256, 256), ("mlp", 20, 12, 12)],
    )

    def networks(self, name, size, *, conditional=True):
        config = TrainConfig(
            model=ModelConfig(name=name, base_channels=4, units=12, conditional=conditional),
            data=DataConfig(image_size=size, classes=5),
            noise_dim=6,
        )
        return build_generator(config), build_discriminator(config)

    @MODELS
    def test_has_the_parameters_of_a_class_and_no_others(
        self, name, size, generator_begins, features
    ):
        """The generator's first layer sees 5 values more; the projection has 5 rows of features."""
        generator, discriminator = self.networks(name, size)
        plain_generator, plain_discriminator = self.networks(name, size, conditional=False)
        more = generator.count_params() - plain_generator.count_params()
        assert more == 5 * generator_begins
        more = discriminator.count_params() - plain_discriminator.count_params()
        assert more == 5 * features

    @MODELS
    def test_an_image_is_of_its_noise_and_its_class(self, name, size, generator_begins, features):
        generator, _ = self.networks(name, size)
        noise = np.tile(np.random.default_rng(0).standard_normal((1, 6)), (5, 1))
        images = generator(np.concatenate([noise, np.eye(5)], axis=1), training=False).numpy()
        assert len(np.unique(images.reshape(5, -1), axis=0)) == 5
        kernel = next(v for v in generator.variables if v.path.startswith("dense")).numpy()
        assert kernel.shape == (6 + 5, generator_begins)

    @MODELS
    def test_the_logit_is_that_of_the_projection(self, name, size, generator_begins, features):
        """Miyato & Koyama 2018, equation 3: psi(phi(x)) + y' V phi(x), with psi affine."""
        _, discriminator = self.networks(name, size)
        images = np.random.default_rng(0).uniform(-1, 1, (5, size, size, 1)).astype(np.float32)
        phi = keras.Model(discriminator.input, discriminator.get_layer("dense").input)
        no_class = tf.zeros((5, 5))
        seen = phi([tf.constant(images), KEY, no_class], training=False).numpy()
        assert seen.shape == (5, features)
        psi, v = (discriminator.get_layer(layer) for layer in ("dense", "classes_dense"))
        projections = seen @ v.kernel.numpy()
        assert len(np.unique(projections[0])) == 5
        for label in range(5):
            of_label = tf.one_hot([label] * 5, 5)
            expected = seen @ psi.kernel.numpy() + psi.bias.numpy() + projections[:, [label]]
            logits = discriminator([tf.constant(images), KEY, of_label], training=False)
            np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


SEEDED = keras.initializers.RandomNormal(seed=0)


class TestSpectralNormalization:
    def layer(self, inner) -> SpectralNormalization:
        layer = SpectralNormalization(inner, seed=1)
        layer(self.inputs(inner))
        return layer

    def inputs(self, inner):
        shape = (3, 7) if isinstance(inner, keras.layers.Dense) else (3, 8, 8, 2)
        return tf.random.stateless_normal(shape, [0, 0])

    @pytest.mark.parametrize(
        "inner",
        [
            keras.layers.Dense(4, kernel_initializer=SEEDED, name="d"),
            keras.layers.Conv2D(5, 3, strides=2, kernel_initializer=SEEDED, name="c"),
            keras.layers.Conv2DTranspose(5, 3, strides=2, kernel_initializer=SEEDED, name="t"),
        ],
        ids=["dense", "convolution", "transposed convolution"],
    )
    def test_divides_by_the_largest_singular_value(self, inner):
        layer, x = self.layer(inner), self.inputs(inner)
        for _ in range(200):
            y = layer(x, training=True)
        kernel = layer.divided.kernel.numpy()
        # A transposed convolution has the outputs before the inputs.
        by_output = kernel.swapaxes(2, 3) if inner.name == "t" else kernel
        matrix = by_output.reshape(-1, by_output.shape[-1])
        largest = np.linalg.svd(matrix, compute_uv=False)[0]
        expected = layer.divided(x).numpy() / largest  # Its bias is zero.
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(layer.divided.kernel, kernel)

    def test_its_vector_moves_in_training_only(self):
        layer = self.layer(keras.layers.Dense(4, name="d"))
        x = self.inputs(layer.divided)
        before = layer.u.numpy()
        layer(x)
        np.testing.assert_array_equal(layer.u, before)
        layer(x, training=True)
        assert not np.array_equal(layer.u, before)

    def test_a_longer_kernel_changes_nothing(self):
        """So the gradient along the kernel is zero: it goes through the division."""
        layer = self.layer(keras.layers.Dense(4, use_bias=False, name="d"))
        x = self.inputs(layer.divided)
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(x) ** 2)
        kernel = layer.divided.kernel
        slope = tape.gradient(total, kernel.value)
        assert float(tf.norm(slope)) > 0.1
        assert abs(float(tf.reduce_sum(slope * kernel))) < 1e-4

    def test_is_found_in_float32_whatever_the_layer_computes_in(self):
        with building("bfloat16"):
            layer = self.layer(keras.layers.Dense(4, name="d"))
        x = self.inputs(layer.divided)
        for _ in range(200):
            y = layer(x, training=True)
        assert y.dtype == tf.bfloat16
        largest = np.linalg.svd(layer.divided.kernel.numpy(), compute_uv=False)[0]
        u, kernel = layer.u.numpy(), layer.divided.kernel.numpy()
        np.testing.assert_allclose(np.linalg.norm(u), 1, rtol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(kernel @ u), largest, rtol=1e-5)

    def test_every_kernel_of_the_discriminator_is_divided(self):
        for name, size in (("dcgan28", 28), ("dcgan", 32), ("mlp", 28)):
            config = TrainConfig(
                model=ModelConfig(name=name, spectral_norm=True, conditional=True),
                data=DataConfig(image_size=size),
            )
            names = {variable.path for variable in build_discriminator(config).variables}
            kernels = {path for path in names if path.endswith("/kernel")}
            assert {path.split("/")[0] + "/u" for path in kernels} <= names
            assert not any(v.path.endswith("/u") for v in build_generator(config).variables)

    @pytest.mark.parametrize("upsample", ["transposed", "resize"])
    def test_every_layer_of_the_blocks_is_divided(self, upsample):
        """More layers than seeds are drawn at once, and each with other weights."""

        class Deep:
            def generator(self, latent, image_shape, blocks):
                raise NotImplementedError

            def discriminator(self, image, dropout_key, blocks):
                x = blocks.up(blocks.down(2, name="down")(image), 2, name="up")
                for index in range(40):
                    x = blocks.conv(2, name=f"conv_{index}")(x)
                return x

        registry.model("deep")(Deep)
        model = ModelConfig(name="deep", spectral_norm=True, upsample=upsample)
        network = build_discriminator(TrainConfig(model=model))
        kernels = [v for v in network.variables if v.path.endswith("/kernel")]
        names = {variable.path for variable in network.variables}
        assert {v.path.split("/")[0] + "/u" for v in kernels} <= names
        assert len(kernels) == 43
        assert len({float(v.numpy().ravel()[0]) for v in kernels}) == 43


def test_second_derivatives_of_layer_normalization():
    """Against finite differences: penalties differentiate twice."""
    random = np.random.default_rng(0)
    x = tf.constant(random.standard_normal((2, 4, 4, 3)), tf.float32)
    scale, offset = (tf.constant(random.standard_normal(3), tf.float32) for _ in range(2))

    def penalty(offset):
        with tf.GradientTape() as tape:
            tape.watch(x)
            once = layer_norm(x, scale, offset, 1e-3)
            y = tf.reduce_sum(tf.sin(layer_norm(once, scale, offset, 1e-3)))
        return tf.reduce_sum(tape.gradient(y, x) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(offset)
        total = penalty(offset)
    slope = tape.gradient(total, offset)
    step = 1e-2
    for channel in range(3):
        by = tf.one_hot(channel, 3) * step
        measured = (penalty(offset + by) - penalty(offset - by)) / (2 * step)
        np.testing.assert_allclose(slope[channel], measured, rtol=5e-3)


@pytest.mark.parametrize("axis", [0, 2])
def test_layer_normalization_is_that_of_one_group(axis):
    x = tf.random.normal((2, 4, 5, 3), seed=1)
    layer = keras.layers.GroupNormalization(groups=1)
    expected = layer(x)
    order = (0, 1, 2, 3) if axis == 0 else (1, 2, 0, 3)
    found = layer_norm(tf.transpose(x, order), layer.gamma, layer.beta, 1e-3, axis)
    np.testing.assert_allclose(found, tf.transpose(expected, order), atol=1e-5)
