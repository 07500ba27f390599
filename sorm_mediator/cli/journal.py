"""``journal verify`` and ``journal export``."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sorm_mediator.cli.common import JsonOption, echo, usage_errors
from sorm_mediator.texts import as_list, nearest

if TYPE_CHECKING:
    from sorm_mediator.journal.book import Entry, JournalReader
    from sorm_mediator.reports.progress import Advance

_LONG = 20_000
"""Entries from which on there is a bar."""

JournalConfigOption = Annotated[
    Path | None, typer.Option("-c", "--config", metavar="FILE", help="The lab file whose journal is meant.")
]
JournalFileOption = Annotated[Path | None, typer.Option("--file", metavar="DB", help="The journal itself.")]
TimeOption = Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601; without a zone: UTC.")]


def verify(
    config: JournalConfigOption = None,
    file: JournalFileOption = None,
    head: Annotated[
        str | None, typer.Option("--head", metavar="HASH", help="A head noted elsewhere before.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the hash chain of the journal.

    Exit code 0 when it is whole, 1 when it was tampered with. Says which entries were edited, removed, reordered or
    cut off. Note the head it prints somewhere else: with --head it is proved later that everything up to it is
    still there.

    Example: sorm-mediator journal verify -c captures/labs/laptop.toml
    """
    import json

    with _reading(config, file) as reader, _bar(reader.count(), "verifying") as advance:
        result = reader.verify(head, progress=advance)
    findings = result.findings
    if as_json:
        document = {
            "file": str(reader.path),
            "intact": not findings,
            "entries": result.count,
            "head": {"seq": result.head.seq, "hash": result.head.hash},
            "findings": [{"seq": f.seq, "fault": f.fault, "text": f.text} for f in findings],
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        for finding in findings:
            echo(str(finding))
        verdict = f"NOT INTACT, {len(findings)} finding(s)" if findings else "intact"
        echo(f"{reader.path}: {verdict}; {result.count} entries, head {result.head.hash}")
    raise typer.Exit(1 if findings else 0)


def export(
    config: JournalConfigOption = None,
    file: JournalFileOption = None,
    form: Annotated[str, typer.Option("--format", metavar="<jsonl|csv>", help="The form.")] = "jsonl",
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="F", help="Else stdout.")] = None,
    since: TimeOption = None,
    until: TimeOption = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only this kind, such as command; repeatable.")
    ] = None,
) -> None:
    """Write the entries of the journal as JSON Lines or CSV.

    All of them, or by time and kind. It does not check the chain: journal verify does.

    Example: sorm-mediator journal export --file sorm-journal.db --format csv --kind command -o commands.csv
    """
    from sorm_mediator.console.errors import check_folders
    from sorm_mediator.errors import BoxError
    from sorm_mediator.journal.book import WRITERS, Query

    if form not in WRITERS:
        raise BoxError(f"--format: {form!r} is not allowed: {', '.join(WRITERS)}")
    with usage_errors():
        check_folders({"-o": output})
    query = Query(_time("--since", since), _time("--until", until), tuple(kind or ()))
    with _reading(config, file) as reader, _bar(reader.count(query), "exporting") as advance:
        _tell_of_unknown(query.kinds, reader)

        def entries() -> Generator[Entry, None, None]:
            # Closed before the file, also when the reader closes the output.
            with closing(reader.entries(query)) as found:
                for entry in found:
                    yield entry
                    advance()

        if output is None:
            with closing(entries()) as wanted:
                WRITERS[form](wanted, sys.stdout)
            return
        try:
            # A new file is for its owner alone: the journal names who is on control.
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8", newline="") as target:
                WRITERS[form](entries(), target)
        except OSError as error:
            raise BoxError(f"-o: {output}: can't be written: {error.strerror}") from error


def _tell_of_unknown(kinds: tuple[str, ...], reader: JournalReader) -> None:
    """Name the kinds of the journal for one that no entry has: it may be misspelt."""
    known = reader.kinds() if kinds else ()
    for one in kinds:
        if one not in known:
            near = nearest(one, known)
            hint = f"did you mean {near}? " if near else ""
            echo(f"--kind: no entry has the kind {one!r}; {hint}there are: {as_list(known)}", err=True)


@contextmanager
def _reading(config: Path | None, file: Path | None) -> Iterator[JournalReader]:
    """The journal named by the options. Raises BoxError and ConfigError."""
    from sorm_mediator.errors import BoxError
    from sorm_mediator.journal.book import JournalError, JournalReader

    if (config is None) == (file is None):
        raise BoxError("journal: give -c FILE (a lab file) or --file DB (a journal), one of them")
    try:
        reader = JournalReader(file or _configured(config))
        try:
            yield reader
        finally:
            reader.close()
    except JournalError as error:
        raise BoxError(str(error)) from error


def _configured(path: Path | None) -> Path:
    from sorm_mediator.config.outside import load_lab
    from sorm_mediator.errors import BoxError

    assert path is not None
    loaded = load_lab(path)
    if not loaded.mediator.journal:
        raise BoxError(f'{path}: mediator.journal: "" means that no journal is kept')
    return loaded.directory / loaded.mediator.journal


def _time(option: str, text: str | None) -> float | None:
    from datetime import UTC, datetime

    from sorm_mediator.errors import BoxError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BoxError(f"{option}: {text!r} is not a time such as 2026-01-31T12:00:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _bar(total: int, what: str) -> AbstractContextManager[Advance]:
    """A bar for long work."""
    from sorm_mediator.reports.progress import progress_bar

    return progress_bar(total, what, shown=total >= _LONG)
