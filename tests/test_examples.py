"""Does the code that the README and the docs show do what they say?"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pypet_ng.trajectory.options import TABLE
from tests.brian2.simulator import brian2

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_python(*arguments: str, cwd: Path) -> str:
    """Run a script as a user would, in an empty folder and with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_code_of_a_page_runs_as_it_stands(page, tmp_path):
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert blocks
    for number, block in enumerate(blocks):
        script = tmp_path / f"block_{number}.py"
        script.write_text(block, encoding="utf-8")
        run_python(script.name, cwd=tmp_path)


def test_three_lines_print_twelve_products(tmp_path):
    lines = run_python(str(ROOT / "examples" / "three_lines.py"), cwd=tmp_path).splitlines()
    assert len(lines) == 12
    assert lines[0] == "run_00000000: 1.0 * 6.0 = 6.0"


def test_first_steps_prints_twelve_products_also_the_second_time(tmp_path):
    script = str(ROOT / "examples" / "first_steps.py")
    for _ in range(2):
        lines = [line for line in run_python(script, cwd=tmp_path).splitlines() if line.startswith("run_")]
        assert len(lines) == 12
        for line in lines:
            _, x, _, y, _, z = line.split()
            assert float(x) * float(y) == float(z)


PRINTED = {
    "storage_and_loading": [
        "loaded: steps = 1000, way of run 1 is empty",
        "after f_load_item: 1000 positions",
        "read on first touch: 3 ways, the last ends at -38",
        "once more as 'longer' with length 2: 3 runs",
    ],
    "merging": [
        "2 runs of 'mars' are runs 2 and on of 'earth'.",
        "parameters.gravity is explored now: 9.81, 3.71",
        "depths: [4.9, 19.6, 7.4, 16.7]",
        "monday has 4 runs now",
        "left out as duplicates: runs [0], added: 1",
    ],
    "many_cores": [
        "the same results: True, longest: 155 steps",
        "done in this process: True, then by workers: True",
    ],
    "own_containers": [
        "part 1/3: 12 edges, the first leads to 4",
        "part 1/4: 12 edges, the first leads to 3",
    ],
    "presetting": [
        "radius 1, so the volume is 4.19",
        "masses [4.19, 8.38]",
        "refused, naming it: True",
    ],
    "finding_runs": [
        "run 6: speed 10, 10.2 m",
        "run 10: speed 20, 40.8 m",
        "low throws: runs [0, 4, 8], [1.4, 5.7, 22.7] m",
    ],
    "large_results": [
        "without the picture: ['brightest'] = 1.000",
        "with it: 320 kB",
        "over all runs: 2 pictures; of the last one the mean is 0.097",
    ],
    "results_of_all_runs": [
        "runs with a warning: [4, 5]",
        "coins: [110.0, 122.0, 134.0, 181.0, 163.0, 265.0]",
        "best: {'rate': 0.05, 'years': 20.0, 'coins': 265.33}",
        "{'rate': 3, 'years': 2}; at 3 % for 20 years: 181",
    ],
    "postprocessing": ["21 runs; the top is at 1.23, 3.000 high"],
    "links": [
        "hungry True: first bread, 800 g",
        "hungry False: first cake, 1250 g",
        "cake.powder is parameters.flour",
    ],
    "wrapping_a_project": ["people after 10 years: [100, 35, 259, 100]"],
}
"""What each example prints."""

LIKE = {
    "many_runs": (
        r"20000 runs, mean 7\.0, \d\d bytes a run\n"
        r"one in 6 is a double\n"
        r"a single run is still there by name: True\n"
    ),
    "search_scipy": r"lowest \S+e-\d\d at \[1\.0, 1\.0\], \d+ runs\n",
    "search_optuna": r"best loss 0\.\d+ at \{'rate': .+, 'gain': .+\}, 60 runs\n",
    "evolution_deap": r"(generation .+\n){20}best: 20 runs: \d+\n",
    "brian2_network": r"(w = .+: \d+ spikes\n){3}",
}
"""What the others print: sizes and searches differ a little from one version of a library to the next."""

NEEDS = {"search_optuna": "optuna", "evolution_deap": "deap"}


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_prints_what_it_promises(name, tmp_path):
    printed = run_python(str(ROOT / "examples" / f"{name}.py"), cwd=tmp_path)
    assert printed.splitlines() == PRINTED[name]


@pytest.mark.parametrize("name", LIKE)
def test_an_example_prints_something_like_what_it_promises(name, tmp_path):
    options = ()
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    elif name == "brian2_network":
        if brian2 is None:
            pytest.skip("brian2 cannot be imported")
        options = ("-W", "ignore::DeprecationWarning")  # of pyparsing, which brian2 uses
    printed = run_python(*options, str(ROOT / "examples" / f"{name}.py"), cwd=tmp_path)
    assert re.fullmatch(LIKE[name], printed)


def test_each_example_is_tried_and_asks_a_question():
    scripts = {path.stem: path for path in (ROOT / "examples").glob("*.py")}
    assert set(scripts) == {*PRINTED, *LIKE, "first_steps", "three_lines", "cellular_automata", "spaces"}
    for name, path in scripts.items():
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert docstring is not None
        assert docstring.splitlines()[0].endswith("?"), name


def test_the_page_for_pypet_users_names_keywords_and_files_that_are_there():
    page = (ROOT / "docs" / "coming-from-pypet.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", page)
    assert [link for link in links if not (ROOT / "docs" / link).is_file()] == []
    examples = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert examples - {Path(link).name for link in links} == {"spaces.py"}, "which has a page of its own"
    section = page.partition("## Keywords of the environment")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| ")]
    keywords = {
        found.split("=")[0]
        for row in rows
        for cell in row.split("|")[1:2] + (row.split("|")[2:3] if "(new)" in row else [])
        for word in re.findall(r"`([^`]+)`", cell)
        for found in word.split(", ")
    }
    assert len(keywords) > 40
    assert [keyword for keyword in keywords if keyword not in TABLE] == []


def test_spaces_run_with_and_without_jax(tmp_path):
    pytest.importorskip("jax")
    script = str(ROOT / "examples" / "spaces.py")
    with_jax = run_python(script, cwd=tmp_path)
    code = f"import sys, runpy; sys.modules['jax'] = None; runpy.run_path({script!r})"
    (tmp_path / "hdf5" / "measure.hdf5").unlink()  # numbers of 32 bits are other points than those of 64
    without = run_python("-c", code, cwd=tmp_path)
    for printed in (with_jax, without):
        assert printed.splitlines()[0] == "45 points"
        assert printed.splitlines()[-1] == "done: 45, then 47"


def test_cellular_automata_are_not_simulated_twice(tmp_path):
    script = str(ROOT / "examples" / "cellular_automata.py")
    assert "6 runs were run." in run_python(script, "simulate", cwd=tmp_path)
    assert "All 6 runs are there already" in run_python(script, "simulate", cwd=tmp_path)
    table = run_python(script, "plot", cwd=tmp_path)
    assert [line.split()[1] for line in table.splitlines() if line.startswith("run_")] == [
        "10",
        "30",
        "90",
        "110",
        "184",
        "190",
    ]
    assert (tmp_path / "demo_output" / "patterns.png").read_bytes().startswith(b"\x89PNG")
