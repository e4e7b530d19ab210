"""Do the docs promise what the tests of this folder check?"""

from __future__ import annotations

import pathlib

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def test_the_guarantee_stands_in_the_docs_word_for_word() -> None:
    text = " ".join((DOCS / "safety.md").read_text(encoding="utf-8").split())
    assert (
        "A run reported as stored survives SIGKILL and power loss, if the disk honours fsync; at most the last "
        "second of unreported runs is redone."
    ) in text
