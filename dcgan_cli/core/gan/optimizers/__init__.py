"""The optimizers, one module each.

They import Keras inside functions, because the names must be known before TensorFlow is loaded.
"""
