"""`python -m dcgan_cli` is the same program as `dcgan`."""

from dcgan_cli.cli import main

if __name__ == "__main__":
    main()
