"""The optimizers, a module each.

Keras is imported inside their functions: the names must be known before TensorFlow is loaded.
"""
