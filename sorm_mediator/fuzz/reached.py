"""Which lines an input reaches, for a share of the inputs.

Lines are noted with ``sys.settrace``, which makes code many times slower. So it is done for inputs whose results differ
from all before them, and for one in :data:`SHARE` of the rest: what reaches new code shows a new result as a rule, and
the share finds what does not. (``sys.monitoring`` would cost little for all, but Python has it from 3.12 on.)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SHARE = 128
"""One in so many inputs without a new result is traced (our choice: it costs about a tenth of the speed)."""

Line = tuple[str, int]


class Reached:
    """The lines of some files that were reached. ``wanted``: whether a file, by the name that its code has, counts."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.lines: set[Line] = set()
        self._wanted = wanted
        self._known: dict[str, bool] = {}
        self._new = False

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note the lines meanwhile, unless something else traces (a debugger, a coverage tool)."""
        before = sys.gettrace()
        if before is not None:
            yield
            return
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(None)

    def was_new(self) -> bool:
        """Whether a line was reached for the first time since the last question."""
        new, self._new = self._new, False
        return new

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        wanted = self._known.get(name)
        if wanted is None:
            wanted = self._known[name] = self._wanted(name)
        return self._line if wanted else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            line = (frame.f_code.co_filename, frame.f_lineno)
            if line not in self.lines:
                self.lines.add(line)
                self._new = True
        return self._line
