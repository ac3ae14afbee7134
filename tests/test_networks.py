import numpy as np
import pytest
import tensorflow as tf

from dcgan_cli.config import ModelConfig, TrainConfig
from dcgan_cli.core.device import use_precision
from dcgan_cli.core.layers import KeyedDropout, LeakyReLU
from dcgan_cli.core.networks import build_discriminator, build_generator, layer_table

KEY = tf.constant([1, 2])


@pytest.fixture(autouse=True)
def _float32():
    use_precision("float32")


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
