"""What are the small declarations made of: ranges, distributions, parameters, functions, observations?

All are plain dataclasses whose fields are checked when they are made and again before a run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from pypet_ng._typing import Array
from pypet_ng.errors import DesignError, near_names

__all__ = [
    "Argument",
    "Callable",
    "Distribution",
    "FunctionCall",
    "Noise",
    "Observation",
    "Parameter",
    "Range",
    "StateVariable",
    "choice",
    "number",
]

_STEP: Final = 1e-6
"""How much of a step a span may miss a whole number of steps by."""


_DEFAULT_COUNT: Final = 50


def number(value: Any, what: str, *, above: float = -math.inf, whole: bool = False) -> float:
    """Give a finite number above a bound; DesignError with its value."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise DesignError(f"{what} is {value!r}: give a number.") from None
    if not math.isfinite(found):
        raise DesignError(f"{what} is {value!r}: give a finite number.")
    if found <= above:
        raise DesignError(f"{what} is {value!r}: give a number above {above:g}.")
    if whole and found != int(found):
        raise DesignError(f"{what} is {value!r}: give a whole number.")
    return found


def choice(value: Any, known: Sequence[str], what: str) -> str:
    """Give a word that is one of those known; DesignError with near ones."""
    if value not in known:
        raise DesignError(
            f"{what} is {value!r}: choose one of {', '.join(map(repr, known))}.{near_names(str(value), known)}"
        )
    return str(value)


@dataclass
class Range:
    """Values from `lo` to `hi`, both included: `n` of them (50), or those a `step` apart.

    With both `n` and `step`, `n` counts.
    """

    lo: float | None = None
    hi: float | None = None
    step: float | None = None
    n: int | None = None
    log_scale: bool = False
    """Equal ratios instead of equal distances."""
    explored_values: Sequence[float] = ()
    """The values themselves, instead of all the above."""

    def bounds(self, what: str = "A Range") -> tuple[float, float]:
        """Give `lo` and `hi`; DesignError unless both are given, the smaller first."""
        if self.lo is None or self.hi is None:
            raise DesignError(f"{what} needs lo and hi; given: lo={self.lo!r}, hi={self.hi!r}.")
        lo, hi = number(self.lo, f"{what}: lo"), number(self.hi, f"{what}: hi")
        if lo > hi:
            raise DesignError(f"{what} goes from {lo:g} to {hi:g}: give the smaller number as lo.")
        return lo, hi

    def values(self, what: str = "A Range") -> Array:
        """Give the values, shape (n,); DesignError if they are not fully said.

        A `step` must divide the span: it is never changed silently.
        """
        if len(self.explored_values):
            return np.array([number(v, f"{what}: a value") for v in self.explored_values])
        lo, hi = self.bounds(what)
        if self.n is not None:
            count = int(number(self.n, f"{what}: n", above=0, whole=True))
        elif self.step is None:
            count = _DEFAULT_COUNT
        elif self.log_scale:
            raise DesignError(f"{what} has log_scale=True and step={self.step!r}: on a log scale give n.")
        else:
            step = number(self.step, f"{what}: step", above=0)
            steps = (hi - lo) / step
            count = round(steps) + 1
            if abs(steps - round(steps)) > _STEP:
                raise DesignError(
                    f"{what}: step={step:g} does not divide the span from {lo:g} to {hi:g} ({steps:g} steps). "
                    f"hi={lo + math.floor(steps) * step:g} would do, or n={max(2, count)} instead of step."
                )
        if count == 1:
            return np.array([lo])
        if lo == hi:
            raise DesignError(f"{what} has {count} values from {lo:g} to {hi:g}: give two different bounds.")
        if not self.log_scale:
            return np.linspace(lo, hi, count)
        if lo <= 0:
            raise DesignError(f"{what} has log_scale=True and lo={lo:g}: give lo above 0.")
        return np.geomspace(lo, hi, count)


@dataclass
class Distribution:
    """Where a value is drawn from: ``'Uniform'`` between the domain's bounds, or ``'Gaussian'``.

    A Gaussian has ``parameters={'mean': ..., 'sigma': ...}``, or by default the middle of the domain and a
    quarter of its width.
    """

    name: str = "Uniform"
    domain: Range | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    """Default: the seed of the experiment."""

    def __post_init__(self) -> None:
        choice(self.name, ("Uniform", "Gaussian"), "The name of a Distribution")
        for known in self.parameters:
            choice(known, ("mean", "sigma"), "A parameter of a Distribution")

    def draw(self, rng: np.random.Generator, size: int, what: str) -> Array:
        """Give `size` values, shape (size,)."""
        if self.name == "Uniform":
            if self.domain is None:
                raise DesignError(
                    f"The Uniform distribution of {what!r} has no domain: give domain=Range(lo=, hi=)."
                )
            lo, hi = self.domain.bounds(f"The distribution of {what!r}")
            return rng.uniform(lo, hi, size)
        given = {key: _plain(value) for key, value in self.parameters.items()}
        if len(given) < 2:
            if self.domain is None:
                raise DesignError(f"The Gaussian distribution of {what!r} needs mean and sigma, or a domain.")
            lo, hi = self.domain.bounds(f"The distribution of {what!r}")
            given = {"mean": (lo + hi) / 2, "sigma": (hi - lo) / 4, **given}
        return rng.normal(given["mean"], given["sigma"], size)


