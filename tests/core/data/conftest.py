"""What the tests of data share."""

import socket

import pytest


@pytest.fixture
def no_network(monkeypatch) -> None:
    """Let every lookup of a name fail."""

    def refuse(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
