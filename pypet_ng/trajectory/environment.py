"""How does a user run a function at all points of a trajectory?"""

from __future__ import annotations

import enum
import os
import platform
import sys
import time as clock
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Final, TypeVar

from pypet_ng._version import __version__
from pypet_ng.engine import running, storing
from pypet_ng.engine.estimate import estimate
from pypet_ng.engine.lognames import LogNames
from pypet_ng.engine.logs import LogOptions, SweepLog, log_options, logging_to, worker_logs
from pypet_ng.engine.progress import Observer, Silent, Together, observer_of
from pypet_ng.engine.returned import Gathered
from pypet_ng.engine.running import make_chunks
from pypet_ng.engine.sources import GracefulExit, Growing
from pypet_ng.engine.states import bind
from pypet_ng.engine.status import StatusFile
from pypet_ng.errors import near_names
from pypet_ng.runners import Runner
from pypet_ng.settings import OnChange, OnError, RunSettings
from pypet_ng.trajectory.codewatch import CodeWatch, git_options, sumatra_options
from pypet_ng.trajectory.configfile import read_config
from pypet_ng.trajectory.contradictions import check_together
from pypet_ng.trajectory.envconfig import RECORDED_OPTIONS, EnvironmentConfig, own_hexsha
from pypet_ng.trajectory.fileconfig import note_file_config
from pypet_ng.trajectory.keeping import begin_anew, make_service, named_service
from pypet_ng.trajectory.options import Fate, sort_options
from pypet_ng.trajectory.postprocessing import Postprocessing, Work, read_pipeline
from pypet_ng.trajectory.trajectory import Trajectory
from pypet_ng.trajectory.workers import choose_runner

__all__ = ["Environment"]

_Choice = TypeVar("_Choice", bound=enum.Enum)


_last_runs: Final[
    dict[tuple[str, str], tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], bool]]
] = {}
"""What was run last in this process, by place and trajectory: for ``resume``."""


