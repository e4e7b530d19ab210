"""How do two trajectories of one parameter space become one?

The runs of the other one get the indices behind those of this one. All happens in the storage, on columns:
see :mod:`pypet_ng.trajectory.merge_steps`. Which points there are then: :mod:`pypet_ng.trajectory.merged_plans`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pypet_ng.engine.session import Session
from pypet_ng.trajectory.merge_steps import Merge, MergeReport, is_on_disk
from pypet_ng.trajectory.options import renamed

if TYPE_CHECKING:
    from pypet_ng.trajectory.trajectory import Trajectory

__all__ = ["MergeReport", "Merging"]


class Merging:
    """The calls of a trajectory that take in others."""

    __slots__ = ()
    _session: Session

    def f_merge(
        self,
        other_trajectory: Trajectory,
        trial_parameter: str | None = None,
        remove_duplicates: bool = False,
        ignore_data: Iterable[str] = (),
        backup: bool = True,
        move_data: bool = False,
        delete_other_trajectory: bool = False,
        keep_info: bool = True,
        keep_other_trajectory_info: bool = True,
        merge_config: bool = True,
        consecutive_merge: bool = False,
        slow_merge: bool = False,
        **old_names: Any,
    ) -> MergeReport:
        """Take in the runs of another trajectory of the same parameters; gives what was done and differed.

        Parameters
        ----------
        other_trajectory
            Its runs get the indices behind the own ones. Both are stored first, if they are not.
        trial_parameter
            A parameter that only numbers the trials, from 0: it goes on counting.
        remove_duplicates
            Leave out runs at points that this trajectory has.
        ignore_data
            Full names of parameters, results, links that are not merged.
        backup
            Copy both to ``backup_<name>.hdf5`` before; what is kept in memory needs none.
        move_data
            Delete from the other trajectory what was merged.
        delete_other_trajectory
            Delete it as a whole afterwards.
        keep_info, keep_other_trajectory_info
            Note under ``config.merge`` what was done (and what the other trajectory was).
        merge_config
            Take over what the other has under ``config.git``, ``config.environment`` and ``config.merge``.
        consecutive_merge, slow_merge
            Accepted for pypet's sake; a merge costs the other trajectory's columns in any case.

        A parameter that is fixed in both, with different values, becomes explored. Results of single runs are
        copied; what is under ``run_ALL`` is not, but derived parameters there are given to each new run. In case
        of other nodes that both have, those here stay. Two trajectories of 100,000 runs with two results
        take about a second.

        Raises TypeError if parameters or wildcards differ, ValueError if no run is left to be merged.
        """
        backup = renamed(old_names, "backup_filename", "backup", backup) is not False
        move_data = bool(renamed(old_names, "move_nodes", "move_data", move_data))
        for name in ("ignore_trajectory_derived_parameters", "ignore_trajectory_results"):
            renamed(old_names, name, "ignore_data", None)
        if old_names:
            raise TypeError(f"f_merge has no option {next(iter(old_names))!r}.")
        merge = Merge(
            self,  # type: ignore[arg-type]
            other_trajectory,
            frozenset(ignore_data),
            remove_duplicates=remove_duplicates,
            trial_parameter=trial_parameter,
        )
        merge.plan()
        if backup:
            merge.back_up()
        merge.copy(with_config=merge_config)
        if keep_info:
            merge.note(keep_other_trajectory_info)
        if move_data:
            merge.delete_moved()
        if delete_other_trajectory:
            merge.delete_other()
        return merge.finish()

    def f_merge_many(
        self,
        other_trajectories: Iterable[Trajectory],
        ignore_data: Iterable[str] = (),
        move_data: bool = False,
        delete_other_trajectory: bool = False,
        keep_info: bool = True,
        keep_other_trajectory_info: bool = True,
        merge_config: bool = True,
        backup: bool = True,
    ) -> list[MergeReport]:
        """Take in several trajectories, in order; options as of :meth:`f_merge`. Only this one is backed up."""
        ignored = frozenset(ignore_data)
        if backup and is_on_disk(self._session):
            self.f_backup()  # type: ignore[attr-defined]
        return [
            self.f_merge(
                other,
                ignore_data=ignored,
                backup=False,
                move_data=move_data,
                delete_other_trajectory=delete_other_trajectory,
                keep_info=keep_info,
                keep_other_trajectory_info=keep_other_trajectory_info,
                merge_config=merge_config,
            )
            for other in other_trajectories
        ]
