"""A server's network namespace, and clients' namespaces that reach it over an impaired path each. Addresses are of the range
for benchmarks (RFC 2544); nothing leaves the namespaces."""

import os
import subprocess
import threading

from impairer import Path, ip

SERVER = "198.18.0.1"
_numbers = iter(range(1, 250))
_lock = threading.Lock()


class ServerSide:
    """The namespace a server runs in. Use with `with`."""

    def __init__(self):
        self.name = f"rl{os.getpid()}s"

    def __enter__(self):
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "addr", "add", f"{SERVER}/32", "dev", "lo")
        return self

    def __exit__(self, *_):
        ip("netns", "del", self.name)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]


class ClientSide:
    """A client's namespace, behind a path to the server's. Use with `with`."""

    def __init__(self, server, seed=7):
        with _lock:
            self._number = next(_numbers)
        self._server, self._seed = server, seed
        self.name = f"rl{os.getpid()}c{self._number}"
        self._device = f"rl{os.getpid()}t{self._number}"
        self._host = 2

    def address(self):
        return f"198.18.{self._number}.{self._host}"

    def __enter__(self):
        ip("netns", "add", self.name)
        try:
            ip("-n", self.name, "link", "set", "lo", "up")
            # One name on both sides would meet itself while the device moves.
            there, here = self._device + "s", self._device
            self.path = Path((self.name, here), (self._server.name, there), self._seed)
            ip("-n", self._server.name, "link", "set", there, "up")
            ip("-n", self._server.name, "route", "add", f"198.18.{self._number}.0/24", "dev", there)
            ip("-n", self.name, "addr", "add", f"{self.address()}/24", "dev", here)
            ip("-n", self.name, "link", "set", here, "up")
            ip("-n", self.name, "route", "add", "default", "dev", here)
        except subprocess.CalledProcessError:
            ip("netns", "del", self.name)
            raise
        return self

    def __exit__(self, *_):
        self.path.close()
        ip("netns", "del", self.name)

    def move(self):
        """Another address, as on another network: what was sent from the old one comes back no more."""
        old = self.address()
        self._host += 1
        ip("-n", self.name, "addr", "del", f"{old}/24", "dev", self._device)
        ip("-n", self.name, "addr", "add", f"{self.address()}/24", "dev", self._device)
        # It went with the address.
        ip("-n", self.name, "route", "replace", "default", "dev", self._device)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]
