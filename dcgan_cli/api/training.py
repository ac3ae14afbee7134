"""`train`: `dcgan train` in this process."""

import signal

from dcgan_cli.api.guest import as_guest
from dcgan_cli.api.run import Run
from dcgan_cli.commands.train import prepare
from dcgan_cli.errors import ConfigError, Interrupted
from dcgan_cli.hints import message_with_hint
from dcgan_cli.hydra_cli.run import run_here
from dcgan_cli.plugins import load_file, take_options


def train(*words: str, progress: bool = True) -> Run:
    """Train a DCGAN in this process, in a new folder below `runs/`, and return its run.

    It checks the same words, writes the same run folder and computes the same bits as
    `dcgan train`. It works in any thread. Afterwards the process is as it was: Keras's settings,
    logging, environment variables, signal handlers, Hydra, the current folder. While it trains on a
    CPU, TensorFlow's operations are deterministic in the whole process.

    Ctrl-C, or the stop button of a notebook, saves the state after the current step. In a thread
    other than the main one there are no signals, so nothing stops training but its end. A call
    waits for those in other threads, because Hydra's state belongs to the process.

    Args:
        words: the words of `dcgan train`, such as "epochs=10", "loss=hinge", "resume=latest" or
            "--plugin", "my_gan.py".
        progress: whether to show how far it is, on standard error: bars on a terminal, a line for
            each epoch in a notebook.

    Raises:
        KeyboardInterrupt: Ctrl-C; the message names the saved step and the command that resumes.
            SIGTERM and SIGHUP save too, and then have their usual effect.
        ConfigError: a word cannot be used, or asks for a sweep (-m), which needs the command line.
        DataError: the training data is missing, damaged or of another kind.
        CheckpointError: the run to resume is missing or damaged.
        StorageError: the disk, the memory or the permissions do not allow it.
        NumericalError: a loss is not finite.
        LockedError: another process is training in this run folder.
    """
    for word in words:
        if not isinstance(word, str):
            raise ConfigError(f'train takes words such as "epochs=10", got {word!r}')
    try:
        with as_guest():
            rest, files = take_options(list(words))
            for file in files:
                load_file(file)
            folder = run_here(
                rest,
                lambda config, fetches: prepare(
                    config, fetches, quiet=True, progress=progress, own_process=False
                ),
            )
    except Interrupted as stopped:
        number = stopped.exit_code - 128
        if number != signal.SIGINT:  # Which was kept from its usual effect until now.
            signal.raise_signal(number)
        raise KeyboardInterrupt(message_with_hint(stopped)) from None
    return Run(folder.path)
