"""Does explore(...) call a plain function at all points, and keep what it gives?"""

from __future__ import annotations

import functools
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pypet_ng import (
    DesignError,
    PlanMismatchError,
    UnsupportedValueError,
    explore,
    grid,
    load_trajectory,
    one_at_a_time,
    zipped,
)
from pypet_ng.runners import ProcessRunner


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def product(x: float, y: float, *, factor: float = 1.0) -> float:
    return x * y * factor


def values(traj: Any, name: str = "value") -> list[Any]:
    return [getattr(traj.results.runs[f"run_{row:08d}"], name) for row in range(len(traj))]


def test_three_lines_are_enough() -> None:
    traj = explore(product, x=grid(1, 2, 2), y=[1, 2.5])
    assert values(traj) == [1.0, 2.5, 2.0, 5.0]
    assert traj.v_name == "product"
    assert pathlib.Path("hdf5/product.hdf5").exists()
    loaded = load_trajectory(name="product", filename="hdf5/product.hdf5", load_all=2)
    assert values(loaded) == [1.0, 2.5, 2.0, 5.0]


def test_again_runs_only_what_is_missing() -> None:
    calls = []

    def square(x: int, power: int) -> int:
        calls.append(x)
        return int(x**power)

    explore(square, x=[1, 2, 3], power=2)
    explore(square, x=[1, 2, 3], power=2)
    assert calls == [1, 2, 3]
    traj = explore(square, x=[5, 1, 2, 3], power=2)
    assert calls == [1, 2, 3, 5]
    assert sorted(values(traj)) == [1, 4, 9, 25]
    with pytest.raises(PlanMismatchError, match="power"):
        explore(square, x=[1, 2, 3], power=3)


def test_a_design_with_a_fixed_value_and_an_axis() -> None:
    traj = explore(product, zipped(x=[1.0, 2.0], y=[3.0, 4.0]), factor=[1.0, 10.0], filename=":memory:")
    assert values(traj) == [3.0, 30.0, 8.0, 80.0]
    assert list(pathlib.Path.cwd().iterdir()) == []
    traj = explore(product, {"x": [1.0, 2.0]}, y=3.0, name="other", filename=":memory:")
    assert (traj.v_name, traj.parameters.y, values(traj)) == ("other", 3.0, [3.0, 6.0])


def test_nothing_explored_is_one_run() -> None:
    assert values(explore(product, x=2.0, y=3.0, filename=":memory:")) == [6.0]
    assert values(explore(lambda: 7, filename=":memory:")) == [7]


def test_a_dictionary_gives_one_result_per_key() -> None:
    traj = explore(
        lambda x: {"double": 2 * x, "nothing": None, "array": np.full(3, x)}, x=[1, 2], filename="./a.hdf5"
    )
    assert traj.v_name == "lambda"
    assert values(traj, "double") == [2, 4]
    assert values(traj, "nothing") == [None, None]
    assert values(traj, "array")[1].tolist() == [2, 2, 2]


def test_none_is_a_value_and_may_be_given() -> None:
    got = []
    traj = explore(lambda x, model: got.append((x, model)), x=[1, 2], model=None, filename=":memory:")
    assert got == [(1, None), (2, None)]
    assert values(traj) == [None, None]


def test_one_at_a_time_can_be_stored_and_resumed() -> None:
    calls = []

    def f(x: float, y: float) -> float:
        calls.append((x, y))
        return x + y

    for _ in range(2):
        traj = explore(f, one_at_a_time({"x": 1, "y": 1.0}, x=[0.5, 2], y=[3]))
    assert calls == [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 3.0)]
    assert values(traj) == [2.0, 1.5, 3.0, 4.0]


def test_worker_processes_give_the_same() -> None:
    offset = 0.5
    runner = ProcessRunner(2)
    try:
        traj = explore(lambda x, y: x * y + offset, x=[1, 2, 3], y=[1.0, 2.0], runner=runner)
    finally:
        runner.close()
    assert values(traj) == [1.5, 2.5, 2.5, 4.5, 3.5, 6.5]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (product, "product"),
        (lambda x, y: x, "lambda"),
        (functools.partial(product, factor=2.0), "product"),
        (type("Model", (), {"__call__": lambda self, x, y: x})(), "Model"),
    ],
)
def test_the_function_names_the_trajectory(function: Any, name: str) -> None:
    assert explore(function, x=[1.0], y=2.0, filename=":memory:").v_name == name


