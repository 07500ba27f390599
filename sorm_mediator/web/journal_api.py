"""The audit journal over HTTP beyond reading its newest entries: check its chain, export it as text."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic.dataclasses import dataclass

from sorm_mediator.journal.book import WRITERS, Entry, JournalError, JournalReader, to_document
from sorm_mediator.journal.book import Query as JournalQuery
from sorm_mediator.mediator.binding.gateway import Gateway
from sorm_mediator.mediator.binding.status import Document

_PORTION = 256 * 1024
_IN_MEMORY = 1024 * 1024
"""Octets of an export that are held in memory; a larger one is put into a temporary file."""
_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}


@dataclass(frozen=True)
class FindingDocument(Document):
    """One trace of tampering."""

    seq: int | None
    """Number of the entry; null: none in particular."""
    fault: str
    text: str


@dataclass(frozen=True, kw_only=True)
class VerifiedDocument(Document):
    """What the check of the chain has found."""

    intact: bool
    entries: int
    head: str
    """Hash of the last entry: noted elsewhere, it proves later that everything up to it is still there."""
    findings: list[FindingDocument]


def journal_file(gateway: Gateway) -> Path:
    """The file of the journal. Raises :class:`HTTPException` when none is kept."""
    if gateway.journal is None:
        raise HTTPException(404, "mediator.journal is empty: no journal is kept")
    return gateway.journal.path


def newest(path: Path, limit: int, before: int | None, kinds: Sequence[str]) -> list[Entry]:
    """The newest entries, the oldest first: for a thread, since ten thousand take longer than a console may wait.

    Raises :class:`JournalError`.
    """
    with closing(JournalReader(path)) as reader:
        return reader.latest(limit, before=before, query=JournalQuery(kinds=tuple(kinds)))


def newest_as_json(path: Path, limit: int, before: int | None, kinds: Sequence[str]) -> tuple[bytes, bool]:
    """The same as JSON, and whether there are any. Raises :class:`JournalError`."""
    found = [
        json.dumps(vars(to_document(entry)), ensure_ascii=False, separators=(",", ":"))
        for entry in newest(path, limit, before, kinds)
    ]
    return f"[{','.join(found)}]".encode(), bool(found)


def kinds_of(path: Path) -> list[str]:
    """The kinds of all entries, each of which is read. Raises :class:`JournalError`."""
    with closing(JournalReader(path)) as reader:
        return list(reader.kinds())


async def verify_journal(gateway: Gateway) -> VerifiedDocument:
    """Walk the whole chain, beside the event loop. Raises :class:`HTTPException`."""
    try:
        return await asyncio.to_thread(_verify, journal_file(gateway))
    except JournalError as error:
        raise HTTPException(500, str(error)) from error


def _verify(path: Path) -> VerifiedDocument:
    with closing(JournalReader(path)) as reader:
        result = reader.verify()
    return VerifiedDocument(
        intact=not result.findings,
        entries=result.count,
        head=result.head.hash,
        findings=[FindingDocument(one.seq, one.fault, one.text) for one in result.findings],
    )


def _export(path: Path, form: str, query: JournalQuery) -> IO[bytes]:
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when it is sent
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    with closing(JournalReader(path)) as reader:
        WRITERS[form](reader.entries(query), text)
    text.detach()
    file.seek(0)
    return file


def _portions(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, _PORTION), b"")


journal_router = APIRouter()
"""The routes, which serve the gateway of ``app.state``."""
_NONE: dict[int | str, dict[str, object]] = {404: {"description": "No journal is kept"}}


@journal_router.get("/journal/verify", responses=_NONE, summary="Check the journal")
async def verify(request: Request) -> VerifiedDocument:
    """Walk the hash chain from the first entry to the sealed head, as `journal verify` does."""
    return await verify_journal(request.app.state.gateway)


@journal_router.get(
    "/journal/export", responses=_NONE, response_class=StreamingResponse, summary="Export the journal"
)
async def export(
    request: Request,
    form: Annotated[Literal["jsonl", "csv"], Query(alias="format")] = "jsonl",
    kind: Annotated[list[str] | None, Query(description="Only entries of this kind; repeatable.")] = None,
) -> StreamingResponse:
    """All entries, as `journal export` writes them."""
    path = journal_file(request.app.state.gateway)
    try:
        file = await asyncio.to_thread(_export, path, form, JournalQuery(kinds=tuple(kind or ())))
    except JournalError as error:
        raise HTTPException(500, str(error)) from error
    return StreamingResponse(
        _portions(file),
        media_type=_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="journal.{form}"',
            "Cache-Control": "no-store",
        },
    )
