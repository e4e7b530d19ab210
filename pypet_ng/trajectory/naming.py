"""What can trajectories be called, and what of theirs can be called in a run?"""

from __future__ import annotations

import datetime
from typing import Any, Final

from pypet_ng.errors import InvalidNameError

__all__ = ["NOT_IN_RUNS", "check_name", "stamped"]

NOT_IN_RUNS: Final = frozenset(
    (
        *("f_aconf", "f_add_config", "f_add_config_group", "f_add_parameter", "f_add_parameter_group"),
        *("f_apar", "f_delete_item", "f_delete_items", "f_expand", "f_explore"),
        *("f_find_idx", "f_get_from_runs", "f_iter_runs", "f_load", "f_load_skeleton"),
        *("f_merge", "f_merge_many", "f_migrate", "f_preset_config", "f_preset_parameter"),
        *("f_refresh", "f_restore_default", "f_retry_failed", "f_set_crun", "f_shrink"),
        *("f_start_run"),
    )
)
"""Methods of a trajectory that a run cannot call, and that tab completion does not offer there."""


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
