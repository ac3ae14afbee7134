"""The subcommands. Each module is imported when its command runs."""
