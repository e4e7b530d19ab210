"""How is a model described for people?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pypet_ng.experiments.equations import need_sympy
from pypet_ng.experiments.parts import choice

if TYPE_CHECKING:
    from pypet_ng.experiments.dynamics import Dynamics

__all__ = ["report"]


def _latex(expression: Any) -> str:
    return str(need_sympy().latex(expression, mul_symbol="*"))


def _symbol(name: str, given: str | None = None) -> str:
    return given or _latex(need_sympy().Symbol(name))


def _shown(value: Any) -> str:
    return "N/A" if value is None or value == "" else str(value)


def _tables(model: Dynamics) -> Iterable[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    yield (
        "Parameters",
        ("Parameter", "Value", "Unit", "Description"),
        [
            (f"${_symbol(name, one.symbol)}$", _shown(one.value), _shown(one.unit), _shown(one.description))
            for name, one in model.parameters.items()
        ],
    )
    yield (
        "State Variables",
        ("Variable", "Initial value", "Unit", "Description"),
        [
            (
                f"${_symbol(name)}$",
                _shown(one.initial_value)
                if one.distribution is None
                else f"{one.distribution.name} distribution",
                _shown(one.unit),
                _shown(one.description),
            )
            for name, one in model.state_variables.items()
        ],
    )


def _equations(model: Dynamics) -> list[tuple[str, str]]:
    from pypet_ng.experiments.equations import parse

    names = model.names()
    derived = [
        (_symbol(name), _latex(parse(text, names, name))) for name, text in model.derived_variables.items()
    ]
    states = [(rf"\dot{{{_symbol(name)}}}", _latex(one)) for name, one in model.written_equations().items()]
    return states + derived


def _markdown(model: Dynamics) -> str:
    lines = [f"## {model.name}", ""]
    lines += [text for part in (model.description, model.reference) if part for text in (part, "")]
    lines += ["### State Equations", ""]
    lines += [f"$$ {left} = {right} $$" for left, right in _equations(model)]
    for title, header, rows in _tables(model):
        if rows:
            lines += ["", f"### {title}", "", _row(header), _row(["---"] * len(header)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _tex(text: str) -> str:
    for mark in "&%#_":
        text = text.replace(mark, rf"\{mark}")
    return text


def _latex_report(model: Dynamics) -> str:
    lines = [rf"\section*{{{_tex(model.name)}}}"]
    lines += [_tex(part) for part in (model.description, model.reference) if part]
    lines += [r"\subsection*{State Equations}", r"\begin{align}"]
    lines.append(" \\\\\n".join(f"{left} &= {right}" for left, right in _equations(model)))
    lines.append(r"\end{align}")
    for title, header, rows in _tables(model):
        if rows:
            lines += [rf"\subsection*{{{title}}}", rf"\begin{{tabular}}{{{'l' * len(header)}}}"]
            lines.append(" & ".join(header) + r" \\ \hline")
            lines += [
                " & ".join(cell if cell.startswith("$") else _tex(cell) for cell in row) + r" \\"
                for row in rows
            ]
            lines.append(r"\end{tabular}")
    return "\n".join(lines) + "\n"


_WRITERS: dict[str, Callable[[Dynamics], str]] = {"markdown": _markdown, "latex": _latex_report}


def report(model: Dynamics, format: str = "markdown") -> str:
    """Give the text; DesignError for a format that is not known."""
    return _WRITERS[choice(format, tuple(_WRITERS), "The format of a report")](model)
