"""Who hears how far a sweep is, when, and in which words?"""

from __future__ import annotations

import io
import logging
import sys
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pypet_ng import Environment
from pypet_ng.engine import progress
from pypet_ng.engine.progress import Bar, Lines, NotebookBar, Percents, Silent, Together, observer_of
from pypet_ng.tree.records import Batch, Failure, RunStates


class Clock:
    """A clock that goes only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def batch(count: int, failed: int = 0) -> Batch:
    zeros = np.zeros(count)
    states = RunStates(
        rows=np.arange(count),
        state=zeros.astype(np.uint8),
        start=zeros,
        finish=zeros,
        attempt=zeros.astype(np.uint16),
        nonfinite=zeros.astype(np.uint8),
    )
    return Batch(runs=states, failures=[Failure(row, "ValueError", "bad", "trace") for row in range(failed)])


class Heard(list[Any]):
    """An observer that remembers."""

    def started(self, total: int, done: int) -> None:
        self.append(("started", total, done))

    def advanced(self, some: Batch) -> None:
        assert some.runs is not None
        self.append(("advanced", len(some.runs.rows), len(some.failures)))

    def finished(self) -> None:
        self.append(("finished",))


def environment(**options: Any) -> Any:
    env = Environment(trajectory="t", filename=":memory:", log_config=None, **options)
    env.traj.f_add_parameter("x", 0)
    env.traj.f_explore({"x": range(20)})
    return env


def fails_at_three(traj: Any) -> None:
    if traj.x == 3:
        raise ValueError("three")


def test_an_observer_hears_begin_batches_and_end() -> None:
    heard = Heard()
    env = environment(report_progress=heard, on_error="return", on_change="keep")
    env.run(fails_at_three)
    assert heard[0] == ("started", 20, 0)
    assert heard[-1] == ("finished",)
    assert sum(one[1] for one in heard[1:-1]) == 20
    assert sum(one[2] for one in heard[1:-1]) == 1
    heard.clear()
    env.run(lambda traj: None)
    assert (heard[0], heard[-1]) == (("started", 20, 19), ("finished",))
    heard.clear()
    env.run(lambda traj: None)
    assert heard == [("started", 20, 20), ("finished",)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_end_is_heard_after_errors_too(error: type[BaseException]) -> None:
    heard = Heard()

    def run(traj: Any) -> None:
        raise error

    with pytest.raises(error):
        environment(report_progress=heard).run(run)
    assert heard[-1] == ("finished",)


def test_a_line_comes_after_two_seconds_and_then_every_thirty() -> None:
    clock, lines = Clock(), []
    observer = Lines(lines.append, clock=clock)
    observer.started(1000, 100)
    for _ in range(80):  # 80 s
        clock.now += 1.0
        observer.advanced(batch(10, failed=1 if clock.now == 1001 else 0))
    observer.finished()
    assert lines == [
        "120 of 1000 runs ended (12.0 %), 1 failed, 10 runs/s, about 0:01:28 left",
        "420 of 1000 runs ended (42.0 %), 1 failed, 10 runs/s, about 0:00:58 left",
        "720 of 1000 runs ended (72.0 %), 1 failed, 10 runs/s, about 0:00:28 left",
    ]


def test_a_short_sweep_says_nothing() -> None:
    clock, lines = Clock(), []
    observer = Lines(lines.append, clock=clock)
    observer.started(10, 0)
    clock.now += 1.9
    observer.advanced(batch(10))
    observer.finished()
    assert lines == []


def test_slow_runs_are_told_in_seconds_per_run() -> None:
    clock = Clock()
    tally = progress.Tally(clock)
    tally.begin(10, 0)
    assert tally.line() == "0 of 10 runs ended (0.0 %)"
    clock.now += 100
    tally.add(batch(4))
    assert tally.line() == "4 of 10 runs ended (40.0 %), 25 s per run, about 0:02:30 left"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=30), st.sampled_from([1, 5, 10, 12.5, 33, 100]))
def test_percents_write_once_per_step_and_at_the_end(sizes: list[int], step: float) -> None:
    lines: list[str] = []
    observer = Percents(step, lines.append, clock=Clock())
    total = sum(sizes)
    observer.started(total, 0)
    for size in sizes:
        if size:
            observer.advanced(batch(size))
    observer.finished()
    assert len(lines) <= 100 / step + 1
    if total:
        assert lines[-1].startswith(f"{total} of {total} runs ended (100.0 %)")


def test_ten_percent_of_a_hundred_runs_are_ten_lines() -> None:
    lines: list[str] = []
    observer = Percents(10, lines.append, clock=Clock())
    observer.started(100, 0)
    for _ in range(100):
        observer.advanced(batch(1))
    assert [line.split()[0] for line in lines] == [str(count) for count in range(10, 101, 10)]


def test_the_bar_shows_counts_failures_and_rate() -> None:
    screen = io.StringIO()
    bar = Bar(Console(file=screen, force_terminal=True, width=120), patience=0)
    bar.started(10, 2)
    bar.advanced(batch(4, failed=1))
    bar.finished()
    assert "6/10" in screen.getvalue()
    assert "1 failed" in screen.getvalue()
    shown = screen.getvalue()
    bar.advanced(batch(1))  # nobody is disturbed by a late batch
    assert screen.getvalue() == shown


def test_the_bar_of_a_short_sweep_is_never_shown() -> None:
    screen = io.StringIO()
    bar = Bar(Console(file=screen, force_terminal=True), patience=60)
    bar.started(10, 0)
    bar.advanced(batch(10))
    bar.finished()
    bar._show()  # the alarm goes off too late
    assert screen.getvalue() == ""


class Display:
    """What a notebook shows."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def HTML(self, html: str) -> str:
        return html

    def display(self, html: str, display_id: bool) -> Display:
        assert display_id
        self.shown.append(html)
        return self

    def update(self, html: str) -> None:
        self.shown[-1] = html


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Display:
    screen = Display()
    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    display: Any = types.ModuleType("IPython.display")
    display.HTML, display.display = screen.HTML, screen.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return screen


