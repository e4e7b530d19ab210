"""How are equations integrated with steps that fit the tolerance?

JAX: diffrax. numpy: scipy's explicit method of order 8, or Radau for stiff ones. Samples lie where those of
fixed steps would.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.experiments.arrays import JaxArrays, NumpyArrays, double_precision
from pypet_ng.experiments.simulating import Outcome, Program, outcome_of
from pypet_ng.experiments.steppers import Flow

__all__ = ["adaptive_jax", "adaptive_numpy"]

_SCIPY: Final = {"Tsit5": "DOP853", "Dopri5": "DOP853", "Dopri8": "DOP853", "Kvaerno5": "Radau"}


def _times(program: Program) -> Array:
    """Give the times of the samples."""
    steps = program.n_transient + program.every * np.arange(1, program.n_samples + 1)
    times: Array = steps * program.dt
    return times


def adaptive_numpy(program: Program, parameters: Array, initial: Array, seeds: Sequence[Any]) -> Outcome:
    """Compute a batch point by point with scipy; see :func:`pypet_ng.experiments.simulating.run_jax`.

    Where a solver gives up, states are NaN from there on.
    """
    from scipy.integrate import solve_ivp

    times = _times(program)
    n_states, n_points, n_nodes = initial.shape
    states = np.full((len(times), n_states, n_points, n_nodes), np.nan)
    for point in range(n_points):
        flow = Flow(program.system, NumpyArrays(), parameters[:, point, None, None], program.dt)

        def slope(time: float, flat: Array, flow: Flow = flow) -> Array:
            y = tuple(flat.reshape(n_states, 1, n_nodes))
            return np.concatenate([one.ravel() for one in flow.slope((), time / program.dt)(0.0, y)])

        with np.errstate(all="ignore"):
            found: Any = solve_ivp(  # type: ignore[call-overload]
                slope,
                (0.0, float(times[-1])),
                initial[:, point].ravel(),
                method=_SCIPY[program.method],
                t_eval=times,
                rtol=max(program.rtol, 3e-14),
                atol=program.atol,
            )
        states[: found.y.shape[1], :, point] = found.y.T.reshape(-1, n_states, n_nodes)
    return outcome_of(program, states)


def adaptive_jax(program: Program, parameters: Array, initial: Array, seeds: Sequence[Any]) -> Outcome:
    """Compute a batch with diffrax; see :func:`pypet_ng.experiments.simulating.run_jax`."""
    with double_precision():
        holder = _Solver(program)
        states = np.asarray(_solver(holder.key, holder)(parameters, initial, _times(program)))
    return outcome_of(program, np.moveaxis(states, 0, 2))


class _Solver:
    def __init__(self, program: Program) -> None:
        self.program = program
        # observations are made afterwards, and the number of samples is an argument's shape
        self.key = (program.system.fingerprint(), program.method, program.rtol, program.atol, program.dt)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Solver) and self.key == other.key


@functools.lru_cache(maxsize=32)
def _solver(key: tuple[Any, ...], holder: _Solver) -> Any:
    import jax

    try:
        import diffrax
    except ImportError as error:
        raise ImportError('Adaptive steps need diffrax: pip install "pypet_ng[dynamics]"') from error
    program = holder.program
    arrays = JaxArrays()

    def slope(time: Any, y: Any, p: Any) -> Any:
        flow = Flow(program.system, arrays, p[:, None, None], program.dt)
        found = flow.slope((), time / program.dt)(0.0, tuple(one[None, :] for one in y))
        return arrays.xp.concatenate(found)

    def one(parameters: Any, y: Any, times: Any) -> Any:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(slope),
            getattr(diffrax, program.method)(),
            t0=0.0,
            t1=times[-1],
            dt0=None,
            y0=y,
            args=parameters,
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=diffrax.PIDController(rtol=program.rtol, atol=program.atol),
            max_steps=16_000_000,
            throw=False,
            adjoint=diffrax.ForwardMode(),
        )
        return arrays.xp.where(arrays.xp.isfinite(solution.ys), solution.ys, arrays.xp.nan)

    return jax.jit(jax.vmap(one, in_axes=(1, 1, None)))
