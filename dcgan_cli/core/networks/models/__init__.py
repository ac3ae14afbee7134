"""The generators and discriminators, one module per pair.

Each module registers a class with two methods. It imports Keras inside them, because the names must
be known before TensorFlow is loaded.
"""
