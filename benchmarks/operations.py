"""Profile a training step by kind of operation, with TensorFlow's profiler.

    python -m benchmarks.operations [SIZE] [PRECISION] [CONVOLUTION]

The time of an operation is the time its kernel occupies its main thread. Helper threads are not
added. Operations that run in parallel are both counted in full.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
STEPS = 6
SHOWN = 14


def main() -> None:
    """Profile a few steps and print a table."""
    from benchmarks.contender import WARM_UP, dcgan

    given, usual = sys.argv[1:], ["28", "bfloat16", "transformed"]
    size, precision, convolution = [*given, *usual[len(given) :]]
    step = dcgan(size, precision, convolution)
    for _ in range(WARM_UP):
        step()
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    milliseconds = (time.perf_counter() - start) / STEPS * 1e3
    times, calls = profile(step)
    print(f"{size}x{size} pixels, {precision}, {convolution}: a step takes {milliseconds:.0f} ms\n")
    print("| operation | calls | ms | share |\n| --- | --- | --- | --- |")
    total = sum(times.values())
    for kind, spent in times.most_common(SHOWN):
        print(f"| {kind} | {calls[kind]:.0f} | {spent:.1f} | {spent / total:.0%} |")
    rest = total - sum(spent for _, spent in times.most_common(SHOWN))
    print(f"| the rest | | {rest:.1f} | {rest / total:.0%} |")


def profile(step) -> tuple[Counter, Counter]:
    """Return the milliseconds and the number of calls per step, by kind of operation."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(STEPS):
            step()
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace()
        space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    times: Counter = Counter()
    calls: Counter = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                # Names are NAME:KIND for kernels, X::Y for the executor, $FILE:LINE for Python.
                name, _, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if name and name[0] != "$" and name[-1] != ":" and kind.isidentifier():
                    times[kind] += event.duration_ps / 1e9 / STEPS
                    calls[kind] += 1 / STEPS
    return times, calls


if __name__ == "__main__":
    main()
