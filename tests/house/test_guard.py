"""The tests' own guard."""

from __future__ import annotations

import asyncio
import socket

import pytest
from pytest_socket import SocketConnectBlockedError

# the guard also warns, and warnings are errors
pytestmark = pytest.mark.filterwarnings("ignore:A test tried to use socket")

# TEST-NET-1 of RFC 5737: an address that belongs to nobody
NOBODY = ("192.0.2.1", 9)


def test_a_test_cannot_reach_another_machine() -> None:
    """A connection to an address outside loopback is refused before anything is sent."""
    with socket.socket() as one, pytest.raises(SocketConnectBlockedError):
        one.connect(NOBODY)


async def test_asyncio_cannot_reach_another_machine() -> None:
    """The guard holds for connections that the event loop makes, too."""
    with pytest.raises(SocketConnectBlockedError):
        await asyncio.open_connection(*NOBODY)


async def test_loopback_is_open() -> None:
    """A test may talk to a server of its own."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
