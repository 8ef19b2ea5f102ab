"""
A TCP proxy before Redis that can be told to do harm: to swallow a reply, cut, delay, stand
still, or kill whoever has just asked.

On each connection it passes one command and then one reply, so that it knows which reply
belongs to which command; only what listens to a channel is passed on as it comes.
"""

import asyncio
import os
import random
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.resources import files
from operator import itemgetter
from pathlib import Path

from django_resque.scripts import script

#: Told whose process has asked; before Redis is asked, or when it has answered.
Act = Callable[[int], None]


@dataclass
class Fault:
    """Harm to the command of this name, the script's or its own; "*" is any script."""

    name: str
    rate: float = 1.0  #: Of so many of them, by chance: a period might only meet pushes.
    times: int = 1  #: So often.
    before: bool = False  #: Before Redis gets it; else when it has answered, unheard.
    act: Act | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    done: threading.Event = field(default_factory=threading.Event)  #: It was done so often.

    def strikes(self, name: str, *, is_script: bool, before: bool) -> bool:
        if before != self.before or not (name == self.name or (self.name == "*" and is_script)):
            return False
        if self.times <= 0 or self.chance.random() >= self.rate:
            return False
        self.times -= 1
        return True


class Proxy:
    """Serves in a thread of its own. Connections may be cut at any time by `cut`."""

    def __init__(self, redis_port: int) -> None:
        self.redis_port = redis_port
        self.faults: list[Fault] = []
        self.done: Counter[str] = Counter()  #: Faults, by the name of what they struck.
        self.delay = 0.0  #: Seconds before each command.
        self._scripts = _scripts()
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._heard = asyncio.Event()
        self._heard.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stranded: set[asyncio.Task[None]] = set()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(listener.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._thread = threading.Thread(target=self._serve, args=[listener], daemon=True)
        self._thread.start()

    def harm(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def lose(self, name: str, rate: float = 1.0, times: int = 1) -> Fault:
        """Redis does it, and nobody hears of it."""
        return self.harm(Fault(name, rate, times))

    def kill(self, name: str, *, before: bool) -> Fault:
        """SIGKILL for whoever asks, before Redis gets it or before the answer arrives."""
        return self.harm(Fault(name, before=before, act=lambda pid: os.kill(pid, signal.SIGKILL)))

    def hole(self, *, black: bool) -> None:
        """From now on nothing passes, and no connection is closed; or all goes on."""
        self._loop.call_soon_threadsafe(self._open.clear if black else self._open.set)

    def mute(self) -> None:
        """From now on, when this returns, nobody hears what Redis answers, until `cut`."""
        muted = threading.Event()
        self._loop.call_soon_threadsafe(self._heard.clear)
        self._loop.call_soon_threadsafe(muted.set)
        muted.wait()

    def strand(self) -> None:
        """Nothing passes on the connections that are open now, which stay open."""
        self._loop.call_soon_threadsafe(lambda: self._stranded.update(self._tasks))

    def cut(self) -> None:
        """All connections that are open now. The next ones hear what Redis answers."""

        def cut() -> None:
            for task in self._tasks:
                task.cancel()
            self._loop.call_soon(self._heard.set)

        self._loop.call_soon_threadsafe(cut)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self, listener: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._client, sock=listener))
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _client(self, ours: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        to: asyncio.StreamWriter | None = None
        try:
            theirs, to = await asyncio.open_connection("127.0.0.1", self.redis_port)
            await self._pass(ours, back, theirs, to)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # Somebody hung up, or we are told to.
        finally:
            self._tasks.discard(task)
            self._stranded.discard(task)
            for each in (back, to):
                if each:
                    each.close()
                    with suppress(OSError, asyncio.CancelledError):
                        await each.wait_closed()

    async def _pass(
        self,
        ours: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        theirs: asyncio.StreamReader,
        to: asyncio.StreamWriter,
    ) -> None:
        """Until one side hangs up or a fault strikes."""
        port = int(back.get_extra_info("peername")[1])
        while True:
            raw, words = await _command(ours)
            await asyncio.sleep(self.delay)
            await self._passable()
            name, is_script = self._named(words)
            if fault := self._striking(name, is_script=is_script, before=True):
                return self._harm(fault, name, port)
            to.write(raw)
            reply = await _reply(theirs)
            await self._passable()
            await self._heard.wait()
            # Else nothing was done yet: the whole text is sent next.
            if not reply.startswith(b"-NOSCRIPT") and (
                fault := self._striking(name, is_script=is_script, before=False)
            ):
                return self._harm(fault, name, port)
            back.write(reply)
            if name == "SUBSCRIBE":
                return await self._pour(ours, back, theirs)

    async def _pour(
        self, ours: asyncio.StreamReader, back: asyncio.StreamWriter, theirs: asyncio.StreamReader
    ) -> None:
        """What is told on a channel, until one side hangs up."""
        hung_up = asyncio.ensure_future(ours.read(1))
        while not hung_up.done():
            told = asyncio.ensure_future(theirs.read(65536))
            await asyncio.wait([hung_up, told], return_when=asyncio.FIRST_COMPLETED)
            if not told.done() or not told.result():
                told.cancel()
                hung_up.cancel()
                return
            await self._passable()
            back.write(told.result())

    async def _passable(self) -> None:
        """Returns never for a connection that is stranded."""
        await self._open.wait()
        if asyncio.current_task() in self._stranded:
            await asyncio.Event().wait()

    def _striking(self, name: str, *, is_script: bool, before: bool) -> Fault | None:
        found = (
            fault
            for fault in self.faults
            if fault.strikes(name, is_script=is_script, before=before)
        )
        return next(found, None)

    def _harm(self, fault: Fault, name: str, port: int) -> None:
        """The connection is cut by whoever called us."""
        self.done[name] += 1
        if fault.act and (pid := owner(port, self.port)):
            fault.act(pid)
        if fault.times <= 0:
            fault.done.set()

    def _named(self, words: list[bytes]) -> tuple[str, bool]:
        name = words[0].decode("ascii", "replace").upper()
        if name == "EVALSHA":
            return self._scripts.get(words[1].decode(), name), True
        if name == "EVAL":
            return words[1].split(b":", 1)[0].decode().removeprefix("-- "), True
        return name, False


def owner(port: int, of: int) -> int | None:
    """
    The process that holds the socket from this local port to that of a proxy.

    Others may have the same local port: towards elsewhere, or from before.
    """
    ends = [f":{number:04X}" for number in (port, of)]
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        local, remote, inode = itemgetter(1, 2, 9)(line.split())
        if local.endswith(ends[0]) and remote.endswith(ends[1]) and inode != "0":
            return _holder(f"socket:[{inode}]")
    return None


def _holder(link: str) -> int | None:
    """The oldest: a supervisor's children have inherited its sockets."""
    for pid in sorted(int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()):
        if pid != os.getpid() and link in _open_files(pid):
            return pid
    return None


def _open_files(pid: int) -> set[str]:
    """As far as they are not closed while we look."""
    found = set()
    with suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(file.readlink()))
    return found


def _scripts() -> dict[str, str]:
    """Sha to name."""
    names = [file.name for file in files("django_resque.scripts").iterdir()]
    steps = [name[:-4] for name in names if name.endswith(".lua") and not name.startswith("_")]
    return {script(name).sha: name for name in steps}


async def _command(reader: asyncio.StreamReader) -> tuple[bytes, list[bytes]]:
    """One command, as it came, and its words."""
    raw = await reader.readuntil(b"\r\n")
    words = []
    for _ in range(int(raw[1:])):
        head = await reader.readuntil(b"\r\n")
        word = await reader.readexactly(int(head[1:]) + 2)
        words.append(word[:-2])
        raw += head + word
    return raw, words


async def _reply(reader: asyncio.StreamReader) -> bytes:
    """One reply of RESP2, as it came."""
    raw = await reader.readuntil(b"\r\n")
    size = int(raw[1:]) if raw[:1] in b"$*" else -1
    if raw[:1] == b"$" and size >= 0:
        raw += await reader.readexactly(size + 2)
    if raw[:1] == b"*":
        for _ in range(size):
            raw += await _reply(reader)
    return raw
