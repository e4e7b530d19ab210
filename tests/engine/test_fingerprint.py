"""Does a fingerprint change with what a function does, and with nothing else?"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import pathlib
import sys
import textwrap
import time
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pypet_ng.engine.fingerprint import Fingerprint, fingerprint

_numbers = itertools.count()
Load = Callable[..., types.ModuleType]


@pytest.fixture
def load(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Give a module made from source, always under the same name, as another process would see it."""

    def make(source: str, name: str = "users_script", **others: str) -> types.ModuleType:
        folder = tmp_path / f"v{next(_numbers)}"
        folder.mkdir()
        for word in [name, *others]:
            sys.modules.pop(word, None)
        monkeypatch.syspath_prepend(str(folder))
        for word, text in {**others, name: source}.items():
            (folder / f"{word}.py").write_text(textwrap.dedent(text))
        module = importlib.import_module(name)
        for word in [name, *others]:
            monkeypatch.delitem(sys.modules, word, raising=False)
        return module

    return make


BASE = """
import math
GAIN = 2.0
def helper(x):
    return x * GAIN
class Model:
    order = 1
    def step(self, x):
        return helper(x) + self.order
def run(traj):
    m = Model()
    return m.step(traj.x) + math.sqrt(2)
"""


def of(module: types.ModuleType, name: str = "run", *args: Any, **kwargs: Any) -> Fingerprint:
    return fingerprint(getattr(module, name), args, kwargs)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return x * GAIN", "    # a comment\n    return (x *\n            GAIN)  # another"),
        ("def helper(x):\n", 'def helper(x):\n    """A docstring."""\n'),
        ("import math\n", "import math\n\n\nunused = 3\ndef other(): return unused\n"),
        ("class Model:\n", 'class Model:\n    """A docstring."""\n\n'),
        ("    return m.step(traj.x)", "    return  m . step( traj.x, )"),
    ],
)
def test_layout_comments_docstrings_and_what_is_not_reached_do_not_count(
    load: Load, old: str, new: str
) -> None:
    assert old in BASE
    assert of(load(BASE.replace(old, new))) == of(load(BASE))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("x * GAIN", "x / GAIN", "'helper' changed"),
        ("GAIN = 2.0", "GAIN = 2.5", "the value 'GAIN' changed"),
        ("GAIN = 2.0", "GAIN = 2", "the value 'GAIN' changed"),
        ("+ self.order", "- self.order", "'Model.step' changed"),
        ("order = 1", "order = 2", "the value 'Model: attributes' changed"),
        ("sqrt(2)", "sqrt(3)", "'run' changed"),
        ("class Model:", "class Base:\n    def f(self): pass\nclass Model(Base):", "'Base.f' is new"),
    ],
)
def test_what_is_reached_counts_and_is_named(load: Load, old: str, new: str, named: str) -> None:
    before, after = of(load(BASE)), of(load(BASE.replace(old, new)))
    assert named in before.differences(after)
    assert before.differences(before) == []


def test_a_module_of_the_user_counts_where_its_names_are_used(load: Load) -> None:
    script = "import mylib\ndef run(traj): return mylib.f(traj.x)"
    lib = "K = 1\ndef f(x): return g(x)\ndef g(x): return x * K\ndef unused(): return 1"
    first = of(load(script, mylib=lib))
    assert first == of(load(script, mylib=lib.replace("return 1", "return 2")))
    changed = of(load(script, mylib=lib.replace("x * K", "x + K")))
    assert first.differences(changed) == ["'mylib.g' changed"]


def test_a_module_imported_inside_the_function_counts(load: Load, tmp_path: pathlib.Path) -> None:
    script = "def run(traj):\n    from mylib2 import f\n    return f(traj.x)"
    lib = "def f(x): return x * 2"
    first = of(load(script, mylib2=lib))
    second = of(load(script, mylib2=lib.replace("* 2", "* 3")))
    assert first.differences(second) == ["'module mylib2' changed"]


def test_closures_defaults_partials_and_lambdas_count(load: Load) -> None:
    source = """
    import functools
    def outer(scale):
        def run(traj, power=2):
            return traj.x ** power * scale
        return run
    one, two = outer(1), outer(2)
    first, second = (lambda traj: traj.x + 1), (lambda traj: traj.x + 2)
    same = lambda traj: (traj.x  # a comment
                         + 1)
    """
    m = load(source)
    a, b = of(m, "one"), of(m, "two")
    assert a.differences(b) == ["the value 'outer.<locals>.run: scale' changed"]
    assert of(m, "first").code() != of(m, "second").code()
    assert of(m, "first") == of(m, "same")
    assert fingerprint(functools.partial(m.one, power=3)) != fingerprint(functools.partial(m.one, power=4))
    n = load(source.replace("power=2", "power=3"))
    assert a.differences(of(n, "one")) == ["the value 'outer.<locals>.run: defaults' changed"]


