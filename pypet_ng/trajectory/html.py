"""What does a notebook show of a trajectory and its nodes?

All text is cut and escaped, and a page ends at about 40 kB. Groups of single runs that are asleep are
listed by name and stay asleep.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

import numpy as np

from pypet_ng.engine.session import Session
from pypet_ng.trajectory.briefs import brief, brief_text
from pypet_ng.tree.nodes import Group, Leaf, Node, ParameterLeaf, ResultLeaf
from pypet_ng.tree.records import RunState

__all__ = ["node_html", "trajectory_html"]

_MOST_BYTES: Final = 40_000
_MOST_CHILDREN: Final = 30
_DEEPEST: Final = 5
_OPEN_DEPTH: Final = 1


class _Page:
    """Text that is full one day."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    @property
    def full(self) -> bool:
        return self._size >= _MOST_BYTES

    def add(self, markup: str) -> None:
        self._parts.append(markup)
        self._size += len(markup)

    def text(self) -> str:
        return "".join(self._parts)


def _safe(text: str, most: int = 120) -> str:
    import html  # loads a table of all entities

    return html.escape(brief_text(text, most))


def node_html(node: Node) -> str:
    """Give a group with what is below it, or a leaf with its data, as collapsible HTML."""
    page = _Page()
    if isinstance(node, Leaf):
        _whole_leaf(page, node)
    elif isinstance(node, Group):
        _group(page, node, 0, ".".join(node.path) or node.name)
    return page.text()


def trajectory_html(session: Session) -> str:
    """Give the facts on a trajectory, its explored parameters, and its tree."""
    root, plan, book = session.tree.root, session.plan, session.runs
    page = _Page()
    count = min(book.length, len(plan))
    states = np.bincount(book.state[:count], minlength=len(RunState))
    known = [f"{states[state]} {state.name.lower()}" for state in RunState if state and states[state]]
    place = "" if session.storage is None else f", {_safe(session.storage.location, 200)}"
    runs = f"{len(plan)} run" + ("s" if len(plan) != 1 else "")
    page.add(
        f"<div><b>Trajectory {_safe(root.name)}</b> ({runs}{': ' if known else ''}{', '.join(known)}{place})"
    )
    if root.comment:
        page.add(f"<br><i>{_safe(root.comment, 500)}</i>")
    if plan.is_explored:
        page.add("<details open><summary>explored</summary><table>")
        for path in islice(plan.names, _MOST_CHILDREN):
            values = _safe(repr(plan.column(path)), 300)
            page.add(f"<tr><td>{_safe('.'.join(path))}</td><td>{values}</td></tr>")
        if len(plan.names) > _MOST_CHILDREN:
            page.add(f"<tr><td>... {len(plan.names) - _MOST_CHILDREN} more</td></tr>")
        page.add("</table></details>")
    _children(page, root, 0)
    page.add("</div>")
    return page.text()


def _group(page: _Page, group: Group, depth: int, name: str) -> None:
    comment = f" <i>{_safe(group.comment)}</i>" if group.comment else ""
    count = len(group.children)
    opened = " open" if depth < _OPEN_DEPTH else ""
    page.add(f"<details{opened}><summary>{_safe(name)} ({count}){comment}</summary>")
    _notes(page, group)
    _children(page, group, depth)
    page.add("</details>")


def _children(page: _Page, group: Group, depth: int) -> None:
    children = group.children
    if not children:
        return
    page.add("<ul>")
    shown = 0
    for name in islice(children, _MOST_CHILDREN):
        if page.full:
            break
        shown += 1
        child = dict.get(children, name)  # only what exists: asking for more would build it
        page.add("<li>")
        if child is None:
            page.add(_safe(name))
        elif name in group.links:
            page.add(f"{_safe(name)} &rarr; {_safe('.'.join(child.path))}")
        elif isinstance(child, Leaf):
            page.add(_leaf_line(child))
        elif isinstance(child, Group):
            if depth + 1 < _DEEPEST:
                _group(page, child, depth + 1, name)
            else:
                page.add(f"{_safe(name)} ({len(child.children)})")
        page.add("</li>")
    if len(children) > shown:
        page.add(f"<li>... {len(children) - shown} more</li>")
    page.add("</ul>")


def _leaf_line(leaf: Leaf) -> str:
    comment = f" <i>{_safe(leaf.comment)}</i>" if leaf.comment else ""
    return f"<b>{_safe(leaf.name)}</b>: {_value(leaf)}{comment}"


def _value(leaf: Leaf) -> str:
    if leaf.is_empty:
        return "<i>not loaded</i>" if leaf.kept or leaf.stored else "<i>empty</i>"
    if type(leaf) is ParameterLeaf:
        text = brief(leaf.value)
        if leaf.column is not None:
            text += f" (explored, {len(leaf.column)} values)"
        return _safe(text)
    if type(leaf) is ResultLeaf:
        return _safe(", ".join(f"{name}={brief(value, 40)}" for name, value in islice(leaf.items.items(), 8)))
    view = leaf.view if leaf.tree is None else leaf.tree.view(leaf)
    return _safe(view.f_val_to_str() or type(view).__name__)


def _whole_leaf(page: _Page, leaf: Leaf) -> None:
    comment = f"<br><i>{_safe(leaf.comment, 500)}</i>" if leaf.comment else ""
    kind = _safe(leaf.class_name or type(leaf.view).__name__)
    name = _safe(".".join(leaf.path) or leaf.name, 300)
    page.add(f"<details open><summary><b>{name}</b> {kind}{comment}</summary>")
    _notes(page, leaf)
    if type(leaf) is ResultLeaf and leaf.items:
        page.add("<table>")
        for name, value in islice(leaf.items.items(), 100):
            if page.full:
                break
            page.add(f"<tr><td>{_safe(name)}</td><td>{_safe(type(value).__name__)}</td>")
            page.add(f"<td>{_safe(brief(value, 300), 300)}</td></tr>")
        page.add("</table>")
        if len(leaf.items) > 100:
            page.add(f"... {len(leaf.items) - 100} more")
    else:
        page.add(_value(leaf))
        column: Any = getattr(leaf, "column", None)
        if column is not None and type(leaf) is ParameterLeaf:
            page.add(f"<br>{_safe(repr(column), 300)}")
    page.add("</details>")


def _notes(page: _Page, node: Node) -> None:
    for name, value in islice((node.annotations or {}).items(), 8):
        page.add(f"<div>{_safe(name)} = {_safe(brief(value))}</div>")
