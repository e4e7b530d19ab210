"""Is a new user told what went wrong, and never left with nothing or with too much?"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

from pypet_ng import BaseParameter, DesignError, Environment, Trajectory, explore, load_trajectory
from pypet_ng.engine.progress import Tally
from pypet_ng.errors import MissingFileError, NodeNotFoundError
from pypet_ng.tree.records import Batch, RunStates


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def double(x: int) -> int:
    return 2 * x


# -- names and options ------------------------------------------------------------------------------
def test_a_mistyped_option_of_a_trajectory_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"'filenam'.*Did you mean 'filename'"):
        Trajectory("t", filenam="t.hdf5")


def test_a_mistyped_option_of_loading_is_an_error() -> None:
    explore(double, x=[1])
    with pytest.raises(TypeError, match=r"'laod_data'.*Did you mean 'load_data'"):
        load_trajectory("double", filename="hdf5/double.hdf5", laod_data=2)


@pytest.mark.parametrize("flag", ["all", 7, -1])
def test_a_load_flag_that_means_nothing_is_an_error(flag: Any) -> None:
    explore(double, x=[1])
    with pytest.raises(ValueError, match=r"load_results=.*choose 0"):
        load_trajectory("double", filename="hdf5/double.hdf5", load_results=flag)


def test_a_file_that_is_not_there_is_called_so() -> None:
    explore(double, x=[1], filename="double.hdf5")
    with pytest.raises(MissingFileError, match=r"no file '.*duoble.hdf5'. Did you mean 'double.hdf5'"):
        load_trajectory("double", filename="duoble.hdf5")


def test_private_names_are_not_suggested() -> None:
    with pytest.raises(NodeNotFoundError) as caught:
        Trajectory("t").v_nod  # noqa: B018
    assert "'_" not in str(caught.value)


def test_only_names_can_be_explored() -> None:
    key: Any = 5
    with pytest.raises(TypeError, match=r"named by text or by itself, not by 5 \(int\)"):
        Trajectory("t").f_explore({key: [1]})


def test_a_warning_about_a_name_names_the_line_of_the_user() -> None:
    traj = Trajectory("t")
    for add in (traj.f_add_parameter, traj.f_apar, traj.f_add_leaf, traj.parameters.f_add_parameter):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            add(f"lambda.{len(traj.f_to_dict())}", 1)
        assert [warning.filename for warning in caught] == [__file__]


# -- sweeps -----------------------------------------------------------------------------------------
def test_none_cannot_be_explored_and_the_error_says_why() -> None:
    with pytest.raises(DesignError, match="'x' cannot be None"):
        explore(double, x=[None, 1], filename=":memory:")


def test_several_cores_are_used_when_explore_is_given_their_number() -> None:
    def where(x: int) -> int:
        import os

        return os.getpid()

    import os

    traj = explore(where, x=[1, 2], ncores=2, filename=":memory:")
    assert os.getpid() not in list(traj.f_collect("value"))


def test_an_environment_tells_that_cores_without_multiproc_do_nothing() -> None:
    with pytest.warns(UserWarning, match="ncores=4 has no effect.*multiproc=True"):
        Environment("t", filename=":memory:", ncores=4)
    Environment("t", filename=":memory:", ncores=4, multiproc=False)


def test_a_sweep_that_was_given_up_says_how_much_was_not_tried() -> None:
    def bad(x: int) -> int:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad") as caught:
        explore(bad, x=range(100), filename=":memory:")
    assert "100 runs failed, so " in caught.value.__notes__[-1]
    assert " were not tried" in caught.value.__notes__[-1]


def test_ctrl_c_says_what_is_done() -> None:
    def stop(x: int) -> int:
        if x == 3:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt) as caught:
        explore(stop, x=range(10), filename="stop.hdf5")
    assert "3 of 10 runs of trajectory 'stop' are done. Run the script again" in caught.value.__notes__[-1]
    assert list(
        explore(double, x=range(10), name="stop", filename="stop.hdf5", on_change="keep").f_run_table()[
            "state"
        ]
    ) == (["done"] * 10)


def test_the_state_of_a_run_is_a_plain_bool() -> None:
    traj = explore(double, x=[1, 2], filename=":memory:")
    assert traj.f_is_completed(1) is True


def test_a_parameter_asked_for_is_in_a_table_once() -> None:
    traj = explore(double, x=[1, 2], filename=":memory:")
    assert list(traj.f_to_dataframe(["value", "x"]).columns) == ["x", "value"]


# -- remaining time ---------------------------------------------------------------------------------
def test_the_start_of_workers_does_not_count_as_work() -> None:
    now = 1000.0

    def first_run(took: float) -> Batch:
        one = np.ones(1)
        states = RunStates(
            rows=np.zeros(1, np.int64),
            state=one.astype(np.uint8),
            start=one * 5e8,
            finish=one * (5e8 + took),
            attempt=one.astype(np.uint16),
            nonfinite=np.zeros(1, np.uint8),
        )
        return Batch(runs=states)

    tally = Tally(lambda: now)
    tally.begin(101, 0)
    now += 4.0
    tally.add(first_run(0.25))
    assert tally.line() == "1 of 101 runs ended (1.0 %), 4 runs/s, about 0:00:25 left"
    tally.begin(101, 0)
    now += 4.0
    tally.add(first_run(9.0))  # a clock that is off cannot mean more than has passed
    assert tally.words() == "4 s per run, about 0:06:40 left"


def test_a_script_that_is_stopped_leaves_what_it_did(tmp_path: pathlib.Path) -> None:
    code = (
        "import os, signal\n"
        "from pypet_ng import explore\n"
        "def f(x):\n"
        "    if x == 2 and not os.path.exists('again'):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return x\n"
        "traj = explore(f, x=range(5), filename='f.hdf5')\n"
        "assert list(traj.f_collect('value')) == list(range(5))\n"
    )
    first = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert first.returncode != 0
    assert "2 of 5 runs of trajectory 'f' are done." in first.stderr
    (tmp_path / "again").touch()
    second = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 0, second.stderr


# -- own containers ---------------------------------------------------------------------------------
class Shape:
    """Something without a codec, an order, or a repr that says anything."""

    def __init__(self, sides: int) -> None:
        self.sides = sides


class ShapeParameter(BaseParameter):
    def __init__(self, full_name: str, data: Any = None, comment: str = "") -> None:
        super().__init__(full_name, comment)
        self.current = self.first = data
        self.all: list[Any] = []

    def f_supports(self, data: Any) -> bool:
        return isinstance(data, Shape)

    def f_is_empty(self) -> bool:
        return self.first is None

    def f_get(self) -> Any:
        return self.current

    def f_get_range(self, copy: bool = True) -> list[Any]:
        return list(self.all)

    @property
    def v_explored(self) -> bool:
        return bool(self.all)

    def _explore(self, explore_iterable: Any) -> None:
        self.all = list(explore_iterable)

    def _expand(self, explore_iterable: Any) -> None:
        self.all += list(explore_iterable)

    def _set_parameter_access(self, idx: int = 0) -> None:
        self.current = self.all[idx]

    def _restore_default(self) -> None:
        self.current = self.first

    def _store(self) -> dict[str, Any]:
        return {"first": self.first.sides, "all": [shape.sides for shape in self.all]}

    def _load(self, load_dict: dict[str, Any]) -> None:
        self.current = self.first = Shape(load_dict["first"])
        self.all = [Shape(sides) for sides in load_dict["all"]]


def test_points_of_objects_without_a_repr_are_known_again() -> None:
    def sweep(*sides: int) -> list[int]:
        ran = []
        env = Environment("shapes", filename="shapes.hdf5")
        env.traj.f_add_parameter(ShapeParameter, "shape", Shape(0))
        env.traj.f_explore({"shape": [Shape(count) for count in sides]})
        env.run(lambda traj: ran.append(traj.shape.sides))
        return ran

    assert sweep(3, 4) == [3, 4]
    assert sweep(3, 4, 5) == [5]
