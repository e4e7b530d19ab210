"""Do scripts that were written for pypet print the same when pypet_ng runs them?"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
SCRIPTS = sorted((HERE / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_a_script_for_pypet_prints_what_it_printed_under_pypet(
    script: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    expected = (HERE / "recorded" / f"{script.stem}.txt").read_text(encoding="utf-8")
    root = str(HERE.parent.parent)
    done = subprocess.run(
        [sys.executable, "-m", "pypet_ng.compat", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == expected.splitlines()
