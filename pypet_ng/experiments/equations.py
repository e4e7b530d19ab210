"""How does the text of an equation become an expression, without anything being evaluated?

The text is parsed by Python's own parser and translated node by node: numbers, declared names, arithmetic,
comparisons, and the functions of :data:`FUNCTIONS`. Nothing else gets through, so text from a file is as
harmless as a number from a file.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pypet_ng.errors import EquationError, near_names

__all__ = ["CONSTANTS", "FUNCTIONS", "TIME", "need_sympy", "parse", "symbol_names"]

TIME: Final = "t"
"""Means the time in an equation, unless something is declared under that name."""
CONSTANTS: Final = ("pi",)
_MOST: Final = 20_000
_EXPONENT: Final = 64
"""Whole exponents beyond this are taken as real numbers: sympy would multiply integers out."""


def need_sympy() -> Any:
    """Give sympy, or say how to get it."""
    try:
        import sympy
    except ImportError as error:
        raise ImportError('Equations need sympy: pip install "pypet_ng[dynamics]"') from error
    return sympy


@functools.cache
def _functions() -> Mapping[str, tuple[int, int, Callable[..., Any]]]:
    """Give known functions: fewest and most arguments, and what makes the expression."""
    sp = need_sympy()
    one = {
        name: (1, 1, getattr(sp, name))
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh")
    }
    one |= {name: (1, 1, getattr(sp, name)) for name in ("atanh", "exp", "sqrt", "sign", "floor", "ceiling")}
    return {
        **one,
        "log": (1, 1, sp.log),
        "ln": (1, 1, sp.log),
        "log10": (1, 1, lambda x: sp.log(x) / sp.log(10)),
        "arcsin": (1, 1, sp.asin),
        "arccos": (1, 1, sp.acos),
        "arctan": (1, 1, sp.atan),
        "atan2": (2, 2, sp.atan2),
        "arctan2": (2, 2, sp.atan2),
        "abs": (1, 1, sp.Abs),
        "Abs": (1, 1, sp.Abs),
        "ceil": (1, 1, sp.ceiling),
        "Heaviside": (1, 1, lambda x: sp.Heaviside(x, sp.Rational(1, 2))),
        "heaviside": (1, 1, lambda x: sp.Heaviside(x, sp.Rational(1, 2))),
        "sigmoid": (1, 1, lambda x: 1 / (1 + sp.exp(-x))),
        "pow": (2, 2, _power),
        "Mod": (2, 2, sp.Mod),
        "mod": (2, 2, sp.Mod),
        "max": (2, 9, sp.Max),
        "Max": (2, 9, sp.Max),
        "min": (2, 9, sp.Min),
        "Min": (2, 9, sp.Min),
        "where": (3, 3, lambda c, a, b: sp.Piecewise((a, c), (b, True))),
    }


FUNCTIONS: Final = (
    *(
        [
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "asinh",
            "acosh",
            "atanh",
            "exp",
            "sqrt",
            "sign",
            "floor",
            "ceiling",
        ]
    ),
    *(
        [
            "log",
            "ln",
            "log10",
            "arcsin",
            "arccos",
            "arctan",
            "atan2",
            "arctan2",
            "abs",
            "Abs",
            "ceil",
            "Heaviside",
            "heaviside",
            "sigmoid",
        ]
    ),
    *(["pow", "Mod", "mod", "max", "Max", "min", "Min", "where"]),
)
"""Names of the functions an equation may use."""


def _power(base: Any, exponent: Any) -> Any:
    if base.is_number and exponent.is_number:
        try:
            value = float(base) ** float(exponent)
        except (OverflowError, ZeroDivisionError, TypeError):
            value = math.nan
        if isinstance(value, complex) or not math.isfinite(value):
            raise EquationError(f"{base}**{exponent} is no finite real number.")
        if not (exponent.is_Integer and abs(int(exponent)) <= _EXPONENT):
            return need_sympy().Float(value) if not exponent.is_Rational else base**exponent
    if exponent.is_Integer and abs(int(exponent)) > _EXPONENT:
        exponent = need_sympy().Float(float(exponent))
    return base**exponent


class _Translator:
    """Translates one parsed text."""

    def __init__(self, text: str, names: frozenset[str], where: str) -> None:
        self._sp = need_sympy()
        self._text = text
        self._names = names
        self._where = where

    def error(self, what: str) -> EquationError:
        place = f"In the equation of {self._where!r}: " if self._where else ""
        return EquationError(f"{place}{what} (in {self._text[:200]!r}).")

    def expression(self, node: ast.expr) -> Any:
        """Give the sympy expression of a node; EquationError for whatever is not arithmetic."""
        if isinstance(node, ast.Constant):
            return self._number(node.value)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner = self.expression(node.operand)
            return -inner if isinstance(node.op, ast.USub) else inner
        if isinstance(node, ast.BinOp):
            return self._operation(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.IfExp):
            yes, no = self.expression(node.body), self.expression(node.orelse)
            return self._sp.Piecewise((yes, self.condition(node.test)), (no, True))
        raise self.error(
            f"{_words(node)} is not allowed: use numbers, declared names, + - * / ** and known functions"
        )

    def condition(self, node: ast.expr) -> Any:
        """Give the sympy condition of a comparison."""
        sp = self._sp
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            relations = {
                ast.Lt: sp.Lt,
                ast.LtE: sp.Le,
                ast.Gt: sp.Gt,
                ast.GtE: sp.Ge,
                ast.Eq: sp.Eq,
                ast.NotEq: sp.Ne,
            }
            make = relations.get(type(node.ops[0]))
            if make is not None:
                return make(self.expression(node.left), self.expression(node.comparators[0]))
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return sp.true if node.value else sp.false
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return sp.Not(self.condition(node.operand))
        if isinstance(node, ast.BoolOp):
            join = sp.And if isinstance(node.op, ast.And) else sp.Or
            return join(*map(self.condition, node.values))
        raise self.error(f"{_words(node)} is no comparison: conditions are such as 'x > 0'")

    def _number(self, value: object) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{value!r} is no number")
        if isinstance(value, int):
            return self._sp.Integer(value) if abs(value) < 2**53 else self._real(value)
        return self._real(value)

    def _real(self, value: float) -> Any:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.error("a number is beyond 1.8e308")
        return self._sp.Float(number)

    def _name(self, name: str) -> Any:
        if name.startswith("__") or name.endswith("__"):
            raise self.error(f"the name {name!r} is not allowed")
        if name in self._names or (name == TIME and TIME not in self._names):
            return self._sp.Symbol(name)
        if name == "pi":
            return self._sp.pi
        raise self.error(
            f"{name!r} is not declared: it is no parameter and no state variable."
            f"{near_names(name, [*self._names, *FUNCTIONS, *CONSTANTS])} Declare it with add_parameter(...)"
        )

    def _operation(self, node: ast.BinOp) -> Any:
        left, right = self.expression(node.left), self.expression(node.right)
        kind = type(node.op)
        if kind is ast.Add:
            return left + right
        if kind is ast.Sub:
            return left - right
        if kind is ast.Mult:
            return left * right
        if kind is ast.Div:
            if right.is_zero:
                raise self.error("there is a division by zero")
            return left / right
        if kind is ast.Mod:
            return self._sp.Mod(left, right)
        if kind is ast.Pow:
            return self._power(left, right)
        if kind is ast.BitXor:
            raise self.error("'^' is not allowed: a power is '**'")
        raise self.error(f"{_words(node)} is not allowed")

    def _power(self, base: Any, exponent: Any) -> Any:
        try:
            return _power(base, exponent)
        except EquationError as error:
            raise self.error(str(error).rstrip(".")) from None

    def _call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name):
            raise self.error("only known functions can be called, and nothing has attributes")
        name = node.func.id
        known = _functions().get(name)
        if known is None:
            raise self.error(
                f"there is no function {name!r}.{near_names(name, FUNCTIONS)} Known: {', '.join(FUNCTIONS)}"
            )
        fewest, most, make = known
        if (
            node.keywords
            or not fewest <= len(node.args) <= most
            or any(isinstance(a, ast.Starred) for a in node.args)
        ):
            raise self.error(
                f"{name} takes {fewest if fewest == most else f'{fewest} to {most}'} plain arguments"
            )
        if name == "where":
            return make(self.condition(node.args[0]), *map(self.expression, node.args[1:]))
        if name == "pow":
            return self._power(*map(self.expression, node.args))
        return make(*map(self.expression, node.args))


def _words(node: ast.AST) -> str:
    text = ast.unparse(node)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def parse(equation: Any, names: Iterable[str], where: str = "") -> Any:
    """Give the sympy expression of an equation: text, a sympy expression or Eq (its right side), or a number.

    `names`: the symbols it may use. `where`: whose equation it is, for messages. EquationError, a
    ValueError, for a name that is not declared, for anything that is not arithmetic, and for numbers
    beyond floats. All symbols of the result are plain ``Symbol(name)``.
    """
    sp = need_sympy()
    known = frozenset(names)
    if isinstance(equation, sp.Basic):
        return _checked(equation, known, where)
    if isinstance(equation, int | float) and not isinstance(equation, bool):
        return _Translator(repr(equation), known, where).expression(ast.Constant(equation))
    if not isinstance(equation, str):
        raise EquationError(f"The equation of {where!r} is {equation!r}: give text or a sympy expression.")
    text = " ".join(equation.split())
    translator = _Translator(text, known, where)
    if not text:
        raise translator.error("there is nothing")
    if len(text) > _MOST:
        raise translator.error(f"the text has {len(text)} characters, more than {_MOST}")
    try:
        tree = ast.parse(text, mode="eval")
        found = translator.expression(tree.body)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        if isinstance(error, EquationError):
            raise
        raise translator.error(
            f"this cannot be read: {getattr(error, 'msg', error) or type(error).__name__}"
        ) from None
    if found.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
        raise translator.error("it has no finite real value")
    return found


def _checked(expression: Any, known: frozenset[str], where: str) -> Any:
    """Let an expression made elsewhere go through the same gate, by way of its text."""
    sp = need_sympy()
    if isinstance(expression, sp.Equality):
        expression = expression.rhs
    if not isinstance(expression, sp.Expr):
        raise EquationError(f"The equation of {where!r} is {expression!r}: give an expression, text or Eq.")
    return parse(expression_text(expression), known, where)


def expression_text(expression: Any) -> str:
    """Give an expression as text that :func:`parse` reads, exact in all numbers."""
    from sympy.printing.str import StrPrinter

    class Printer(StrPrinter):  # type: ignore[misc]
        def _print_Float(self, number: Any) -> str:  # noqa: N802
            return repr(float(number))

        def _print_Piecewise(self, piecewise: Any) -> str:  # noqa: N802
            text = "0"
            for value, condition in reversed(piecewise.args):
                if condition is need_sympy().true:
                    text = self._print(value)
                else:
                    text = f"where({self._print(condition)}, {self._print(value)}, {text})"
            return text

        def _print_Heaviside(self, step: Any) -> str:  # noqa: N802
            return f"Heaviside({self._print(step.args[0])})"

        def _print_Mod(self, mod: Any) -> str:  # noqa: N802
            return f"Mod({', '.join(map(self._print, mod.args))})"

        def _print_And(self, condition: Any) -> str:  # noqa: N802
            return " and ".join(f"({self._print(one)})" for one in condition.args)

        def _print_Or(self, condition: Any) -> str:  # noqa: N802
            return " or ".join(f"({self._print(one)})" for one in condition.args)

        def _print_Not(self, condition: Any) -> str:  # noqa: N802
            return f"not ({self._print(condition.args[0])})"

        def _print_ITE(self, choice: Any) -> str:  # noqa: N802
            test, yes, no = map(self._print, choice.args)
            return f"(({test}) and ({yes})) or (not ({test}) and ({no}))"

        def _print_Exp1(self, _: Any) -> str:  # noqa: N802
            return "exp(1)"

        def _print_Equality(self, condition: Any) -> str:  # noqa: N802
            return f"({self._print(condition.lhs)}) == ({self._print(condition.rhs)})"

        def _print_Unequality(self, condition: Any) -> str:  # noqa: N802
            return f"({self._print(condition.lhs)}) != ({self._print(condition.rhs)})"

    text: str = Printer().doprint(expression)
    return text


def symbol_names(expression: Any) -> set[str]:
    """Give the names an expression uses."""
    return {symbol.name for symbol in expression.free_symbols}
