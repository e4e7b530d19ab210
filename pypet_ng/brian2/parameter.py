"""How do parameters and results hold quantities and monitors of brian2?

Quantities are stored as numbers in SI units with the unit beside them, see
:mod:`pypet_ng.encoding.quantities`; such files can be read without brian2. brian2 itself is imported
when the first of its objects is met.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

from pypet_ng.errors import UnsupportedValueError, near_names
from pypet_ng.trajectory.briefs import brief
from pypet_ng.trajectory.parameter import Parameter
from pypet_ng.trajectory.result import Result

__all__ = [
    "Brian2MonitorResult",
    "Brian2Parameter",
    "Brian2Result",
    "get_unit_fast",
    "unit_from_expression",
]


def _is_brians(value: object) -> bool:
    return any(cls.__module__.partition(".")[0] == "brian2" for cls in type(value).__mro__)


def _plain(value: Any) -> Any:
    """Give a bare unit such as ``mV`` as the quantity ``1 * mV``: only quantities are stored."""
    if not _is_brians(value):
        return value
    from brian2.units.fundamentalunits import Quantity, Unit

    return Quantity(value) if isinstance(value, Unit) else value


class Brian2Parameter(Parameter):
    """A parameter that holds a quantity (one number or an array), or anything a Parameter holds.

    All values of a range must have one unit (in the sense of the dimension: mV and V do).
    """

    __slots__ = ()

    def f_set(self, data: Any) -> None:
        """Set the value; a bare unit counts as one of it. Errors as in :meth:`Parameter.f_set`."""
        super().f_set(_plain(data))

    def _values_of_same_type(self, val1: Any, val2: Any) -> bool:
        if not super()._values_of_same_type(val1, val2):
            return False
        return not _is_brians(val1) or val1.dim is val2.dim or bool(val1.dim == val2.dim)


class Brian2Result(Result):
    """A result whose items may be quantities (one number or an array) besides all a Result holds."""

    __slots__ = ()

    def f_set_single(self, name: str | int, item: Any) -> None:
        """Set one item; a bare unit counts as one of it. Quantities are copied: they may be brian2's own state."""
        item = _plain(item)
        super().f_set_single(name, item.copy() if _is_brians(item) and hasattr(item, "dim") else item)


# -- monitors ---------------------------------------------------------------------------------------
_Items = dict[str, Any]


def _of_events(monitor: Any) -> _Items:
    """Give the events of a SpikeMonitor or EventMonitor; times and indices unless it counted only."""
    items: _Items = {"num_spikes": int(monitor.num_events), "when": monitor.when}
    names = sorted(monitor.record_variables) if monitor.record else []
    items["record_variables"] = names
    items.update((name, getattr(monitor, name)[:]) for name in names)
    return items


def _of_states(monitor: Any) -> _Items:
    """Give what a StateMonitor recorded: variables of shape (recorded neuron, time)."""
    names = list(monitor.record_variables)
    items: _Items = {"record": monitor.record, "record_variables": names, "when": monitor.when}
    items["t"] = monitor.t[:]
    items.update((name, getattr(monitor, name)[:]) for name in names)
    return items


def _of_rates(monitor: Any) -> _Items:
    """Give the rates of a PopulationRateMonitor, one per time step."""
    return {"t": monitor.t[:], "rate": monitor.rate[:]}


_EXTRACTORS: Final[Mapping[str, Callable[[Any], _Items]]] = {
    "SpikeMonitor": _of_events,
    "EventMonitor": _of_events,
    "StateMonitor": _of_states,
    "PopulationRateMonitor": _of_rates,
}


def _extractor(item: object) -> tuple[str, Callable[[Any], _Items]] | None:
    """Give the kind of a monitor and how to read it, None for anything else."""
    for cls in type(item).__mro__:
        if cls.__module__.partition(".")[0] == "brian2" and cls.__name__ in _EXTRACTORS:
            return cls.__name__, _EXTRACTORS[cls.__name__]
    return None


