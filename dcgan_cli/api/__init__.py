"""What `import dcgan_cli` offers: the commands as functions that leave the process as it was."""
