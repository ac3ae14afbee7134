"""Lock a run folder, so that one process at a time trains in it.

The operating system releases the lock when the process ends, even if it crashes, so there are no
stale locks. The file `run.lock` stays; it names the process that took the lock last.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock, Timeout

from dcgan_cli.core.runs.folder import RunFolder
from dcgan_cli.core.storage import now, read_text
from dcgan_cli.errors import LockedError, StorageError

PATIENCE = 0.2
"""Seconds to wait for the lock: `dcgan inspect` takes it for an instant, to see if it is free."""


@contextmanager
def hold(run: RunFolder) -> Iterator[None]:
    """Hold the lock of a run folder, which must exist.

    Raises:
        LockedError: another process holds it.
        StorageError: the folder is not writable, or its disk does not support locks.
    """
    lock = FileLock(run.lock, timeout=PATIENCE, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(
            f"{run.path} is being trained by {_holder(run)}; wait for it or stop it"
        ) from None
    except OSError as error:
        raise StorageError(
            f"{run.lock} cannot be locked ({error.strerror}); change its permissions or use "
            "another disk"
        ) from None
    try:
        with contextlib.suppress(OSError):  # The lock works without the text, on a full disk.
            run.lock.write_text(f"process {os.getpid()} on {socket.gethostname()} since {now()}\n")
        yield
    finally:
        lock.release()


def is_held(run: RunFolder) -> bool | None:
    """Return whether a process is training in a run folder; None if unknown."""
    if not run.lock.exists():
        return False
    try:
        with FileLock(run.lock, timeout=0, fallback_to_soft=False):
            return False
    except Timeout:
        return True
    except OSError:
        return None


def current_status(run: RunFolder) -> dict[str, Any]:
    """Return a run's status, with the state "killed" if its process no longer runs."""
    status = run.status()
    if status["state"] == "running" and is_held(run) is False:
        return status | {"state": "killed", "reason": "its process was killed"}
    return status


def _holder(run: RunFolder) -> str:
    try:
        return read_text(run.lock).decode(errors="replace").strip() or "another process"
    except OSError:
        return "another process"
