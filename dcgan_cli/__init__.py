"""Train, sample, animate, evaluate and inspect DCGANs from the command line."""

__version__ = "0.1.0"
