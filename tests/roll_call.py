"""Who lives: processes of a test connect here and stay connected until they die, however that happens."""

import contextlib
import selectors
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ANSWER = """
import os, signal, socket, sys, time

def answer(port, name):
    held.append(socket.create_connection(("127.0.0.1", int(port))))
    held[-1].sendall(f"{name} {os.getpid()}\\n".encode())

held = []
"""
"""How a process answers, as source: it must not need our packages, and it starts faster without."""

LIVE = (
    ANSWER
    + """
port, name, *traits = sys.argv[1:]
if "stubborn" in traits:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "with child" in traits and not os.fork():
    name = f"{name}'s child"
answer(port, name)
time.sleep(60)
"""
)


class RollCall:
    def __init__(self, server: socket.socket, selector: selectors.BaseSelector) -> None:
        self.port = server.getsockname()[1]
        self.came: list[str] = []
        self.went: list[str] = []
        self.pids: dict[str, int] = {}
        self._server = server
        self._selector = selector

    def living(self, name: str, *traits: str) -> list[str]:
        """The command line of a process that answers under this name and lives for a minute."""
        return [sys.executable, "-I", "-S", "-c", LIVE, str(self.port), name, *traits]

    def wait(self, until: Callable[["RollCall"], object], seconds: float = 10) -> None:
        ends = time.monotonic() + seconds
        while not until(self):
            left = ends - time.monotonic()
            assert left > 0, f"came: {self.came}, went: {self.went}"
            for key, _ in self._selector.select(left):
                self._note(key.fileobj)

    def wait_for(self, *names: str) -> None:
        self.wait(lambda roll: set(names) <= set(roll.came))

    def wait_until_all_are_gone(self, seconds: float = 10) -> None:
        self.wait(lambda roll: len(roll.came) == len(roll.went), seconds)

    def _note(self, source: object) -> None:
        if source is self._server:
            connection, _ = self._server.accept()
            name, pid = connection.makefile().readline().rsplit(" ", 1)
            self.came.append(name)
            self.pids[name] = int(pid)
            self._selector.register(connection, selectors.EVENT_READ, name)
        else:
            assert isinstance(source, socket.socket)
            with contextlib.suppress(ConnectionError), source:
                assert source.recv(1) == b""
            self.went.append(self._selector.unregister(source).data)


@contextmanager
def roll_call() -> Iterator[RollCall]:
    with socket.create_server(("127.0.0.1", 0)) as server, selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        yield RollCall(server, selector)
        for key in list(selector.get_map().values()):
            if key.fileobj is not server:
                key.fileobj.close()  # type: ignore[union-attr]  # all are sockets
