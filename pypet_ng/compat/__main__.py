"""How is an unmodified pypet script run? ``python -m pypet_ng.compat script.py [arguments]``."""

from __future__ import annotations

import os
import runpy
import sys

from pypet_ng.compat.alias import install


def main(arguments: list[str]) -> int:
    """Run a script with ``import pypet`` meaning pypet_ng; gives an exit status."""
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stderr.write("usage: python -m pypet_ng.compat script.py [arguments]\n")
        return 0 if arguments else 2
    script = arguments[0]
    if not os.path.exists(script):
        sys.stderr.write(f"There is no script {script!r}. Give the path of a Python file.\n")
        return 2
    install()
    sys.argv[:] = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
