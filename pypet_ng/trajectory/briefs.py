"""How does a value look in one line of text, at no more cost than is shown?"""

from __future__ import annotations

import itertools
import reprlib
from typing import Any

__all__ = ["brief", "brief_text", "repr_start"]


class _Brief(reprlib.Repr):
    """``repr`` that never costs more than it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 16
        self.maxstring = self.maxother = 10_000  # the whole is cut at its end instead

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to print integers of more than some thousand digits.
        return repr(x) if x.bit_length() < 512 else f"<int of {x.bit_length()} bits>"

    def repr_str(self, x: str, level: int) -> str:
        return repr(x if len(x) <= self.maxstring else x[: self.maxstring])

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        # Unlike the original: in the order of the dict, as the user wrote it.
        words = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in itertools.islice(x.items(), self.maxdict)
        ]
        return "{" + ", ".join(words + ["..."] * (len(x) > self.maxdict)) + "}"


_brief = _Brief()


def brief(value: object, most: int = 64) -> str:
    """Give the repr of a value in one line of at most `most` characters."""
    text = " ".join(_brief.repr(value).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def repr_start(value: object, most: int) -> str:
    """Give at least the first `most` characters of the repr of a value, if it has so many.

    Of long texts and containers no more is looked at than is shown.
    """
    kind = type(value)
    if isinstance(value, str | bytes) and kind in (str, bytes):
        return repr(value[:most])
    if isinstance(value, list | tuple | dict) and kind in (list, tuple, dict) and len(value) > 1:
        text = {list: "[", tuple: "(", dict: "{"}[kind]
        for item in value:
            if len(text) >= most:
                return text
            text += repr_start(item, most - len(text))
            if isinstance(value, dict):
                text += f": {repr_start(value[item], most - len(text))}"
            text += ", "
        return text[:-2] + {list: "]", tuple: ")", dict: "}"}[kind]
    try:
        return repr(value)
    except Exception:  # whatever the code of somebody else's class raises, or an integer of 5,000 digits
        return brief(value)


def brief_text(text: str, most: int = 100) -> str:
    """Give a text in one line of at most `most` characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else line[: most - 3] + "..."