def _plain(value: Any) -> float:
    return number(value.value if isinstance(value, Parameter) else value, "A parameter")


@dataclass
class Parameter:
    """A named number that does not change during a run; with a `domain` it can be an axis."""

    name: str
    value: float | None = None
    unit: str | None = None
    description: str | None = None
    domain: Range | None = None
    symbol: str | None = None
    """How it is written in reports, as LaTeX."""


@dataclass
class StateVariable:
    """A quantity that changes in time, by an equation for its derivative."""

    name: str
    equation: Any = None
    """Right side of d(name)/dt, as text, a sympy expression or an Eq."""
    initial_value: float | None = None
    description: str | None = None
    unit: str | None = None
    domain: Range | None = None
    """Where it usually lies, for documentation."""
    distribution: Distribution | None = None
    """Where its initial values are drawn from, one per trial and node, instead of `initial_value`."""
    coupling_variable: bool = False
    """It is what nodes send to each other, unless the network says otherwise."""


@dataclass
class Noise:
    """Gaussian white noise added to the equations: ``dx = f dt + sigma dW`` (Ito).

    ``parameters={'sigma': 0.1}`` gives its strength, in units of the state per square root of time.
    With the Heun method the equation is meant in the sense of Stratonovich, which differs only for
    ``additive=False`` (``sigma * x dW``).
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    """Default: the seed of the experiment."""
    noise_type: str = "gaussian"
    additive: bool = True
    correlated: bool = False
    """All nodes get the same noise."""
    state_variables: Sequence[str] = ()
    """Which of them get noise, default all."""

    def __post_init__(self) -> None:
        choice(self.noise_type, ("gaussian",), "The type of Noise")
        for known in self.parameters:
            choice(known, ("sigma",), "A parameter of Noise")

    @property
    def sigma(self) -> float:
        """The strength, 0 if none was given."""
        return _plain(self.parameters.get("sigma", 0.0))


@dataclass
class Callable:
    """A function by its name and module: ``Callable('mean', 'numpy')``; ``'np'`` and ``'jnp'`` are known."""

    name: str
    module: str | None = None


@dataclass
class Argument:
    """One keyword argument of a function call."""

    name: str
    value: Any = None


@dataclass
class FunctionCall:
    """One step of a pipeline: a function of the series, with further keyword arguments."""

    name: str | None = None
    callable: Callable | None = None
    input: str | None = None
    """A state variable, where the pipeline begins; else what the step before gave."""
    arguments: Mapping[str, Any] | Sequence[Argument] = field(default_factory=dict)

    def keywords(self) -> dict[str, Any]:
        """Give the further arguments by name."""
        if isinstance(self.arguments, Mapping):
            return {
                name: value.value if isinstance(value, Argument) else value
                for name, value in self.arguments.items()
            }
        return {argument.name: argument.value for argument in self.arguments}


AGGREGATIONS: Final = ("mean", "last", "first", "max", "min", "sum", "std", "window", "none")


@dataclass
class Observation:
    """What is kept of a run besides, or instead of, the whole series.

    The series of `source`, shape (time, node), is cut to what comes after `skip_t` and to its last
    `tail_samples`; then the `pipeline` runs, or the `aggregation` over time (per node) or over nodes.
    ``'window'`` gives means over consecutive windows of `window_size` (time).
    """

    name: str | None = None
    source: str | None = None
    """A state variable; default the only one, or the input of the pipeline."""
    aggregation: str | None = None
    over: str = "time"
    """What is aggregated over: ``'time'`` (per node) or ``'node'`` (a series stays)."""
    pipeline: Sequence[FunctionCall] = ()
    skip_t: float | None = None
    tail_samples: int | None = None
    window_size: float | None = None
    description: str | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.aggregation is not None:
            choice(self.aggregation, AGGREGATIONS, "The aggregation of an Observation")
        choice(self.over, ("time", "node"), "What an Observation aggregates over")
        if self.pipeline and self.aggregation not in (None, "none"):
            raise DesignError(
                f"The observation {self.name!r} has a pipeline and aggregation={self.aggregation!r}: give one of them."
            )
        if (self.aggregation == "window") != (self.window_size is not None):
            raise DesignError(
                f"The observation {self.name!r}: aggregation='window' and window_size= go together."
            )