def test_a_notebook_has_one_bar_that_is_updated(notebook: Display) -> None:
    assert isinstance(observer_of(None), NotebookBar)
    clock = Clock()
    bar = NotebookBar(clock=clock)
    for _ in range(2):
        bar.started(100, 0)
        bar.advanced(batch(10))
        clock.now += 3
        bar.advanced(batch(10))
        bar.advanced(batch(10))
        bar.finished()
    assert len(notebook.shown) == 2
    assert 'value="30" max="100"' in notebook.shown[0]


@pytest.mark.parametrize("choice", [None, True])
def test_by_itself_it_is_a_bar_on_a_terminal_and_lines_elsewhere(
    choice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys, "stderr", types.SimpleNamespace(isatty=lambda: True))
    assert isinstance(observer_of(choice), Bar)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(observer_of(choice), Lines)


def test_pypets_ways_to_ask_are_understood(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "pypet_ng")
    caplog.set_level(logging.DEBUG, "mine")
    assert isinstance(observer_of(False), Silent)
    environment(report_progress=50).run(lambda traj: None)
    environment(report_progress=(50, "pypet", logging.WARNING)).run(lambda traj: None)
    environment(report_progress=(50, logging.getLogger("mine"), logging.DEBUG)).run(lambda traj: None)
    lines = [(one.name, one.levelno) for one in caplog.records]
    assert ("pypet_ng.progress", logging.INFO) in lines
    assert ("pypet_ng.progress", logging.WARNING) in lines
    assert ("mine", logging.DEBUG) in lines
    environment(report_progress="print").run(lambda traj: None)
    environment(report_progress=(100, "print")).run(lambda traj: None)
    assert capsys.readouterr().out.count("20 of 20 runs ended (100.0 %)") == 2


@pytest.mark.parametrize("choice", ["often", 0, 101, -5, (), ("a", "b"), object()])
def test_what_cannot_be_meant_is_refused_before_the_sweep(choice: Any) -> None:
    with pytest.raises(ValueError, match="report_progress"):
        environment(report_progress=choice)


def test_several_observers_hear_the_same() -> None:
    one, two = Heard(), Heard()
    both = Together(one, Silent(), two)
    both.started(1, 0)
    both.advanced(batch(1))
    both.finished()
    assert one == two == [("started", 1, 0), ("advanced", 1, 0), ("finished",)]
