"""A trained generator as a file for other programs. One module per format."""
