"""Turn the arguments of `dcgan train` into checked settings, with Hydra."""
