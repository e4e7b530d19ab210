"""Does the code that the README and the docs show do what they say?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_first_steps_prints_twelve_products_also_the_second_time(tmp_path):
    script = str(ROOT / "examples" / "first_steps.py")
    for _ in range(2):
        lines = [line for line in run_python(script, cwd=tmp_path).splitlines() if line.startswith("run_")]
        assert len(lines) == 12
        for line in lines:
            _, x, _, y, _, z = line.split()
            assert float(x) * float(y) == float(z)


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
