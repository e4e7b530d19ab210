"""How far is a loop of the user's own?"""

from __future__ import annotations

import datetime
import logging
import sys
import time as clock
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["progressbar"]


@dataclass(slots=True)
class _Loop:
    """What is known of a loop between two calls."""

    total: int
    began: float
    index: int
    step: int
    """Number of the last percentage step that was told."""


_loops: Final[dict[str, _Loop]] = {}


def progressbar(
    index: int,
    total: int,
    percentage_step: float = 10,
    logger: Any = "print",
    log_level: int = logging.INFO,
    reprint: bool = True,
    time: bool = True,
    length: int = 20,
    fmt_string: str | None = None,
    reset: bool = False,
) -> str | None:
    """Tell how far a loop is, at each `percentage_step`; give the text, or None if nothing was told.

    Parameters
    ----------
    index, total
        Of the loop, counted from 0. A smaller index or another total begins a new loop, as does `reset`.
    logger
        ``'print'`` for standard output, the name of a logger or a logger, None to tell nothing.
    reprint
        Write over the last line on standard output.
    time
        Estimate the remaining time.
    length
        Signs of the bar.
    fmt_string
        A text with ``%s`` where the bar goes.

    Loops are kept apart by logger. Not for several threads with one logger.
    """
    now = clock.monotonic()
    key = logger.name if isinstance(logger, logging.Logger) else str(logger)
    loop = _loops.get(key)
    begins = loop is None or reset or loop.total != total or index <= loop.index
    if begins:
        loop = _loops[key] = _Loop(total, now, index, -1)
    assert loop is not None
    since = index - loop.index if begins else index
    share = (index + 1) / total
    step = int(share * 100 / percentage_step + 1e-9)
    last = index >= total - 1
    first_told = begins
    loop.index = index
    if not first_told and step <= loop.step and not last:
        return None
    loop.step = step
    filled = int(share * length + 1e-9)
    text = f"[{'=' * filled}{' ' * (length - filled)}]{share * 100:5.1f}%"
    if time and since > 0 and not last:
        seconds = (now - loop.began) / since * (total - index - 1)
        text += f", remaining: {datetime.timedelta(seconds=int(seconds))}"
    if fmt_string is not None:
        text = fmt_string % text
    _tell(text, logger, log_level, reprint=reprint, last=last)
    return text


def _tell(text: str, logger: Any, level: int, *, reprint: bool, last: bool) -> None:
    if logger is None:
        return
    if logger == "print":
        end = "\n" if last or not reprint else ""
        sys.stdout.write(("\r" if reprint else "") + text + end)
        sys.stdout.flush()
        return
    (logger if isinstance(logger, logging.Logger) else logging.getLogger(logger)).log(level, text)
