"""A data channel over a serial port: X.25 on LAPB on HDLC with asynchronous framing (RFC 1662).

It is for equipment that brings a bare 64 kbit/s channel to a tty. pyserial blocks, so one thread reads and another
writes; the loop makes every decision. A port that fails is opened again. :class:`NullModem` connects two
pseudo-terminals, for runs over serial lines on a machine that has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
import threading
import tty
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

import serial

from e1.channel import DataLink
from e1.events import ChannelAlarm, ChannelEvent
from e1.hdlc import AsyncFraming
from e1.lapb.config import LapbConfig
from e1.x25.config import X25Config

_POLL = 0.1
"""The most seconds that the reading thread waits, and that :meth:`SerialLine.stop` takes."""
_WRITE = 10.0
"""Seconds after which a port that accepts no octets counts as failed."""
_WAITING_FRAMES = 64
"""The most frames that wait for a port. LAPB repeats frames dropped beyond that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialConfig:
    """A port. ``url``: a device, or what pyserial's ``serial_for_url`` takes. Times in seconds."""

    url: str
    baudrate: int = 64_000
    rtscts: bool = False
    """Hardware flow control."""
    watch_carrier: bool = False
    """The channel is available while the modem shows carrier (DCD); off: while the port is open."""
    accm: int = 0
    """Control characters to escape, as a bit mask (RFC 1662); FFFFFFFFh for a line that isn't transparent."""
    reopen: float = 5.0
    """Seconds until the next attempt after a port failed or could not be opened."""


class SerialChannel(DataLink):
    """A :class:`DataLink` with asynchronous framing below it. No input or output: ``write`` gets the octets."""

    def __init__(
        self, lapb: LapbConfig, x25: X25Config, write: Callable[[bytes], None], *, accm: int = 0
    ) -> None:
        # LAPB must receive a frame longer than N1 to refuse it (FRMR Y)
        framing = AsyncFraming(2 * lapb.n1, accm)
        super().__init__(lapb, x25, lambda frame: write(framing.encode(frame)))
        self._framing = framing
        self.hdlc = framing.counters

    def receive(self, octets: bytes, now: float) -> list[ChannelEvent]:
        """Octets of the port."""
        events: list[ChannelEvent] = []
        for frame in self._framing.feed(octets):
            events += self.frame(frame, now)
        return events


