"""Faults that are put into a real `dcgan` process of its own. For tests alone: the program has no
hooks for them.
"""

import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def kill_before(call: str, where: str, count: int = 1) -> None:
    """Have this process killed before it calls `os.CALL` on a path that matches, for the nth time.

    SIGKILL leaves it no time for anything: no `finally`, no `except`, no buffer written out.
    """
    _before(call, where, count, lambda: os.kill(os.getpid(), signal.SIGKILL))


def signal_before(call: str, where: str, name: str, times: int) -> None:
    """Send this process a signal, several times, before it calls `os.CALL` on a path."""

    def send() -> None:
        for _ in range(times):
            os.kill(os.getpid(), getattr(signal, name))

    _before(call, where, 1, send)


def fail_before(call: str, where: str, number: int, count: int = 1) -> None:
    """Let the nth call of `os.CALL` on a path that matches fail with an error number."""

    def fail() -> None:
        raise OSError(number, os.strerror(number), where)

    _before(call, where, count, fail)


def stop() -> None:
    """Stop this process until it is sent SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def signal_at_step(step: int, name: str) -> None:
    """Send this process a signal once it has read the result of a step of the run."""
    from dcgan_cli.console import PlainReporter

    def report(self, report) -> None:
        if report.step == step:
            os.kill(os.getpid(), getattr(signal, name))

    PlainReporter.step = report


def second_a_step(seconds: float) -> None:
    """Have this process's monotonic clock stand still but for some seconds at each step."""
    import time

    from dcgan_cli.console import PlainReporter

    now, step = time.monotonic(), PlainReporter.step

    def report(self, report) -> None:
        nonlocal now
        now += seconds
        step(self, report)

    PlainReporter.step = report
    time.monotonic = lambda: now


def change_at_step(step: int) -> None:
    """Change every picture in `pictures` once a step's result is read, and keep the old ones."""
    from dcgan_cli.console import PlainReporter

    def report(self, report) -> None:
        if report.step == step:
            for path in Path.cwd().glob("pictures/*.png"):
                path.rename(path.with_name(f"{path.name}.before"))
                path.write_bytes(b"changed")

    PlainReporter.step = report


def ignore(name: str) -> None:
    """Have this process ignore a signal, as `nohup` has."""
    signal.signal(getattr(signal, name), signal.SIG_IGN)


def delete_current_folder() -> None:
    """Delete the empty folder that this process is in."""
    os.rmdir(os.getcwd())


def nobody_reads(*streams: int) -> None:
    """Give this process, as these streams, a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    for stream in streams:
        os.dup2(writing, stream)


def forbid(*packages: str) -> None:
    """Let every import of these packages fail, also of those that the server has imported."""
    for name in [*packages, *sys.modules]:
        if name.partition(".")[0] in packages:
            sys.modules[name] = None


def close_streams(*streams: int) -> None:
    """Close standard streams, as `>&-` does."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if number in streams:
            os.close(number)
            setattr(sys, name, None)


def terminal(path: str) -> None:
    """Give this process a terminal as its standard error."""
    os.dup2(os.open(path, os.O_RDWR | os.O_NOCTTY), 2)


def variable(name: str, value: str) -> None:
    """Set an environment variable of this process."""
    os.environ[name] = value


def limit_file_size(size: int) -> None:
    """Let no file grow longer, as `ulimit -f` does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def limit_memory(extra: int) -> None:
    """Let this process take no more than so many bytes of address space beyond what it has."""
    with open("/proc/self/statm") as stream:
        taken = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + extra, taken + extra))


def limit_files(count: int) -> None:
    """Let no more files than these be open at a time."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def log_memory(every: int, path: str) -> None:
    """Write down the step and the memory that this process takes, every so many steps."""
    from dcgan_cli.console import PlainReporter

    def report(self, report) -> None:
        if report.step % every == 0:
            with open("/proc/self/statm") as stream:
                taken = int(stream.read().split()[1]) * resource.getpagesize()
            with open(path, "a") as log:
                log.write(f"{report.step} {taken}\n")

    PlainReporter.step = report


def _before(call: str, where: str, count: int, fault: Callable[[], None]) -> None:
    real: Callable[..., Any] = getattr(os, call)
    seen = 0

    def faulty(*args: Any, **options: Any) -> Any:
        nonlocal seen
        if re.search(where, _path(args[0], options.get("dir_fd"))):
            seen += 1
            if seen == count:
                fault()
        return real(*args, **options)

    setattr(os, call, faulty)


def _path(target: Any, folder: int | None) -> str:
    """Return the path that a call is about: a path, a descriptor's, or a name in a folder."""
    if isinstance(target, int):
        return os.readlink(f"/proc/self/fd/{target}")
    name = os.fspath(target)
    return name if folder is None else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
