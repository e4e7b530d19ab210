"""What do the scripts print under real pypet?

    python tests/compat/record.py PYTHON_WITH_PYPET [NAME ...]

writes what each script of ``scripts/`` (or those named) prints under that Python to ``recorded/``. The kept
texts came from pypet 0.6.1 with numpy 1.26, pandas 2.1 and PyTables 3.9.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def record(python: str, script: pathlib.Path) -> str | None:
    """Run one script in an empty folder and keep what it printed; gives its complaint if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, "-W", "ignore", str(script)], cwd=folder, capture_output=True, text=True, check=False
        )
    if done.returncode:
        return done.stdout + done.stderr
    (HERE / "recorded" / f"{script.stem}.txt").write_text(done.stdout, encoding="utf-8")
    return None


def main(arguments: list[str]) -> int:
    """Record all or the named scripts; gives the number of those that failed."""
    if not arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    python, *names = arguments
    failed = 0
    for script in sorted((HERE / "scripts").glob("*.py")):
        if names and script.stem not in names:
            continue
        complaint = record(python, script)
        if complaint is not None:
            failed += 1
            sys.stderr.write(f"{script.name} failed:\n{complaint}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
