"""The generators and the discriminators."""
