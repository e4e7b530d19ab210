"""Does the text of an equation mean what it says, and nothing more?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sympy")

import sympy

from pypet_ng.experiments import Dynamics, EquationError
from pypet_ng.experiments.equations import expression_text, parse
from pypet_ng.experiments.system import compiled

HOSTILE = [
    "__import__('os').system('true')",
    "x.__class__",
    "x.real",
    "().__class__.__bases__",
    "eval('1')",
    "exec('1')",
    "open('f')",
    "lambda: 1",
    "[x for x in (1,)]",
    "x if x else 0",
    "{'a': 1}",
    "x[0]",
    "'text'",
    "f'{x}'",
    "x := 1",
    "x; y",
    "import os",
    "globals()",
    "sin.func(1)",
    "sin(*[1])",
    "sin(x, evaluate=False)",
    "True",
    "1j",
    "x = 1",
    "x == 1",
    "x ^ 2",
    "x // 2",
    "x @ x",
    "~x",
    "not x",
    "\0",
    "",
    "   ",
    "Symbol('q')",
    "Function('f')(x)",
    "sympify('1')",
    "__x__",
    "await x",
    "(yield)",
    "1e400",
    "1/0",
    "(" * 400 + "x" + ")" * 400,
    "9**9**9**9",
    "sqrt(-1)",
    "(-8)**0.5",
    "log(0)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(EquationError):
        parse(text, ["x", "y"])


def test_huge_powers_cost_nothing() -> None:
    for text in ("(2*x)**100000000", "(x + y)**123456789", "x**(10**300)"):
        assert parse(text, ["x", "y"]).has(sympy.Symbol("x"))


def test_a_typo_names_its_place_and_what_is_near() -> None:
    model = Dynamics("m").add_parameter("gamma", 1.0).add_state_variable("x", "-gama*x", 1.0)
    with pytest.raises(EquationError, match=r"'x'.*'gama' is not declared.*'gamma'"):
        model.equations()


@pytest.mark.parametrize(
    "name", ["I", "E", "S", "N", "O", "Q", "beta", "gamma", "zeta", "Delta", "pi", "t", "sin", "e"]
)
def test_names_of_the_user_are_just_names(name: str) -> None:
    model = Dynamics("m").add_parameter(name, 3.0).add_state_variable("x", f"{name}*x", 1.0)
    assert model.rhs("numpy")(0.0, [2.0]) == [6.0]


def test_pi_and_time_are_known() -> None:
    rhs = Dynamics("m").add_state_variable("x", "pi*t", 1.0).rhs()
    assert rhs(2.0, [0.0])[0] == pytest.approx(2 * math.pi)


def test_sympy_expressions_and_equations_are_taken() -> None:
    x, k = sympy.symbols("x k", real=True)
    derivative = sympy.Derivative(sympy.Function("f")(k), k)
    for equation in (-k * x, sympy.Eq(derivative, -k * x)):
        model = Dynamics("m").add_parameter("k", 2.0).add_state_variable("x", equation, 1.0)
        assert model.rhs()(0.0, [3.0]) == [-6.0]
    model = Dynamics("m").add_state_variable("x", -k * x, 1.0)
    with pytest.raises(EquationError, match="'k'"):
        model.equations()


CASES = {
    "where(x > 0, x, -y)": lambda x, y: x if x > 0 else -y,
    "x if x >= y else y*2": lambda x, y: x if x >= y else y * 2,
    "where(x > 0 and y < 1, 1, 2)": lambda x, y: 1.0 if x > 0 and y < 1 else 2.0,
    "where(x < 0 or y < 0, exp(x), x)": lambda x, y: math.exp(x) if x < 0 or y < 0 else x,
    "max(x, y) - min(x, y, 0.5)": lambda x, y: max(x, y) - min(x, y, 0.5),
    "sigmoid(x) + Heaviside(y - 9)": lambda x, y: 1 / (1 + math.exp(-x)),
    "tanh(x)*abs(y)/(1 + x**2)": lambda x, y: math.tanh(x) * abs(y) / (1 + x * x),
    "mod(x, 3) + floor(y)": lambda x, y: x % 3 + math.floor(y),
    "exp(-x**2/2)*sin(pi*y) - log10(2 + x**2)": lambda x, y: (
        math.exp(-x * x / 2) * math.sin(math.pi * y) - math.log10(2 + x * x)
    ),
    "-x**2 + 2**-1*y - +3": lambda x, y: -(x**2) + y / 2 - 3,
    "arctan2(x, y) + atan2(y, 2)": lambda x, y: math.atan2(x, y) + math.atan2(y, 2),
}


@pytest.mark.parametrize("module", ["numpy", "jax"])
@pytest.mark.parametrize("text", CASES)
def test_functions_are_those_of_mathematics(text: str, module: str) -> None:
    pytest.importorskip(module)
    texts = (expression_text(parse(text, ["x", "y"])),)
    function = compiled(texts, ("x", "y"), module)
    for x, y in [(0.3, 1.7), (-1.2, 0.4), (2.5, -0.6)]:
        found = function(np.array([x]), np.array([y]))[0]
        assert float(np.ravel(np.asarray(found))[0]) == pytest.approx(CASES[text](x, y), rel=3e-6)


@given(
    st.recursive(
        st.sampled_from(["x", "y", "2", "0.1", "1e-3", "pi"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(
                lambda p: f"({p[0]} {p[1]} {p[2]})"
            ),
            inner.map(lambda one: f"tanh({one})"),
            inner.map(lambda one: f"({one})**2"),
            inner.map(lambda one: f"where({one} > 0.5, {one}, 1)"),
        ),
        max_leaves=8,
    )
)
def test_the_text_of_an_expression_means_that_expression(text: str) -> None:
    once = parse(text, ["x", "y"])
    again = parse(expression_text(once), ["x", "y"])
    for x, y in [(0.3, 1.7), (-1.2, 0.4), (2.5, -0.6)]:
        values = [compiled((expression_text(one),), ("x", "y"), "numpy")(x, y)[0] for one in (once, again)]
        assert float(values[0]) == pytest.approx(float(values[1]), rel=1e-13)


def test_derived_variables_stand_for_expressions() -> None:
    model = Dynamics("m").add_parameter("a", 2.0)
    model.add_derived_variable("twice", "2*inner").add_derived_variable("inner", "a + x")
    model.add_state_variable("x", "twice - x", 1.0)
    assert model.rhs()(0.0, [1.0]) == [5.0]
    model.add_derived_variable("inner", "twice")
    with pytest.raises(EquationError, match="each other"):
        model.equations()


def test_right_sides_take_arrays_and_other_parameters() -> None:
    model = Dynamics("m").add_parameter("k", 2.0).add_state_variable("x", "-k*x", 1.0)
    rhs = model.rhs()
    assert rhs(0.0, [np.array([1.0, 2.0])], k=3.0)[0].tolist() == [-3.0, -6.0]
    with pytest.raises(TypeError, match="'q'"):
        rhs(0.0, [1.0], q=1.0)
