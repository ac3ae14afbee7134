"""From the words after `dcgan train` to checked settings, by way of Hydra."""
