"""The central licence server as a process: its file of sold codes, and the socket that switches ask.

Source: docs/network-licence.md, "The licence server" (our choice).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ValidationError

from sorm_mediator.addresses import host_problem, listening_at, split_host_port
from sorm_mediator.config.written import read_file, write_file
from sorm_mediator.errors import BoxError, cannot_listen
from sorm_mediator.switch.licence import LicenceError
from sorm_mediator.switch.licence_client import LONGEST, ServerAnswer, ServerQuestion
from sorm_mediator.switch.licence_server import Sold, activate

log = logging.getLogger(__name__)

QUESTION_WITHIN: Final = 10.0
"""Seconds that a connection may take for its question."""
MOST_CONNECTIONS: Final = 64
LOCKED_FOR: Final = 2.0
"""Seconds that a change waits for that of another process: a change takes milliseconds (our choice)."""
Result = TypeVar("Result")


class LicenceStore:
    """The file of sold codes. Each change is written before its result is told. Raises :class:`BoxError`.

    A server and commands may have the same file: only one of them at a time changes it, so no change is lost, and a
    code is used once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Sold:
        """What the file holds; nothing for a file that is not there. Raises :class:`BoxError`."""
        try:
            return Sold.model_validate_json(read_file(self._path))
        except FileNotFoundError:
            return Sold()
        except OSError as error:
            raise BoxError(f"--store: {self._path}: can't be read: {error.strerror or error}") from None
        except UnicodeError:
            raise BoxError(
                f"--store: {self._path}: is no file of a licence server: it is no UTF-8; name another file"
            ) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise BoxError(
                f"--store: {self._path}: is no file of a licence server: {first['msg']}; name another file"
            ) from None

    def change(self, make: Callable[[Sold], tuple[Sold, Result]]) -> Result:
        """Change what is kept. Raises the :class:`LicenceError` of ``make``, and :class:`BoxError`."""
        with self._alone():
            sold, result = make(self.read())
            try:
                write_file(self._path, sold.model_dump_json(indent=1) + "\n")
            except OSError as error:
                raise BoxError(
                    f"--store: {self._path}: can't be written: {error.strerror or error}"
                ) from None
        return result

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process changes a file of the folder. The file itself is replaced, so it can't carry the lock."""
        folder = self._path.resolve().parent
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise BoxError(f"--store: {self._path}: can't be written: {error.strerror or error}") from None
        try:
            until = time.monotonic() + LOCKED_FOR
            while not _locked(descriptor):
                if time.monotonic() > until:
                    raise BoxError(f"--store: {self._path}: another process is changing it; try again")
                time.sleep(0.01)
            yield
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class LicenceServer:
    """Answers switches: one line of JSON, one answer. :meth:`start` it, :meth:`stop` it."""

    def __init__(self, store: LicenceStore, listen: str, *, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._listen = listen
        self._now = now
        self._open = 0

    async def start(self) -> str:
        """Listen; ``host:port``. Raises :class:`BoxError`."""
        self._store.read()
        try:
            host, port = split_host_port(self._listen)
        except ValueError:
            raise BoxError(f"--listen: {self._listen!r} is not HOST:PORT, such as 127.0.0.1:7790") from None
        if problem := host_problem(host):
            raise BoxError(f"--listen: {self._listen!r}: {problem}")
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=LONGEST)
            return listening_at(self._server)
        except OSError as error:
            raise cannot_listen("--listen", host, port, error) from error

    async def stop(self) -> None:
        """Stop listening."""
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MOST_CONNECTIONS:
                async with asyncio.timeout(QUESTION_WITHIN):
                    # In a thread: another process may be changing the file.
                    answer = await asyncio.to_thread(self._answer, await reader.readline())
                    writer.write(answer.model_dump_json().encode() + b"\n")
                    await writer.drain()
        except (
            OSError,
            TimeoutError,
            ValueError,
        ) as error:  # readline raises ValueError for a line that is too long
            log.info("licence server: a connection ends: %s", error)
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, line: bytes) -> ServerAnswer:
        try:
            question = ServerQuestion.model_validate_json(line)
        except ValidationError:
            return ServerAnswer(refused="the question is none of a switch")
        try:
            file = self._store.change(
                lambda sold: activate(
                    sold, question.lac, question.locking_id, question.registration, self._now()
                )
            )
        except LicenceError as error:
            log.warning("licence server: %s: refused: %s", question.locking_id, error)
            return ServerAnswer(refused=str(error))
        except BoxError as error:
            log.error("licence server: %s", error)  # noqa: TRY400 - the text says all
            return ServerAnswer(refused="the server can't keep its codes; its log tells why")
        log.info("licence server: a licence file for %s", question.locking_id)
        return ServerAnswer(file=file)