def test_arguments_count(load: Load) -> None:
    m = load("def run(traj, *args, **kwargs): return 1")
    base = of(m, "run", 1, np.arange(4), k={"a": [1, 2]})
    assert base == of(m, "run", 1, np.arange(4), k={"a": [1, 2]})
    for other in (
        of(m, "run", 2, np.arange(4), k={"a": [1, 2]}),
        of(m, "run", 1, np.arange(5), k={"a": [1, 2]}),
        of(m, "run", 1, np.arange(4), k={"a": [2, 1]}),
        of(m, "run", True, np.arange(4), k={"a": [1, 2]}),
    ):
        assert base.differences(other) == ["the arguments of env.run changed"]


def test_objects_of_users_count_by_their_state_and_methods(load: Load) -> None:
    source = """
    class Simulation:
        __slots__ = ("rate", "__dict__")
        def __init__(self, rate):
            self.rate = rate
        def run(self, traj):
            return self.rate
        def __call__(self, traj):
            return self.run(traj)
    """
    m, n = load(source), load(source.replace("return self.rate", "return -self.rate"))
    bound = fingerprint(m.Simulation(1).run)
    assert bound == fingerprint(m.Simulation(1).run)
    assert bound != fingerprint(m.Simulation(2).run)
    assert "'Simulation.run' changed" in fingerprint(m.Simulation(1)).differences(
        fingerprint(n.Simulation(1))
    )


def test_dataclasses_and_enums_count(load: Load) -> None:
    source = """
    import dataclasses, enum
    class Kind(enum.Enum):
        A = 1
        B = 2
    @dataclasses.dataclass(frozen=True)
    class Options:
        rate: float = 1.0
        kind: Kind = Kind.A
    OPTIONS = Options()
    def run(traj): return OPTIONS.rate
    """
    first = of(load(source))
    assert first == of(load(source))
    assert first != of(load(source.replace("rate: float = 1.0", "rate: float = 2.0")))
    assert first != of(load(source.replace("B = 2", "B = 3")))


def test_cycles_and_endless_objects_end(load: Load) -> None:
    source = """
    tree = []
    tree.append(tree)
    class Node:
        def __init__(self): self.me = self; self.other = [self]
    node = Node()
    def run(traj): return again(traj, tree, node)
    def again(traj, *more): return run(traj)
    """
    m = load(source)
    assert of(m) == of(load(source))
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    start = time.process_time()
    fingerprint(m.run, (deep, list(range(10**6)), np.zeros(10**7)))
    assert time.process_time() - start < 2


def test_one_value_in_a_long_list_counts(load: Load) -> None:
    source = """
    names = {names}
    def run(traj): return names[traj.x]
    """
    names = [f"name {number}" for number in range(5000)]
    first = of(load(source.format(names=names)))
    assert of(load(source.format(names=names))) == first
    names[4321] = "another"
    assert of(load(source.format(names=names))) != first
    objects = "def run(traj, mixed=None): return mixed"
    mixed = [*names, {"a": [1]}, len]
    first = of(load(objects), "run", mixed)
    assert of(load(objects), "run", [*mixed]) == first
    assert of(load(objects), "run", [*names, {"a": [2]}, len]) != first


def test_wrapped_functions_are_reached(load: Load) -> None:
    source = """
    import functools
    def twice(f):
        @functools.wraps(f)
        def inner(traj): return 2 * f(traj)
        return inner
    @functools.lru_cache
    def cached(x): return x + 1
    @twice
    def run(traj): return cached(traj.x)
    """
    first = of(load(source))
    assert first == of(load(source))
    for old, new in (("x + 1", "x + 2"), ("2 * f", "3 * f"), ("cached(traj.x)", "cached(-traj.x)")):
        assert first != of(load(source.replace(old, new)))


def test_installed_packages_and_the_standard_library_are_not_followed(load: Load) -> None:
    m = load("import numpy as np, json\ndef run(traj): return np.mean([1]), json.dumps(1)")
    assert list(of(m).parts) == ["run"]


def test_without_source_the_code_object_counts() -> None:
    def made(text: str) -> Any:
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(text, "<stdin>", "exec"), space)
        return fingerprint(space["run"])

    text = "def run(traj):\n    return traj.x + 1\n"
    assert made(text) == made("\n\n# more\n" + text)
    assert made(text) == made("def run(traj):\n    'a docstring'\n    return traj.x + 1\n")
    assert made(text).differences(made(text.replace("+ 1", "+ 2"))) == ["'run' changed"]
    assert made(text) != made(text.replace(".x", ".y"))


def test_a_file_edited_after_its_import_is_not_taken_for_the_source(load: Load) -> None:
    m = load("def run(traj): return 1")
    pathlib.Path(m.__file__ or "").write_text("def run(traj): return 2")
    n = load("def run(traj): return 2")
    assert of(m) != of(n)


def test_it_survives_json_and_costs_little(load: Load) -> None:
    m = load(BASE)
    found = of(m)
    assert Fingerprint.from_json(found.to_json()) == found
    assert Fingerprint.from_json(None) is None
    start = time.process_time()
    for _ in range(20):
        of(m)
    assert (time.process_time() - start) / 20 < 0.005  # measured: 0.1 ms
