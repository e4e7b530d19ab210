"""What can trajectories be called?"""

from __future__ import annotations

import datetime
from typing import Any

from pypet_ng.errors import InvalidNameError

__all__ = ["check_name", "stamped"]


def stamped(name: str, timestamp: float) -> str:
    """Give a name with the time at its end, as pypet's ``add_time`` does."""
    moment = datetime.datetime.fromtimestamp(timestamp)
    return f"{name}_{moment:%Y_%m_%d_%Hh%Mm%Ss}"


def check_name(name: Any) -> None:
    """Raise InvalidNameError for what cannot be the name of a trajectory."""
    if (
        not isinstance(name, str)
        or not name
        or any(letter in name for letter in "/.\0")
        or name != name.strip()
    ):
        raise InvalidNameError(
            f"{name!r} cannot name a trajectory: give text without '/', '.', and spaces at its ends."
        )