class SerialLine:
    """A :class:`SerialChannel` on a real port; ``on_event`` is called in the loop, in order."""

    def __init__(
        self,
        config: SerialConfig,
        lapb: LapbConfig,
        x25: X25Config,
        on_event: Callable[[ChannelEvent], None],
    ) -> None:
        self.config = config
        self.channel = SerialChannel(lapb, x25, self._write, accm=config.accm)
        self._on_event = on_event
        self.opened = 0
        """Times that the port was opened."""
        self.dropped = 0
        """Frames that a port did not accept in time."""
        self._port: _Port | None = None
        self._there = False
        self._cut = False
        self._complaint = ""
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._failed = asyncio.Event()

    @property
    def there(self) -> bool:
        """Whether the channel has a carrier: the port is open, and shows DCD if ``watch_carrier`` is set."""
        return self._there and not self._cut

    def start(self) -> None:
        """Begin to open the port."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def close(self) -> None:
        """Begin to close the port; a second call does nothing."""
        if self._task is not None:
            self._task.cancel()

    async def stop(self) -> None:
        """Close the port."""
        self.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    def connect(self) -> None:
        """Set the link up, now or when it has a carrier. A new one does so by itself."""
        self._tell(self.channel.connect(self._now()))

    def disconnect(self) -> None:
        """Take the link down and keep it down."""
        self._tell(self.channel.disconnect(self._now()))

    def busy(self, on: bool) -> None:
        """Ask the peer to send no more messages for now (RNR), or to go on (RR)."""
        self._tell(self.channel.busy(on, self._now()))

    def cut(self, on: bool) -> None:
        """Behave as if the wire were cut: no octets cross until ``on`` is false again. The port stays open."""
        self._cut = on
        self._carrier(self._there)

    def send(self, message: bytes) -> None:
        """Send a message, or keep it until the channel is up. :class:`ValueError` for an empty one."""
        self._tell(self.channel.send(message, self._now()))

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._failed.clear()
            try:
                device = await asyncio.to_thread(self._open)
            except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
                self._complain(str(error))
            else:
                self.opened += 1
                self._port = port = _Port(device, loop, self)
                try:
                    port.start()
                    await self._failed.wait()
                finally:
                    self._port = None
                    await asyncio.shield(asyncio.to_thread(port.close))
                    self._carrier(False)
            await asyncio.sleep(self.config.reopen)

    def _open(self) -> serial.Serial:
        config = self.config
        device = serial.serial_for_url(
            config.url,
            baudrate=config.baudrate,
            rtscts=config.rtscts,
            timeout=_POLL,
            write_timeout=_WRITE,
            do_not_open=True,
        )
        device.open()
        return device

    def port_received(self, port: _Port, data: bytes) -> None:
        """From the reading thread, by way of the loop."""
        if port is self._port:
            self._tell(self.channel.receive(data, self._now()))

    def port_carrier(self, port: _Port, up: bool) -> None:
        """From the reading thread, by way of the loop."""
        if port is self._port:
            self._carrier(up)

    def port_failed(self, port: _Port, reason: str) -> None:
        """From either thread, by way of the loop."""
        if port is self._port and not self._failed.is_set():
            self._failed.set()
            self._complain(reason)

    def _carrier(self, up: bool) -> None:
        self._there = up
        if self.there:
            self._complaint = ""
        self._tell(self.channel.carrier(self.there, self._now()))

    def _complain(self, reason: str) -> None:
        """Report a repeated failure once."""
        if reason != self._complaint:
            self._complaint = reason
            self._tell([ChannelAlarm("serial", f"{self.config.url}: {reason}")])

    def _write(self, octets: bytes) -> None:
        if self._port is not None and not self._port.write(octets):
            self.dropped += 1
            self._on_event(ChannelAlarm("serial", f"{self.config.url} is too slow: a frame was dropped"))

    def _tell(self, events: list[ChannelEvent]) -> None:
        for event in events:
            self._on_event(event)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.channel.next_deadline()
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._expired)

    def _expired(self) -> None:
        self._tell(self.channel.tick(self._now()))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class _Port:
    """An open port and its two threads, which report to the loop and decide nothing."""

    def __init__(self, device: serial.Serial, loop: asyncio.AbstractEventLoop, line: SerialLine) -> None:
        self._device, self._loop, self._line = device, loop, line
        self._frames: SimpleQueue[bytes | None] = SimpleQueue()
        self._stopping = threading.Event()
        name = line.config.url
        self._threads = (
            threading.Thread(target=self._guard, args=(self._read,), name=f"{name} reader", daemon=True),
            threading.Thread(
                target=self._guard, args=(self._write_frames,), name=f"{name} writer", daemon=True
            ),
        )

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def write(self, octets: bytes) -> bool:
        room = self._frames.qsize() < _WAITING_FRAMES
        if room:
            self._frames.put(octets)
        return room

    def close(self) -> None:
        """End both threads and close the device. It blocks until both have left it."""
        self._stopping.set()
        self._frames.put(None)
        if hasattr(self._device, "cancel_write"):
            self._device.cancel_write()
        for thread in self._threads:
            thread.join()
        self._device.close()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, termios.error) as error:
            if not self._stopping.is_set():
                self._loop.call_soon_threadsafe(self._line.port_failed, self, str(error))

    def _read(self) -> None:
        carrier: bool | None = None
        while not self._stopping.is_set():
            up = bool(self._device.cd) if self._line.config.watch_carrier else True
            if up is not carrier:
                carrier = up
                self._loop.call_soon_threadsafe(self._line.port_carrier, self, up)
            data = self._device.read(max(1, self._device.in_waiting))
            if data:
                self._loop.call_soon_threadsafe(self._line.port_received, self, bytes(data))

    def _write_frames(self) -> None:
        while not self._stopping.is_set():
            octets = self._frames.get()
            if octets is not None:
                self._device.write(octets)


# --- a cable between two pseudo-terminals ---------------------------------------------------------------------------


_PIECE = 4096
_MOST = 64 * 1024
"""The most octets kept for a side that reads slowly. Beyond that the cable does not read the other side."""


class NullModem:
    """The cable. ``names``: the devices at its two ends. It needs a running loop; :meth:`close` removes it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        pairs = [os.openpty(), os.openpty()]
        self._masters = [master for master, _ in pairs]
        self._devices = [
            device for _, device in pairs
        ]  # kept open: reading a tty that is not open anywhere is an error
        for master, device in pairs:
            tty.setraw(device)
            os.set_blocking(master, False)
        self.names = (os.ttyname(self._devices[0]), os.ttyname(self._devices[1]))
        self._waiting = {master: bytearray() for master in self._masters}
        for master in self._masters:
            self._loop.add_reader(master, self._readable, master)

    def close(self) -> None:
        """Remove the cable; an open end then fails. A second call does nothing."""
        for master in self._masters:
            self._loop.remove_reader(master)
            self._loop.remove_writer(master)
        for descriptor in (*self._masters, *self._devices):
            os.close(descriptor)
        self._masters, self._devices = [], []

    def _readable(self, master: int) -> None:
        other = self._masters[1 - self._masters.index(master)]
        with contextlib.suppress(BlockingIOError):
            self._waiting[other] += os.read(master, _PIECE)
        self._write(other)

    def _write(self, master: int) -> None:
        waiting = self._waiting[master]
        with contextlib.suppress(BlockingIOError):
            while waiting:
                del waiting[: os.write(master, waiting)]
        source = self._masters[1 - self._masters.index(master)]
        if waiting:
            self._loop.add_writer(master, self._write, master)
        else:
            self._loop.remove_writer(master)
        if len(waiting) >= _MOST:
            self._loop.remove_reader(source)
        else:
            self._loop.add_reader(source, self._readable, source)
