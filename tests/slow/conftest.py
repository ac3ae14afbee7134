"""What the slow tests share: a count of every fault that was put into a run."""

from collections import Counter

import pytest

INJECTED: Counter[str] = Counter()


@pytest.fixture(scope="session")
def injected() -> Counter[str]:
    """Count faults by kind; the totals are printed at the end."""
    return INJECTED


def pytest_collection_modifyitems(items):
    for item in items:
        if "slow" in item.path.parts:
            item.add_marker(pytest.mark.slow)


def pytest_terminal_summary(terminalreporter):
    if INJECTED:
        terminalreporter.section("faults injected")
        for kind, count in INJECTED.items():
            terminalreporter.line(f"{count:5}  {kind}")
        terminalreporter.line(f"{INJECTED.total():5}  in all")
