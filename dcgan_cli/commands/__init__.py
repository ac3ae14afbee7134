"""What each subcommand does. A module is imported when its command runs."""