class Brian2MonitorResult(Brian2Result):
    """A result that takes the data out of one monitor, given as ``monitor=`` or as the only value.

    ======================== ================================================================
    monitor                  items, besides ``source`` and ``name``
    ======================== ================================================================
    SpikeMonitor,            ``t``, ``i`` (event), ``num_spikes``, ``record_variables``,
    EventMonitor             each recorded variable (event), ``when``
    StateMonitor             ``t`` (time), ``record`` (neuron), ``record_variables``, each
                             of them (neuron, time), ``when``
    PopulationRateMonitor    ``t``, ``rate`` (time)
    ======================== ================================================================

    Times and variables carry their units. The monitor itself is not kept.
    """

    __slots__ = ("_monitor_type",)
    _monitor_type: str | None

    def __init__(self, full_name: str, *args: Any, comment: str = "", **kwargs: Any) -> None:
        """Make a result; TypeError for more than one monitor, or none where ``monitor=`` is given."""
        object.__setattr__(self, "_monitor_type", None)
        super().__init__(full_name, *args, comment=comment, **kwargs)

    @property
    def v_monitor_type(self) -> str | None:
        """Name of the monitor's class, None before there was one."""
        return self._monitor_type

    def f_set_single(self, name: str | int, item: Any) -> None:
        """Set one item; a monitor is not set but read. TypeError for a second monitor."""
        found = _extractor(item)
        if found is None:
            if name == "monitor":
                raise TypeError(
                    f"monitor={brief(item)} of result {self.v_full_name!r} is no monitor that can be read: "
                    f"give a {', '.join(_EXTRACTORS)}."
                )
            super().f_set_single(name, item)
            return
        kind, extract = found
        if self._monitor_type is not None:
            raise TypeError(
                f"Result {self.v_full_name!r} holds the data of a {self._monitor_type} already and cannot take "
                f"those of {item.name!r}, a {kind}, as well: use one result per monitor."
            )
        items = {"source": str(item.source), "name": item.name, **extract(item)}
        for key, value in items.items():
            super().f_set_single(key, value)
        object.__setattr__(self, "_monitor_type", kind)

    def f_empty(self) -> None:
        """Forget all items; a new monitor may be read."""
        super().f_empty()
        object.__setattr__(self, "_monitor_type", None)

    def _store(self) -> dict[str, Any]:
        items = super()._store()
        if self._monitor_type is not None:
            items["monitor_type"] = self._monitor_type
        return items

    def _load(self, load_dict: dict[str, Any]) -> None:
        kind = load_dict.pop("monitor_type", None)
        if kind is not None:
            object.__setattr__(self, "_monitor_type", kind)
        super()._load(load_dict)


# -- units as text ----------------------------------------------------------------------------------
def get_unit_fast(x: Any) -> Any:
    """Give one of the SI unit that has the dimension of `x`, as a quantity."""
    from brian2 import Quantity

    return Quantity.with_dimensions(1, x.dim)


def unit_from_expression(expression: str) -> Any:
    """Give the unit of a text such as ``'mV / ms'`` or ``'1. * metre ** 2 * kilogram'``.

    Only numbers, names of units, ``* / **`` and brackets mean something; nothing is executed.
    UnsupportedValueError names what does not.
    """
    import brian2
    from brian2 import Quantity

    places = (brian2.units.allunits, brian2)
    units = {
        name: unit for place in places for name, unit in vars(place).items() if isinstance(unit, Quantity)
    }

    def refuse(what: str) -> UnsupportedValueError:
        return UnsupportedValueError(f"{what} in the unit {expression!r} means nothing here.")

    def value_of(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=bool() | str() | bytes() | None):
                raise refuse(repr(node.value))
            case ast.Constant():
                return node.value
            case ast.UnaryOp(op=ast.USub()):
                return -value_of(node.operand)
            case ast.Name():
                if node.id not in units:
                    raise refuse(f"{node.id!r}{near_names(node.id, units)}")
                return units[node.id]
            case ast.BinOp(op=ast.Mult()):
                return value_of(node.left) * value_of(node.right)
            case ast.BinOp(op=ast.Div()):
                return value_of(node.left) / value_of(node.right)
            case ast.BinOp(op=ast.Pow()):
                return value_of(node.left) ** value_of(node.right)
            case _:
                raise refuse(type(node).__name__)

    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError as error:
        raise refuse("Something") from error
    return value_of(tree.body)