class Environment:
    """Runs a function at all points of a trajectory and keeps what comes out.

    Parameters
    ----------
    trajectory
        A trajectory, or the name of a new one.
    kwargs
        Options, see :mod:`pypet_ng.trajectory.options`. The most used: ``filename`` (default
        ``./hdf5/<trajectory>.hdf5``; ``':memory:'`` keeps nothing on disk), ``overwrite_file``,
        ``comment``, ``automatic_storing``, ``clean_up_runs``, ``seed``, ``on_error``, ``on_change``,
        ``durability``, ``report_progress``, ``log_folder``, ``dry_run``.

    An existing file is gone on with: what is done there is not done again.
    """

    def __init__(self, trajectory: str | Trajectory = "trajectory", **kwargs: Any) -> None:
        kwargs, additions = read_config(kwargs.pop("config", None), kwargs)
        named_in_file = kwargs.pop("trajectory", "trajectory")
        if trajectory == "trajectory":  # what is given explicitly wins
            trajectory = named_in_file
        check_together(kwargs)
        options = sort_options(kwargs)
        own = options[Fate.ENVIRONMENT]
        self._settings = RunSettings(
            automatic_storing=bool(own.pop("automatic_storing", True)),
            clean_up_runs=bool(own.pop("clean_up_runs", True)),
            keep_returned=bool(own.pop("keep_returned", True)),
            on_error=_choice(OnError, "on_error", own.pop("on_error", "raise")),
            on_change=_on_change(own.pop("on_change", None)),
            commit_interval=float(own.pop("commit_interval", 1.0)),
        )
        self._runner = choose_runner(options[Fate.WORKERS])
        self._report_progress = own.pop("report_progress", None)
        self._dry_run = bool(own.pop("dry_run", False))
        self._do_single_runs = bool(own.pop("do_single_runs", True))
        self._immediate = bool(own.pop("immediate_postproc", False))
        self._graceful = bool(own.pop("graceful_exit", False))
        self._postprocessing: Postprocessing | None = None
        self._stopped = self._put_off = False
        self._noted_code: Mapping[str, Any] | None = None
        seed = own.pop("seed", None)
        of_trajectory = options[Fate.TRAJECTORY]
        service = named_service(of_trajectory.pop("storage_service", None))
        of_storage = options[Fate.STORAGE]
        if isinstance(trajectory, Trajectory):
            if of_trajectory:
                raise ValueError(
                    f"{', '.join(map(repr, of_trajectory))}: these options make a trajectory, but one was given."
                )
            self._traj = trajectory
        else:
            of_trajectory.setdefault("add_time", False)
            self._traj = Trajectory(trajectory, **of_trajectory)
        session = self._traj._session
        if service is not None or of_storage or session.storage is None:
            of_storage.setdefault("filename", None)
            if service is not None and not isinstance(service, type) and of_storage == {"filename": None}:
                of_storage = {}
            session.storage = make_service(service, self._traj.v_name, of_storage)
            session.facts.attached = False
            session.facts.stored_runs = 0
        if seed is not None:
            if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
                raise ValueError(f"seed={seed!r}: give a whole number from 0 on.")
            session.facts.seed = seed
        for name, value in options[Fate.SWITCH].items():
            setattr(self._traj, f"v_{name}", value)
        on_disk = self._settings.automatic_storing and session.storage.location != ":memory:"
        self._logging = log_options(own, on_disk=on_disk)
        self._timestamp = clock.time()
        git = git_options(own, by_default=on_disk and self._do_single_runs)
        self._code = CodeWatch(git, sumatra_options(own), self._traj, self._outputs)
        self._hexsha = self._code.hexsha or own_hexsha(
            self._traj.v_name, self._timestamp, os.getpid(), id(self)
        )
        session.facts.extra |= {"environment_name": self.name, "environment_hexsha": self._hexsha}
        self._config = EnvironmentConfig(self._traj, self.name) if self._do_single_runs else None
        if self._config is not None:
            self._config.describe(self._plain_options(kwargs), self._hexsha, self._timestamp)
        note_file_config(self._traj, kwargs)
        additions.add_to(self._traj)
        observer_of(self._report_progress)  # what it cannot mean is to be heard of before the sweep
        self._last_results = Gathered()
        if self._logging.config is not None:  # what the script says from here on is logged as well
            self._logging.config.apply_once(LogNames(self.name, self._traj.v_name))
        if not self._dry_run:  # an estimate must cost nobody his data
            begin_anew(session.storage)

    def _plain_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give what pypet writes to ``config.environment`` about the options, and whatever else was given."""
        settings = self._settings
        plain = {name: value for name, value in given.items() if type(value) in (bool, int, float, str)}
        kept = {name: plain[name] for name in plain if name in RECORDED_OPTIONS}
        return {
            "automatic_storing": settings.automatic_storing,
            "clean_up_runs": settings.clean_up_runs,
            "graceful_exit": self._graceful,
            "multiproc": self._runner.name != "serial",
            **kept,
        }

    def _outputs(self) -> list[str]:
        """Give the files and folders that we write ourselves."""
        storage = self._traj._session.storage
        places = [storage.location] if storage is not None and storage.location != ":memory:" else []
        return [os.path.abspath(one) for one in (*places, self._logging.folder) if one is not None]

    # -- what it works on ---------------------------------------------------------------------
    @property
    def trajectory(self) -> Trajectory:
        """The trajectory."""
        return self._traj

    @property
    def traj(self) -> Trajectory:
        """The trajectory."""
        return self._traj

    @property
    def settings(self) -> RunSettings:
        """The options of the next ``run``; settable."""
        return self._settings

    @property
    def runner(self) -> Runner:
        """Who does the runs."""
        return self._runner

    @property
    def dry_run(self) -> bool:
        """Let ``run`` estimate time and size instead of running; settable."""
        return self._dry_run

    @dry_run.setter
    def dry_run(self, dry: bool) -> None:
        self._dry_run = bool(dry)

    @property
    def last_results(self) -> Sequence[tuple[int, Any]]:
        """What the last ``run`` gave, also if it ended with an error."""
        return self._last_results.all()

    @property
    def timestamp(self) -> float:
        """Seconds since the epoch at which the environment was made."""
        return self._timestamp

    @property
    def name(self) -> str:
        """``environment_``, the first figures of its SHA, and the time it was made."""
        return f"environment_{self._hexsha[:7]}_{self.time}"

    @property
    def hexsha(self) -> str:
        """SHA of the commit that git_repository or git_fail led to, else one of the environment itself."""
        return self._hexsha

    @property
    def current_idx(self) -> int:
        """Index of the run from which on the next ``run`` gives results; settable."""
        return self._traj._session.facts.given

    @current_idx.setter
    def current_idx(self, index: int) -> None:
        length = len(self._traj)
        if not 0 <= index <= length:
            raise ValueError(f"current_idx={index!r}: the trajectory has {length} runs.")
        self._traj._session.facts.given = index

    @property
    def time(self) -> str:
        """The time it was made, as text."""
        return clock.strftime("%Y_%m_%d_%Hh%Mm%Ss", clock.localtime(self._timestamp))

    def __getattr__(self, name: str) -> Any:
        # pypet accepts its prefixes here as well: env.f_run, env.v_trajectory
        if name[:2] in ("f_", "v_") and not name[2:].startswith("_") and hasattr(type(self), name[2:]):
            return getattr(self, name[2:])
        raise AttributeError(f"An Environment has no attribute {name!r}.{near_names(name, dir(type(self)))}")

    def __enter__(self) -> Environment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disable_logging()

    def disable_logging(self, remove_all_handlers: bool = True) -> None:
        """Log no more. Files are closed after each ``run`` in any case, those of a ``log_config`` now."""
        if self._logging.config is not None and remove_all_handlers:
            self._logging.config.remove()
        self._logging = LogOptions(enabled=False)

    def __repr__(self) -> str:
        return f"<Environment {self.name} of {self._traj.v_name!r}, runner {self._runner.name!r}>"

    # -- running ------------------------------------------------------------------------------
    def run(self, runfunc: Callable[..., Any], *args: Any, **kwargs: Any) -> list[tuple[int, Any]]:
        """Call ``runfunc(traj, *args, **kwargs)`` at each point that is not done yet.

        Gives (run index, returned value) sorted by index: in the first call on an existing
        trajectory of all its points (finished ones with the values kept), later of the new ones.
        A run that raises is recorded; the others go on, then the error of the lowest run is raised
        (``on_error='stop'``: at once, ``'return'``: never). Ctrl+C and SIGTERM store what is done and
        stop; a second one leaves at once.
        With ``dry_run=True`` gives a :class:`pypet_ng.engine.estimate.Estimate` instead.
        """
        given: list[tuple[int, Any]] = self._run(Work(runfunc, args, kwargs), per_run=False)
        return given

    def run_map(
        self, runfunc: Callable[..., Any], *iter_args: Any, **iter_kwargs: Any
    ) -> list[tuple[int, Any]]:
        """Like :meth:`run`, but each argument is an iterable with one element per run to do."""
        if not iter_args and not iter_kwargs:
            raise ValueError("run_map needs at least one iterable argument; use run for none.")
        given: list[tuple[int, Any]] = self._run(Work(runfunc, iter_args, iter_kwargs), per_run=True)
        return given

    def add_postprocessing(self, postproc: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call ``postproc(traj, results, *args, **kwargs)`` after the runs, `results` being all so far.

        It may expand the trajectory, or give what is to be expanded (see
        :class:`pypet_ng.trajectory.postprocessing.Postprocessing`): then the new runs are done and it
        is called again. With ``immediate_postproc=True`` and several workers it is first called when
        the last runs have begun, and its new runs are done beside them.
        """
        self._postprocessing = Postprocessing(Work.of((postproc, args, kwargs), "postproc"))

    def pipeline(self, pipeline: Callable[..., Any]) -> list[tuple[int, Any]]:
        """Let ``pipeline(traj)`` prepare all and say what to run, then run it.

        It gives the run function, ``(runfunc, args[, kwargs])``, or
        ``((runfunc, args, kwargs), (postproc, args, kwargs))``. RuntimeError for None, except with
        ``do_single_runs=False``.
        """
        return self._pipeline(pipeline, per_run=False)

    def pipeline_map(self, pipeline: Callable[..., Any]) -> list[tuple[int, Any]]:
        """Like :meth:`pipeline`, but the arguments are iterables as in :meth:`run_map`."""
        return self._pipeline(pipeline, per_run=True)

    def _pipeline(self, pipeline: Callable[..., Any], *, per_run: bool) -> list[tuple[int, Any]]:
        given = pipeline(self._traj)
        if given is None:
            if self._do_single_runs:
                raise RuntimeError(
                    f"The pipeline function {pipeline!r} gave None: it must say what to run. With "
                    "do_single_runs=False it need not."
                )
            return []
        work, post = read_pipeline(given)
        if post is not None:
            self._postprocessing = Postprocessing(post)
        results: list[tuple[int, Any]] = self._run(work, per_run=per_run)
        return results

    def _run(self, work: Work, *, per_run: bool) -> Any:
        """Do the runs, and what post-processing adds to them."""
        post = self._postprocessing
        if post is None or self._dry_run:
            return self._run_once(work, per_run=per_run)
        traj, session = self._traj, self._traj._session
        results: dict[int, Any] = {}
        more = True
        while more:
            self._put_off = False
            results.update(self._run_once(work, per_run=per_run))
            more = not self._stopped and (self._put_off or post.ask(traj, sorted(results.items()), work))
        if self._settings.automatic_storing and session.storage is not None and not self._stopped:
            storing.store_all(session)
        self._last_results = Gathered()
        self._last_results.add(results.items())
        return self._last_results.all()

    def _run_once(self, work: Work, *, per_run: bool) -> Any:
        runfunc, args, kwargs = work.function, work.args, work.kwargs
        if not self._do_single_runs:
            raise RuntimeError("This environment was made with do_single_runs=False: it does no runs.")
        if not callable(runfunc):
            raise TypeError(f"run needs a function that takes the trajectory, not {runfunc!r}.")
        self._traj._check_presets()
        session = self._traj._session
        runfunc = bind(runfunc, session)
        if self._config is not None and not self._dry_run:
            self._config.begins()
        if self._dry_run:
            return estimate(
                session,
                runfunc,
                args,
                kwargs,
                per_run=per_run,
                storing=self._settings.automatic_storing,
                keep_returned=self._settings.keep_returned,
                workers=getattr(self._runner, "ncores", 1),
            )
        graceful = GracefulExit() if self._graceful else None
        with (
            logging_to(self._logging, self._traj.v_name, self.name) as folder,
            graceful or nullcontext(),
            self._code.recorded(),
        ):
            log = SweepLog(session, self._runner.name, folder) if self._logging.enabled else Silent()
            self._last_results = Gathered()
            storage = session.storage
            if storage is not None:
                key = (os.path.abspath(storage.location), self._traj.v_name)
                _last_runs[key] = (runfunc, tuple(args), dict(kwargs), per_run)
            status: Observer = Silent()
            if self._settings.automatic_storing and storage is not None and storage.location != ":memory:":
                status = StatusFile(storage.location, lambda: session.facts.number)
            running.run(
                session,
                self._settings,
                self._runner,
                runfunc,
                args,
                kwargs,
                results=self._last_results,
                per_run=per_run,
                session_facts=self._facts(),
                observer=Together(log, status, observer_of(self._report_progress)),
                source=self._source(work, graceful),
                logs=worker_logs(self._logging, self._traj.v_name, self.name),
            )
            self._stopped = graceful is not None and graceful.asked
            if self._config is not None:
                noted = self._config.ends()
                if noted and self._settings.automatic_storing and session.facts.attached:
                    self._traj.f_store_items(noted, overwrite=True)
        return self._last_results.all()

    def resume(
        self, trajectory_name: str | None = None, resume_folder: str | None = None
    ) -> list[tuple[int, Any]]:
        """Go on with the last ``run`` of this process: do what is missing, give all results, old and new.

        `trajectory_name`: another trajectory of the same file, run in this process before.
        `resume_folder` is accepted and not needed: finished runs are in the file. Functions are not
        stored; in a new process call ``run`` with the function, which does the same. RuntimeError.
        """
        name = self._traj.v_name if trajectory_name is None else trajectory_name
        session = self._traj._session
        storage = session.storage
        known = None if storage is None else _last_runs.get((os.path.abspath(storage.location), name))
        if known is None or storage is None:
            raise RuntimeError(
                f"No function was run in this process for trajectory {name!r}, and functions are not stored. "
                "Call env.run(function): it does what is missing and gives all results, old and new."
            )
        runfunc, args, kwargs, per_run = known
        if per_run:
            raise RuntimeError(
                f"The last call for trajectory {name!r} was run_map, whose iterables are used up. Call "
                "env.run_map(function, ...) again with one element per run that is missing."
            )
        if name != self._traj.v_name or not session.plan.is_explored:
            self._traj = Trajectory(name, add_time=False)
            self._traj.f_load(name=name, storage_service=storage)
            session = self._traj._session
        session.facts.given = 0
        return self.run(runfunc, *args, **kwargs)

    def _source(self, work: Work, graceful: GracefulExit | None) -> Any:
        """Give what cuts the runs into chunks."""
        cut = make_chunks if graceful is None else graceful.chunks
        post, session, results = self._postprocessing, self._traj._session, self._last_results
        # in this process one run follows the other: there are none beside which new ones could go
        if post is None or not self._immediate or self._runner.name == "serial":
            return cut
        keeping = self._settings.automatic_storing and session.storage is not None

        def ask() -> bool:
            arguments = work.args, work.kwargs
            # put off: nobody is asked again before the runs added last were done with their arguments
            if self._put_off or not post.ask(self._traj, list(results.all()), work):
                return False
            # the workers have the old arguments: runs with new ones come when these are done
            self._put_off = work.args is not arguments[0] or work.kwargs is not arguments[1]
            return not self._put_off

        def growing(*given: Any) -> Growing:
            return Growing(session, cut(*given), lambda: len(results.all()), ask, keeping=keeping)

        return growing

    def _facts(self) -> dict[str, Any]:
        code = self._code.facts()
        if code is not self._noted_code and self._traj._session.facts.number:
            self._traj._session.facts.number = 0  # other code makes another session
        self._noted_code = code
        return {
            **({} if code is None else {"git": code}),
            "time": self._timestamp,
            "host": platform.node(),
            "pid": os.getpid(),
            "script": os.path.abspath(sys.argv[0]) if sys.argv and sys.argv[0] else "",
            "python": platform.python_version(),
            "pypet_ng": __version__,
            "runner": self._runner.name,
        }


def _choice(kind: type[_Choice], name: str, value: Any) -> _Choice:
    try:
        return kind(value)
    except ValueError:
        choices = ", ".join(repr(one.value) for one in kind)
        raise ValueError(f"{name}={value!r}: choose one of {choices}.") from None


def _on_change(value: Any) -> OnChange | None:
    return None if value is None else _choice(OnChange, "on_change", value)
