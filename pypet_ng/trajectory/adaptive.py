"""How do an optimiser and a trajectory work together, generation after generation?"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from pypet_ng.encoding import canonical
from pypet_ng.trajectory.environment import Environment

__all__ = ["Generations", "Optimiser"]

Point = Mapping[str, Any]


class Optimiser(Protocol):
    """What is asked for points, and told what came of them."""

    def ask(self) -> Sequence[Point]:
        """Give the points of the next generation, values by parameter name; none ends the search."""

    def tell(self, points: Sequence[Point], values: Sequence[Any]) -> None:
        """Hear what the run function returned at each of these points."""


class Generations:
    """Explores points as they are thought of: each generation is an ``f_expand`` and an ``env.run``.

    Everything is stored as in any sweep. A script that asks for the same points again, because its
    optimiser is seeded, gets the values of finished runs from the file: to resume, run it again.

    >>> from pypet_ng import Environment
    >>> env = Environment(trajectory="search", filename=":memory:", report_progress=False)
    >>> parameter = env.traj.f_add_parameter("x", 0.0)
    >>> generations = Generations(env, lambda traj: (traj.x - 3) ** 2)
    >>> generations.evaluate([{"x": 1.0}, {"x": 2.0}])
    [4.0, 1.0]
    >>> generations.evaluate([{"x": 3.0}]), len(env.traj)
    ([0.0], 3)
    """

    def __init__(self, env: Environment, runfunc: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """`runfunc`, `args`, `kwargs` as in ``env.run``: what it returns is the value of a point."""
        self._env = env
        self._runfunc = runfunc
        self._args = args
        self._kwargs = kwargs
        self.indices: list[int] = []
        """Run indices of the points of the last generation, in their order."""

    def evaluate(self, points: Sequence[Point]) -> list[Any]:
        """Give the returned values at some points, in their order.

        All must name the same parameters. With ``on_error='return'`` a failed run's value is None.
        """
        listed = [{name: _plain(value) for name, value in point.items()} for point in points]
        if not listed:
            return []
        names = list(listed[0])
        traj = self._env.traj
        traj.f_expand({name: [point[name] for point in listed] for name in names})
        results = dict(self._env.run(self._runfunc, *self._args, **self._kwargs))
        self.indices = self._find(names, listed)
        return [results.get(index) for index in self.indices]

    def search(self, optimiser: Optimiser) -> int:
        """Ask for points and tell their values until there are no more; give the number of generations."""
        count = 0
        while points := optimiser.ask():
            optimiser.tell(points, self.evaluate(points))
            count += 1
        return count

    def _find(self, names: list[str], points: list[dict[str, Any]]) -> list[int]:
        """Give the runs of the points just added: the last ones, unless the file had them elsewhere."""
        traj = self._env.traj
        length = len(traj)
        ranges = [traj.f_get(name).f_get_range(copy=False) for name in names]

        def key(values: Sequence[Any]) -> bytes:
            return canonical(list(values))

        wanted = [key([point[name] for name in names]) for point in points]
        last = list(range(length - len(points), length))
        if [key([values[index] for values in ranges]) for index in last] == wanted:
            return last
        where: dict[bytes, deque[int]] = defaultdict(deque)
        for index in range(length - 1, -1, -1):
            where[key([values[index] for values in ranges])].append(index)
        return [where[one].popleft() for one in wanted]


def _plain(value: Any) -> Any:
    """Give numbers of numpy, of which optimisers are fond, as those of Python, of which defaults are."""
    return value.item() if isinstance(value, np.generic) else value
