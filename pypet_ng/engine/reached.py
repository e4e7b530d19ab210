"""Which code and which values can a function reach?

From object to object: global names, closures, defaults, attributes of the user's modules, base classes,
partials and wrappers. Nothing is called or imported.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import marshal
import os
import types
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

from pypet_ng import encoding
from pypet_ng.engine.syntax import Said, digest_of_file, said_by
from pypet_ng.engine.whose import file_of_import, innermost, is_ours, is_own_wrapper, is_user_class
from pypet_ng.errors import PypetError

__all__ = ["Walk"]

_MOST_PARTS: Final = 400
_MOST_ITEMS: Final = 10_000
_MOST_BYTES: Final = 16 << 20
_DEEPEST: Final = 20
_LONG: Final = 1000
_VERY_LONG: Final = 1 << 20
_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None), type(...))
_WRAPPED: Final = ("__wrapped__", "py_func", "pyfunc")


class Walk:
    """Goes from object to object. Each is met once, so cycles end."""

    def __init__(self, function: Any) -> None:
        self.parts: dict[str, str] = {}
        self._home = getattr(innermost(function), "__module__", None)
        self._followed: dict[int, Any] = {}
        self._met: dict[int, tuple[Any, str]] = {}
        self._open: set[int] = set()
        self._modules: set[tuple[int, tuple[str, ...]]] = set()
        self._files: set[str] = set()
        self._left: deque[Callable[[], None]] = deque()
        self._items = _MOST_ITEMS
        self._bytes = _MOST_BYTES

    def go(self) -> None:
        while self._left and len(self.parts) < _MOST_PARTS:
            self._left.popleft()()

    def put(self, name: str, said: str) -> None:
        digest = said if name[0] not in "=~" else _short(said)
        if self.parts.setdefault(name, digest) != digest:  # two things of one name, as lambdas
            number = 2
            while self.parts.setdefault(f"{name} #{number}", digest) != digest:
                number += 1

    def _name(self, thing: type | types.FunctionType) -> str:
        name, module = thing.__qualname__, thing.__module__
        # A script is the same code whether it is run or imported.
        return name if module in (self._home, "__main__", None) else f"{module}.{name}"

    def _first_time(self, thing: Any) -> bool:
        if id(thing) in self._followed:
            return False
        self._followed[id(thing)] = thing  # kept alive: the id stays taken
        return True

    # -- code ---------------------------------------------------------------------------------
    def object(self, thing: Any) -> str:
        """Follow an object and give a text that stands for it in a value."""
        if isinstance(thing, types.FunctionType):
            if is_ours(thing.__module__, thing.__code__.co_filename):
                if self._first_time(thing):
                    self._left.append(functools.partial(self._function, thing))
                return f"function {self._name(thing)}"
            inner = getattr(thing, "__wrapped__", None)  # a user's function in a decorator of a package
            return f"installed {thing.__module__}.{thing.__qualname__}" + (
                f" of {self.object(inner)}" if inner is not None else ""
            )
        if isinstance(thing, types.MethodType):
            return f"method {self.object(thing.__func__)} of {self.value(thing.__self__)}"
        if isinstance(thing, functools.partial):
            return f"partial {self.object(thing.func)} {self.value((thing.args, thing.keywords))}"
        if isinstance(thing, staticmethod | classmethod):
            return f"{type(thing).__name__} {self.object(thing.__func__)}"
        if isinstance(thing, property):
            return "property " + " ".join(self.value(part) for part in (thing.fget, thing.fset, thing.fdel))
        if isinstance(thing, type):
            if is_user_class(thing) and self._first_time(thing):
                self._left.append(functools.partial(self._class, thing))
            return f"class {self._name(thing)}"
        for name in _WRAPPED:
            # Not getattr: that would run code of the user's, or look into a trajectory.
            inner = inspect.getattr_static(thing, name, None)
            if isinstance(inner, types.FunctionType | type) or (callable(inner) and inner is not thing):
                return f"{type(thing).__qualname__} of {self.object(inner)}"
        return self._instance(thing)

    def _function(self, function: types.FunctionType) -> None:
        code = function.__code__
        name = self._name(function)
        said = said_by(code, function.__globals__)
        self.put(name, said.digest)
        if function.__defaults__ or function.__kwdefaults__:
            self.put(f"={name}: defaults", self.value((function.__defaults__, function.__kwdefaults__)))
        if function.__closure__:
            for free, cell in zip(code.co_freevars, function.__closure__, strict=True):
                try:
                    content = cell.cell_contents
                except ValueError:  # not filled yet
                    continue
                self._reached(f"{name}: {free}", content, said)
        known = function.__globals__
        for word in said.names:
            if word in known:
                self._reached(word, known[word], said, home=known.get("__name__"))
        inner = getattr(function, "__wrapped__", None)
        if inner is not None:
            self.object(inner)
        self._imported(said, known)

    def _reached(self, name: str, content: Any, said: Said, home: Any = None) -> None:
        """Follow what a name of a function stands for."""
        word = name.rpartition(" ")[2]
        if home not in (None, self._home, "__main__"):
            name = f"{home}.{name}"
        if isinstance(content, types.ModuleType):
            self._module(content, said)
        elif isinstance(content, types.FunctionType | types.MethodType | type | functools.partial):
            text = self.object(content)
            if text.startswith(("partial", "method")):
                self.put(f"={name}", text)
        else:
            mark = "=" if type(content) in _PLAIN and word not in said.rebound else "~"
            self.put(f"{mark}{name}", self.value(content))

    def _module(self, module: types.ModuleType, said: Said) -> None:
        """Follow what a function can mean by ``module.name``."""
        if not is_ours(module.__name__, getattr(module, "__file__", None)):
            return
        key = (id(module), said.names)
        if key in self._modules:
            return
        self._modules.add(key)
        content = vars(module)
        for word in said.names:
            if word in content:
                self._reached(word, content[word], said, home=module.__name__)

    def _imported(self, said: Said, known: Mapping[str, Any]) -> None:
        """Follow what a function imports when it runs: whole files, whether loaded already or not."""
        for name, level in said.imports:
            filename = file_of_import(name, level, known)
            if filename is not None and filename not in self._files:
                self._files.add(filename)
                found = digest_of_file(filename)
                if found is not None:
                    self.put(f"module {name}", found.digest)
                    package = {"__package__": name.rpartition(".")[0], "__file__": filename}
                    self._left.append(functools.partial(self._imported, found, package))

    def _class(self, cls: type) -> None:
        name = self._name(cls)
        bases = [self.object(base) for base in cls.__bases__ if base is not object]
        facts: list[str] = [name, *bases]
        generated = "__dataclass_fields__" in vars(cls)
        for word, content in vars(cls).items():
            if word in _NO_FACTS or isinstance(content, _DESCRIPTORS):
                continue
            inner = getattr(content, "__func__", content)
            if (
                generated
                and isinstance(inner, types.FunctionType)
                and inner.__code__.co_filename == "<string>"
            ):
                continue
            if word == "__dataclass_fields__":
                content = [
                    (one.name, _word(one.type), one.default, one.default_factory, one.init)
                    for one in content.values()
                ]
            facts.append(f"{word} {self.value(content)}")
        if len(facts) > 1:
            self.put(f"={name}: attributes", "\x1f".join(facts))

    # -- values -------------------------------------------------------------------------------
    def value(self, value: Any, depth: int = 0) -> str:
        """Give a text that stands for a value, following the code in it."""
        kind = type(value)
        if kind in _PLAIN:
            text = repr(value)
            return f"{kind.__name__} {text if len(text) < 200 else _short(text)}"
        self._items -= 1
        if self._items < 0 or depth > _DEEPEST:
            return f"{kind.__qualname__} {_length(value)}"
        if kind is np.ndarray:
            return self._array(value, depth)
        if kind in (list, tuple, dict, set, frozenset, deque):
            if len(value) > _LONG and (said := _said_at_once(value, kind)) is not None:
                return said
            if id(value) in self._open:
                return "itself"
            return self._container(value, kind, depth)
        if callable(value) or isinstance(value, property | staticmethod | classmethod):
            return self.object(value)
        return self._instance(value, depth)

    def _container(self, value: Any, kind: type, depth: int) -> str:
        self._open.add(id(value))
        try:
            if kind is dict:
                items: Iterable[str] = (
                    f"{self.value(key, depth + 1)}:{self.value(item, depth + 1)}"
                    for key, item in value.items()
                )
            else:
                items = (self.value(item, depth + 1) for item in list(value))
            found = sorted(items) if kind in (set, frozenset) else list(items)
        finally:
            self._open.discard(id(value))
        return f"{kind.__name__} {len(value)} " + _short("\x1f".join(found))

    def _array(self, value: Any, depth: int) -> str:
        head = f"array {value.dtype.str} {value.shape}"
        if value.dtype.hasobject:
            return f"{head} {self.value(value.ravel().tolist(), depth + 1)}"
        if value.nbytes > self._bytes:  # a look here and there
            flat = value.reshape(-1)
            value = flat[:: max(1, flat.size // 65536)][: 1 << 17]
        self._bytes -= min(value.nbytes, self._bytes)
        return f"{head} {_short(np.ascontiguousarray(value).tobytes())}"

    def _instance(self, value: Any, depth: int = 0) -> str:
        cls = type(value)
        if id(value) in self._met:
            return self._met[id(value)][1]
        user, own = is_user_class(cls), is_own_wrapper(value)
        if not user and not own:
            return self._foreign(value, depth)
        self._met[id(value)] = (value, f"{cls.__qualname__} met before")
        self.object(cls)
        state = _state(value)
        text = f"{self._name(cls)} {self.value(state, depth + 1)}"
        self._met[id(value)] = (value, text)
        return text

    def _foreign(self, value: Any, depth: int) -> str:
        """An object of an installed package: by what is stored of it, if anything is."""
        head = f"{type(value).__module__}.{type(value).__qualname__}"
        if isinstance(value, os.PathLike):
            return f"{head} {os.fspath(value)!r}"
        try:
            if not encoding.supports(value):
                return head
            encoded = encoding.encode(value)
        except (PypetError, ValueError, TypeError, OverflowError):
            return head
        parts = [f"{name} {self._array(part, depth)}" for name, part in encoded.parts.items()]
        return f"{head} {_short(repr((dict(encoded.meta), parts)))}"


_NO_FACTS: Final = frozenset(
    [
        "__module__",
        "__qualname__",
        "__doc__",
        "__dict__",
        "__weakref__",
        "__firstlineno__",
        "__static_attributes__",
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__dataclass_params__",
        "__match_args__",
        "__slots__",
        "__abstractmethods__",
        "_abc_impl",
        "__parameters__",
        "__orig_bases__",
        "_member_map_",
        "_value2member_map_",
        "_unhashable_values_",
        "_unhashable_values_map_",
        "_hashable_values_",
        "__replace__",
    ]
)
_DESCRIPTORS: Final = (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType)


def _said_at_once(value: Any, kind: type) -> str | None:
    """Give a text for a long list or tuple of plain values, of a very long one by a look here and there."""
    if kind not in (list, tuple):
        return None
    some = value[:: len(value) // 65536] if len(value) > _VERY_LONG else value
    try:
        # Version 2 writes each value in full; later ones write what they met before as a reference, so that
        # equal lists may differ.
        data = marshal.dumps(some, 2)
    except ValueError:  # there are other objects in it, or it is nested too deeply
        return None
    return f"{kind.__name__} {len(value)} {_short(data)}"


def _short(text: str | bytes) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _word(kind: Any) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__qualname__", repr(kind))


def _length(value: Any) -> int:
    try:
        return len(value)
    except TypeError:
        return -1


def _state(value: Any) -> dict[str, Any]:
    """Give the attributes of an instance, those in slots included."""
    state = dict(getattr(value, "__dict__", {}))
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                mangled = f"_{cls.__name__.lstrip('_')}{name}" if name[:2] == "__" else name
                content = getattr(value, mangled, _state)
                if content is not _state:
                    state[name] = content
    if is_own_wrapper(value):  # caches of ours are no facts, and how states are made is compared by itself
        return {name: content for name, content in state.items() if name[0] != "_" and name != "source"}
    return state
