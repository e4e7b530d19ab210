"""Does the executed page run to its end, without a warning, and show what it talks about?"""

from __future__ import annotations

import os
import pathlib
import re
from typing import Any

import pytest

for needed in ("jax", "numpyro", "matplotlib", "ipykernel"):
    pytest.importorskip(needed)
nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial-spaces.md"
CELL = re.compile(r"^```\{code-cell\} python\n(?::[^\n]*\n)*(.*?)^```$", re.MULTILINE | re.DOTALL)


def notebook_of(page: pathlib.Path) -> Any:
    """Give the notebook of a page's code, warnings being errors in it."""
    sources = ["import warnings\nwarnings.simplefilter('error')", *CELL.findall(page.read_text("utf-8"))]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Give what all cells of the page gave, executed in an empty folder."""
    folder = tmp_path_factory.mktemp("page")
    book = notebook_of(PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        client = nbclient.NotebookClient(
            book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    return [output for cell in book.cells for output in cell.outputs]


def printed(outputs: list[Any]) -> str:
    return "".join(output["text"] for output in outputs if output.get("name") == "stdout")


def test_every_plot_is_there(outputs: list[Any]) -> None:
    images = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(images) == PAGE.read_text("utf-8").count("plt.show()")


def test_nothing_is_complained_of(outputs: list[Any]) -> None:
    assert [output["text"] for output in outputs if output.get("name") == "stderr"] == []


def test_what_the_text_says_is_what_comes_out(outputs: list[Any]) -> None:
    text = printed(outputs)
    assert "12 points, not 36" in text
    assert "384 points, and the same numbers: True" in text
    assert "128 points, 128 points" in text
    # the first hundred points in one session, the others in the next
    assert re.search(r"^1 +100$\n^2 +284$", text, re.MULTILINE)
    assert "not done: 0" in text
    assert "'parameters.key' is" in text.split("not done: 0")[1]