def nothing_runs(**_: Any) -> None:
    raise AssertionError("nothing may run")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"x": [1.0]}, "nothing is said about 'y'"),
        ({"x": [1.0], "y": 1.0, "facto": 2.0}, "Did you mean 'factor'"),
        ({"x": [1.0], "y": 1.0, "onerror": "stop"}, "Did you mean 'on_error'"),
        ({"x": [], "y": 1.0}, "'x' has no values"),
        ({"x": {1.0, 2.0}, "y": 1.0}, "'x' is a set"),
        ({"x": [1.0], "y": 1.0, "axes": {"x": [2.0]}}, "given twice"),
    ],
)
def test_names_that_do_not_fit_are_refused_before_anything_runs(given: dict[str, Any], words: str) -> None:
    @functools.wraps(product)
    def guarded(**kwargs: Any) -> Any:
        return nothing_runs(**kwargs)

    with pytest.raises(DesignError, match=words):
        explore(guarded, **given)
    assert not pathlib.Path("hdf5").exists()


def test_what_is_no_design_is_refused() -> None:
    with pytest.raises(DesignError, match="x="):
        explore(product, [1, 2], x=1.0, y=1.0)  # type: ignore[arg-type]
    with pytest.raises(DesignError, match="twice"):
        explore(product, zipped(x=[1.0]), x=1.0, y=1.0)
    with pytest.raises(DesignError, match="as a keyword"):
        explore(lambda x, /: x, x=[1])
    with pytest.raises(TypeError, match="function"):
        explore(3)  # type: ignore[arg-type]


def test_a_name_that_is_an_option_as_well_needs_axes() -> None:
    def f(seed: int, x: float) -> float:
        return seed * x

    with pytest.raises(DesignError, match="axes="):
        explore(f, seed=[1, 2], x=1.0)
    traj = explore(f, axes={"seed": [1, 2]}, x=10.0, seed=99, filename=":memory:")
    assert values(traj) == [10.0, 20.0]


def test_functions_of_any_keywords_take_all_names() -> None:
    traj = explore(lambda **kw: sum(kw.values()), a=[1, 2], b=10, filename=":memory:")
    assert values(traj) == [11, 12]


def test_a_value_that_cannot_be_stored_is_named() -> None:
    with pytest.raises(UnsupportedValueError) as caught:
        explore(product, x=[1.0], y=object(), filename=":memory:")
    assert "'y'" in "".join(caught.value.__notes__)


def test_a_failed_run_is_raised_and_tried_again() -> None:
    broken = [True]

    def invert(x: float) -> float:
        if broken[0] and x == 0:
            raise ValueError("cannot invert 0")
        return 1 / x if x else 0.0

    with pytest.raises(ValueError, match="cannot invert"):
        explore(invert, x=[1.0, 0.0, 2.0], log_config=None)
    broken[0] = False
    assert values(explore(invert, x=[1.0, 0.0, 2.0])) == [1.0, 0.0, 0.5]


def test_keys_of_a_dictionary_that_are_no_names_fail_the_run() -> None:
    with pytest.raises(TypeError, match="key 1"):
        explore(lambda: {1: 2}, filename=":memory:", log_config=None)


def test_a_file_begun_anew() -> None:
    explore(product, x=[1.0, 2.0], y=1.0)
    traj = explore(product, x=[7.0], y=2.0, overwrite_file=True)
    assert values(traj) == [14.0]


def test_the_example_of_the_docs_runs() -> None:
    script = pathlib.Path(__file__).parents[2] / "examples" / "three_lines.py"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, check=True
        )
        lines = done.stdout.splitlines()
        assert len(lines) == 12
        assert lines[-1] == "run_00000011: 4.0 * 8.0 = 32.0"
        assert done.stderr == ""
