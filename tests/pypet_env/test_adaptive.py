"""Do optimisers and trajectories work together, and does a search go on where it stopped?"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from pypet_ng import Environment, Generations, load_trajectory

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _fresh_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(**options: Any) -> Any:
    env = Environment(trajectory="s", filename="s.hdf5", report_progress=False, log_config=None, **options)
    env.traj.f_add_parameter("x", 0.0)
    env.traj.f_add_parameter("y", 0)
    return env


def product(traj: Any, factor: float = 1.0) -> float:
    return float(traj.x * traj.y * factor)


def test_values_come_in_the_order_of_the_points() -> None:
    env = make()
    generations = Generations(env, product, factor=2.0)
    assert generations.evaluate([{"x": 3.0, "y": 1}, {"y": 2, "x": 1.0}]) == [6.0, 4.0]
    assert generations.evaluate([{"x": 3.0, "y": 1}]) == [6.0], "a point may come again"
    assert generations.indices == [2]
    assert generations.evaluate([]) == []
    assert len(env.traj) == 3


def test_a_script_that_asks_for_some_of_the_points_gets_their_values() -> None:
    points = [{"x": float(x), "y": 2} for x in range(5)]
    Generations(make(), product).evaluate(points)
    before = states("s.hdf5", "s")
    again = Generations(make(), product)
    assert again.evaluate(points[3:]) == [6.0, 8.0]
    assert again.indices == [3, 4]
    assert (states("s.hdf5", "s")["start"] == before["start"]).all(), "nothing was run again"


def states(filename: str, name: str) -> Any:
    return load_trajectory(name=name, filename=filename).f_run_table()


def test_failed_runs_have_no_value() -> None:
    def some(traj: Any) -> float:
        if traj.y == 1:
            raise ValueError("no")
        return float(traj.y)

    env = make(on_error="return")
    assert Generations(env, some).evaluate([{"x": 0.0, "y": y} for y in range(3)]) == [0.0, None, 2.0]


class Bisection:
    """Finds where x * 4 is 10."""

    def __init__(self) -> None:
        self.low, self.high = 0.0, 8.0
        self.told = 0

    def ask(self) -> Sequence[dict[str, Any]]:
        middle = (self.low + self.high) / 2
        return [{"x": middle, "y": 4}] if self.high - self.low > 0.01 else []

    def tell(self, points: Sequence[Any], values: Sequence[Any]) -> None:
        self.told += 1
        if values[0] < 10:
            self.low = points[0]["x"]
        else:
            self.high = points[0]["x"]


def test_ask_and_tell_until_there_are_no_more_points_and_again() -> None:
    starts = []
    for _ in range(2):
        search = Bisection()
        assert Generations(make(on_error="raise"), product).search(search) == search.told == 10
        assert abs(search.low - 2.5) < 0.01
        starts.append(list(states("s.hdf5", "s")["start"]))
    assert starts[0] == starts[1], "nothing was run again"
    assert len(load_trajectory(name="s", filename="s.hdf5")) == 10


# -- real optimisers ----------------------------------------------------------------------------------
def output(example: str) -> str:
    script = str(ROOT / "examples" / example)
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("package", "example", "name", "words"),
    [
        ("deap", "evolution_deap.py", "one_max", "best: 20 runs"),
        ("optuna", "search_optuna.py", "study", "best loss 0."),
        ("scipy", "search_scipy.py", "rosenbrock", "at [1.0, 1.0]"),
    ],
)
def test_example_of_a_real_optimiser_is_stored_and_resumed(
    package: str, example: str, name: str, words: str
) -> None:
    pytest.importorskip(package)
    first = output(example)
    assert words in first
    before = states(f"hdf5/{name}.hdf5", name)
    assert (before["state"] == "done").all()
    second = output(example)
    assert second == first
    after = states(f"hdf5/{name}.hdf5", name)
    assert (after["start"] == before["start"]).all(), "nothing was run again"
    assert len(after) == len(before) > 30


SCOOP = """
import os
from pypet_ng import Environment

def run(traj):
    return traj.x**2, os.getpid()

if __name__ == "__main__":
    env = Environment(trajectory="t", filename="t.hdf5", multiproc=True, use_scoop=True, report_progress=False)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": list(range(20))})
    print("squares", [value[0] for _, value in env.run(run)])
"""


def test_section_15_scoop_through_the_executor_seam() -> None:
    pytest.importorskip("scoop")
    pathlib.Path("script.py").write_text(SCOOP)
    place = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "scoop", "-n", "2", "script.py"],
        env=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"squares {[x**2 for x in range(20)]}" in done.stdout, done.stderr
    assert (states("t.hdf5", "t")["state"] == "done").all()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "script.py"], env=place, capture_output=True, text=True, check=False
    )
    assert "python -m scoop script.py" in done.stderr
