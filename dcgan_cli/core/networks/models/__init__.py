"""The generators and discriminators, a module for each pair.

Each module registers a class with two methods. It imports Keras inside them: the names must be
known before TensorFlow is loaded.
"""
