"""What is one step of fixed size, and what flows between nodes meanwhile?

States are tuples of arrays of shape (point, node), one per state variable, of numpy or JAX alike.

Sources: Euler, Heun and Runge-Kutta: Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I,
2nd ed., II.1 and table 1.2; Euler-Maruyama and stochastic Heun: Kloeden, Platen, Numerical Solution of
Stochastic Differential Equations, (10.2.4) and (15.1.3 ff., the drift and noise both averaged).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from pypet_ng.experiments.arrays import Arrays
from pypet_ng.experiments.system import System, compiled

__all__ = ["FIXED", "STOCHASTIC", "Flow", "euler", "heun", "rk4"]

State = tuple[Any, ...]
Slope = Callable[[float, State], State]
"""Derivatives at a fraction of the step and a state."""


def _moved(state: State, slope: State, by: Any) -> State:
    return tuple(y + by * k for y, k in zip(state, slope, strict=True))


def euler(slope: Slope, y: State, dt: float) -> State:
    """Do one step of order 1."""
    return _moved(y, slope(0.0, y), dt)


def heun(slope: Slope, y: State, dt: float) -> State:
    """Do one step of order 2: the mean of the slopes at both ends."""
    k1 = slope(0.0, y)
    k2 = slope(1.0, _moved(y, k1, dt))
    return tuple(a + 0.5 * dt * (b + c) for a, b, c in zip(y, k1, k2, strict=True))


def rk4(slope: Slope, y: State, dt: float) -> State:
    """Do one step of order 4."""
    k1 = slope(0.0, y)
    k2 = slope(0.5, _moved(y, k1, 0.5 * dt))
    k3 = slope(0.5, _moved(y, k2, 0.5 * dt))
    k4 = slope(1.0, _moved(y, k3, dt))
    return tuple(
        a + dt / 6.0 * (b + 2.0 * c + 2.0 * d + e) for a, b, c, d, e in zip(y, k1, k2, k3, k4, strict=True)
    )


Kick = Callable[[State], State]
"""What the noise of this step adds to a state, at a state."""


def euler_maruyama(slope: Slope, kick: Kick, y: State, dt: float) -> State:
    """Do one step of strong order 1/2 (1 for additive noise), in the sense of Ito."""
    return tuple(a + dt * k + g for a, k, g in zip(y, slope(0.0, y), kick(y), strict=True))


def stochastic_heun(slope: Slope, kick: Kick, y: State, dt: float) -> State:
    """Do one step in the sense of Stratonovich: slopes and noise averaged over both ends."""
    k1, g1 = slope(0.0, y), kick(y)
    ahead = tuple(a + dt * k + g for a, k, g in zip(y, k1, g1, strict=True))
    k2, g2 = slope(1.0, ahead), kick(ahead)
    return tuple(
        a + 0.5 * dt * (b + c) + 0.5 * (g + h) for a, b, c, g, h in zip(y, k1, k2, g1, g2, strict=True)
    )


FIXED: Final[Mapping[str, Callable[[Slope, State, float], State]]] = {
    "Euler": euler,
    "Heun": heun,
    "RungeKutta4thOrder": rk4,
}
STOCHASTIC: Final[Mapping[str, Callable[[Slope, Kick, State, float], State]]] = {
    "Euler": euler_maruyama,
    "Heun": stochastic_heun,
}
"""What the methods become when there is noise."""


class Flow:
    """The derivatives of a batch, with what nodes get from each other now and from the past.

    The past is kept as ``(step, point, node)``, as many steps as the longest delay; before the beginning
    the states were what they were at the beginning. Between steps it is interpolated linearly.
    """

    def __init__(self, system: System, arrays: Arrays, parameters: Any, dt: float) -> None:
        """Take the parameters of a batch, one array each of shape (point, 1) or (1, 1)."""
        self._system = system
        self._arrays = arrays
        self._p = parameters
        self._dt = dt
        self._function = system.function(arrays.module)
        steps = np.rint(system.delays / dt).astype(np.int64)
        self._delayed = [
            (place, link)
            for place, link in enumerate(system.links)
            if bool((steps[system.weights != 0] > 0).any())
        ]
        self._steps = steps
        self.depth = int(steps[system.weights != 0].max()) + 1 if self._delayed else 0

    def begin(self, y: State) -> tuple[Any, ...]:
        """Give the past at the beginning, one array per delayed link."""
        xp = self._arrays.xp
        return tuple(
            xp.array(xp.broadcast_to(y[link.source], (self.depth, *y[link.source].shape)))
            for _, link in self._delayed
        )

    def remember(self, past: tuple[Any, ...], k: Any, y: State) -> tuple[Any, ...]:
        """Write the states after step k, which are those before step k + 1, into the past."""
        return tuple(
            self._arrays.put(one, (k + 1) % self.depth, y[link.source])
            for one, (_, link) in zip(past, self._delayed, strict=True)
        )

    def slope(self, past: tuple[Any, ...], k: Any) -> Slope:
        """Give the derivatives during step k."""

        def derivatives(fraction: float, y: State) -> State:
            time = (k + fraction) * self._dt
            own = [self._p[place] for place in range(self._system.own)]
            found = self._function(time, *y, *own, *self._inputs(past, k, fraction, y))
            zero = self._arrays.xp.zeros_like(y[0])
            # an equation without states and parameters is one number for all
            return tuple(
                one + zero if not hasattr(one, "shape") or one.shape != zero.shape else one for one in found
            )

        return derivatives

    def _inputs(self, past: tuple[Any, ...], k: Any, fraction: float, y: State) -> list[Any]:
        sums: dict[str, Any] = {}
        delayed = {place: one for one, (place, _) in zip(past, self._delayed, strict=True)}
        for place, link in enumerate(self._system.links):
            mine = y[link.source]
            gain = self._p[link.places[0]]
            weights = self._system.weights
            if place not in delayed and link.is_linear:
                total = mine @ weights.T
            else:
                sent = (
                    mine[:, None, :] if place not in delayed else self._ago(delayed[place], k, fraction, mine)
                )
                if not link.is_linear:
                    given = [self._p[one][:, :, None] for one in link.places]
                    sent = compiled((link.pre,), link.names, self._arrays.module)(
                        mine[:, :, None], sent, *given
                    )[0]
                total = (
                    (weights * sent).sum(axis=-1) if hasattr(sent, "shape") else weights.sum(axis=-1) * sent
                )
            sums[link.target] = sums.get(link.target, 0.0) + gain * total
        return [sums.get(term, 0.0) for term in self._system.terms]

    def _ago(self, past: Any, k: Any, fraction: float, now: Any) -> Any:
        """Give what arrives at i from j, shape (point, i, j)."""
        xp = self._arrays.xp
        nodes = np.arange(self._system.n_nodes)[None, :]
        steps = np.where(self._system.weights != 0, self._steps, 0)
        old = xp.moveaxis(past[(k - steps) % self.depth, :, nodes], -1, 0)
        if fraction:
            newer = xp.moveaxis(past[(k - np.maximum(steps - 1, 0)) % self.depth, :, nodes], -1, 0)
            # one step ago plus a whole step is the state this step began with: it is in the past already
            old = (1.0 - fraction) * old + fraction * newer
        return xp.where(xp.asarray(steps == 0), now[:, None, :], old)
