"""Do the listings of the pages on experiments and logbooks run as they stand?"""

from __future__ import annotations

import pathlib
import re

import pytest

DOCS = pathlib.Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(("page", "needs"), [("experiments", "jax sympy yaml"), ("logbook", "yaml")])
def test_listings_run(page: str, needs: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in needs.split():
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for listing in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(listing, f"{page}.md", "exec"), names)
    assert names
