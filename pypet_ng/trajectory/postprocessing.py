"""What happens between the runs of a trajectory that its post-processing expands?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["Postprocessing", "Work", "read_pipeline"]

_Results = list[tuple[int, Any]]
_LOGGER: Final = logging.getLogger("pypet_ng.postprocessing")


@dataclass(slots=True)
class Work:
    """A function with its arguments."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Any, what: str) -> Work:
        """Make it from a function, or (function[, args[, kwargs]]); TypeError for anything else."""
        parts = given if isinstance(given, tuple) else (given,)
        if not parts or not callable(parts[0]) or len(parts) > 3:
            raise TypeError(f"{what} must be a function or (function[, args[, kwargs]]), not {given!r}.")
        args = parts[1] if len(parts) > 1 else ()
        kwargs = parts[2] if len(parts) > 2 else {}
        return cls(parts[0], tuple(args), dict(kwargs))


def read_pipeline(given: Any) -> tuple[Work, Work | None]:
    """Give what a pipeline function said: the run function, and the post-processing if there is one.

    ``runfunc``, ``(runfunc, args[, kwargs])`` or ``((runfunc, args, kwargs), (postproc, args, kwargs))``.
    """
    if isinstance(given, tuple) and given and isinstance(given[0], tuple):
        run, post = given if len(given) == 2 else (given[0], None)
        return Work.of(run, "The run function of a pipeline"), (
            None if post is None else Work.of(post, "The post-processing of a pipeline")
        )
    if isinstance(given, tuple) and len(given) == 2 and callable(given[1]):
        return Work.of(given[0], "The run function"), Work.of(given[1], "The post-processing")
    return Work.of(given, "What a pipeline function returns"), None


class Postprocessing:
    """A function that looks at all results so far and may add points to the trajectory.

    It is called as ``function(traj, results, *args, **kwargs)``. It may call ``traj.f_expand``, or
    give what is to be expanded: a dict, or ``(dict[, run args[, run kwargs[, args[, kwargs]]]])`` with
    new arguments for the run function and for itself.
    """

    def __init__(self, work: Work) -> None:
        self._work = work

    def ask(self, traj: Any, results: _Results, run: Work) -> bool:
        """Call the function; tell whether there are more points now. May change `run`'s arguments."""
        work = self._work
        before = len(traj)
        given = work.function(traj, results, *work.args, **work.kwargs)
        if given is not None:
            self._take(traj, given, run)
        grown = len(traj) - before
        if grown:
            _LOGGER.info("Post-processing expanded trajectory %r by %d runs", traj.v_name, grown)
        return bool(grown)

    def _take(self, traj: Any, given: Any, run: Work) -> None:
        parts: Sequence[Any] = given if isinstance(given, tuple) else (given,)
        if not parts or not isinstance(parts[0], Mapping) or len(parts) > 5:
            _LOGGER.error(
                "Post-processing of trajectory %r gave %r: it must give None, a dict of values to be explored, or "
                "(dict[, run args[, run kwargs[, args[, kwargs]]]]). Nothing was expanded.",
                traj.v_name,
                given,
            )
            return
        if len(parts) > 1:
            run.args = tuple(parts[1])
        if len(parts) > 2:
            run.kwargs = dict(parts[2])
        if len(parts) > 3:
            self._work.args = tuple(parts[3])
        if len(parts) > 4:
            self._work.kwargs = dict(parts[4])
        if parts[0]:
            traj.f_expand(dict(parts[0]))
