"""Starts `dcgan` command lines as processes of their own, without the seconds that TensorFlow's
import takes: it is imported once here, and each process is forked from that.

Nothing of TensorFlow has run when a process is forked, so each starts as a fresh one does.
"""

import gc
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent
TOO_LONG = 300
"""Seconds after which a process that hangs is killed, by SIGALRM."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Its exit code, or minus the number of the signal that killed it."""
    out: str
    err: str


class Process:
    """A running `dcgan`."""

    def __init__(self, server: "ProcessServer", pid: int, output: Path) -> None:
        self.server = server
        self.pid = pid
        self.output = output

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    def wait_until_stopped(self) -> None:
        """Return once it has been stopped, by SIGSTOP."""
        status = self.server.ask({"wait": self.pid})
        assert os.WIFSTOPPED(status), Path(f"{self.output}.err").read_text()

    def wait(self) -> Ended:
        """Return how it ended, once it has."""
        status = self.server.ask({"wait": self.pid})
        out, err = (Path(f"{self.output}.{name}").read_text() for name in ("out", "err"))
        return Ended(os.waitstatus_to_exitcode(status), out, err)


class ProcessServer:
    """Client of a server process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.process_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        )

    def start(self, *words: str | Path, faults: tuple = (), cwd: Path | None = None) -> Process:
        """Start `dcgan WORDS` with faults, each (name of a function in tests.faults, arguments)."""
        self.count += 1
        output = self.folder / str(self.count)
        request = {
            "words": [str(word) for word in words],
            "faults": faults,
            "cwd": str(cwd or Path.cwd()),
            "output": str(output),
        }
        return Process(self, self.ask(request), output)

    def run(self, *words: str | Path, faults: tuple = (), cwd: Path | None = None) -> Ended:
        """Run `dcgan WORDS` to its end."""
        return self.start(*words, faults=faults, cwd=cwd).wait()

    def trained(self, folder: Path, *words: str) -> Path:
        """Train in a new folder `run` below `folder`, and return it."""
        ended = self.run("train", *words, "hydra.run.dir=run", cwd=folder)
        assert ended.code == 0, ended.err
        return folder / "run"

    def ask(self, request: dict[str, Any]) -> int:
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def close(self) -> None:
        self.server.stdin.close()
        self.server.wait()


def serve() -> None:
    """Fork a process for each line of standard input, and wait for one when asked to."""
    # All that commands import while they run, which each process would import for itself.
    import hydra._internal.logging_config  # noqa: F401
    import PIL.Image
    import rich.live  # noqa: F401
    import typer._adapters  # noqa: F401

    from dcgan_cli import console  # noqa: F401
    from dcgan_cli.commands import animate, evaluate, inspect, sample, train  # noqa: F401
    from dcgan_cli.core import load_tensorflow, silence_tensorflow
    from dcgan_cli.hydra_cli.command_line import CommandLine
    from dcgan_cli.hydra_cli.compose import compose

    silence_tensorflow()
    load_tensorflow()
    from dcgan_cli.core.training import loop  # noqa: F401

    PIL.Image.preinit()
    compose(CommandLine.parse([]))  # Imports Hydra's plugins.
    gc.collect()
    gc.freeze()  # Else each process would copy what it looks through for garbage.

    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitpid(request["wait"], os.WUNTRACED)[1]
        else:
            answer = os.fork()
            if answer == 0:
                _become(request)
        print(answer, flush=True)


def _become(request: dict[str, Any]) -> None:
    """Turn this process into `dcgan WORDS`."""
    from dcgan_cli import cli
    from tests import faults

    code = 99
    try:
        files = [os.open(os.devnull, os.O_RDONLY)]
        files += [
            os.open(f"{request['output']}.{name}", os.O_CREAT | os.O_WRONLY)
            for name in ("out", "err")
        ]
        for number, descriptor in enumerate(files):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(request["cwd"])
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # Ignored below nohup.
        signal.alarm(TOO_LONG)
        for name, *arguments in request["faults"]:
            getattr(faults, name)(*arguments)
        sys.argv = ["dcgan", *request["words"]]
        cli.main()
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # A fault may have closed it.
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
