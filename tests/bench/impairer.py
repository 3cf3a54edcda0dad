"""A weak network between two network namespaces: one process that moves packets between a TUN device in each.

The packets are the kernel's own, so ICE, DTLS and TCP behave as on a real path; the kernel needs no netem. Each direction has
its own delay, jitter, loss and bursts, and a generator of its own with a fixed seed, so the same packets in the same order meet
the same fate. The weather can be changed while packets fly. Wants root; see `possible`.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, replace

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
MTU = 1500
#: Packets on their way in one direction; above it the newest are dropped, as by a router's queue.
QUEUE = 2000


@dataclass(frozen=True)
class Weather:
    """What happens to the packets of a direction."""

    #: One way, in ms.
    delay_ms: float = 20.0
    #: Further delay, exponentially spread with this mean, cut at `jitter_max_ms`.
    jitter_ms: float = 0.0
    jitter_max_ms: float = 0.0
    #: Whether a packet may overtake another one.
    reorders: bool = False
    #: Share of packets lost, each by itself.
    loss: float = 0.0
    #: Gilbert-Elliott: from good to bad and back, per packet; in the bad state this share is lost, in the good one `loss`.
    into_burst: float = 0.0
    out_of_burst: float = 1.0
    burst_loss: float = 1.0
    #: Nothing comes through.
    dead: bool = False


CALM = Weather()


def random_loss(share):
    return replace(CALM, loss=share)


def bursts(share, mean_length):
    """Loses `share` of all packets, in bursts of `mean_length` on average."""
    out = 1 / mean_length
    return replace(CALM, into_burst=share * out / (1 - share), out_of_burst=out)


def jitter(most_ms, reorders=False):
    """Delays that vary up to `most_ms`, a quarter of it on average."""
    return replace(CALM, jitter_ms=most_ms / 4, jitter_max_ms=most_ms, reorders=reorders)


def possible():
    """Why there can be no impaired path here; None if there can."""
    if os.geteuid() != 0:
        return "impaired networks want root"
    if not os.path.exists("/dev/net/tun"):
        return "impaired networks want /dev/net/tun"
    try:
        subprocess.run(["ip", "netns", "list"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "impaired networks want `ip netns`"
    return None


class _Direction:
    def __init__(self, seed):
        self.weather = CALM
        self._random = random.Random(seed)
        self._bad = False
        self._last = 0.0
        self._flying = []
        self._order = 0
        self.packets = self.lost = 0

    def take(self, packet, now):
        weather, chance = self.weather, self._random.random
        self.packets += 1
        # Drawn for every packet, so that a change of weather doesn't shift what comes behind it.
        turn, fate, spread = chance(), chance(), self._random.expovariate(1.0)
        self._bad = turn >= weather.out_of_burst if self._bad else turn < weather.into_burst
        lost = fate < (weather.burst_loss if self._bad else weather.loss)
        if weather.dead or lost or len(self._flying) >= QUEUE:
            self.lost += 1
            return
        due = now + (weather.delay_ms + min(spread * weather.jitter_ms, weather.jitter_max_ms)) / 1000
        if not weather.reorders:
            due = max(due, self._last)
        self._last = max(self._last, due)
        self._order += 1
        heapq.heappush(self._flying, (due, self._order, packet))

    def next_due(self):
        return self._flying[0][0] if self._flying else None

    def arrived(self, now):
        while self._flying and self._flying[0][0] <= now:
            yield heapq.heappop(self._flying)[2]


class Path:
    """A path between two namespaces, with a device of the name given in each. Bring up addresses and routes yourself."""

    def __init__(self, here, there, seed=7):
        """`here` and `there` are pairs of namespace and device."""
        self._files = [_tun(*here), _tun(*there)]
        self._directions = [_Direction(seed), _Direction(seed + 1)]
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._move, daemon=True)
        self._thread.start()

    def set(self, weather):
        """Changes the weather both ways."""
        for direction in self._directions:
            direction.weather = weather

    def counts(self):
        """(packets, lost) in each direction: towards `there`, towards `here`."""
        return [(direction.packets, direction.lost) for direction in self._directions]

    def close(self):
        os.write(self._wake_write, b"x")
        self._thread.join(5)
        for file in [*self._files, self._wake_read, self._wake_write]:
            os.close(file)

    def _move(self):
        first, second = self._files
        # A packet read from one side flies to the other.
        ways = {first: (self._directions[0], second), second: (self._directions[1], first)}
        while True:
            dues = [due for direction in self._directions if (due := direction.next_due()) is not None]
            wait = max(0.0, min(dues) - time.monotonic()) if dues else None
            ready, _, _ = select.select([*self._files, self._wake_read], [], [], wait)
            if self._wake_read in ready:
                return
            for file in ready:
                self._read(file, ways[file][0])
            now = time.monotonic()
            for direction, to in ways.values():
                for packet in direction.arrived(now):
                    _write(to, packet)

    @staticmethod
    def _read(file, direction):
        while True:
            try:
                packet = os.read(file, MTU + 100)
            except BlockingIOError:
                return
            direction.take(packet, time.monotonic())


def _tun(namespace, device):
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    ip("link", "set", device, "netns", namespace)
    return file


def _write(file, packet):
    try:
        os.write(file, packet)
    except OSError:
        # The device is down, as in a change of network: the packet is lost there.
        pass


def ip(*args):
    subprocess.run(["ip", *map(str, args)], check=True, capture_output=True, text=True)
