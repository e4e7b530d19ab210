"""Can everything be imported from where pypet's users import it?"""

from __future__ import annotations

import importlib
import os
import pathlib
import subprocess
import sys

import pytest

import pypet_ng
from pypet_ng.compat.modules import MODULES
from tests.pypet_api.api import line

TOP = {
    "trajectory and helpers": "Trajectory load_trajectory Environment cartesian_product Parameter Result",
    "special containers": "ArrayParameter SparseParameter PickleParameter SparseResult PickleResult ObjectTable",
    "to write own containers": "BaseParameter BaseResult",
    "services": "HDF5StorageService LazyStorageService",
    "manual_run": "manual_run",
    "types of nodes": "NNGroupNode NNLeafNode ParameterGroup DerivedParameterGroup ConfigGroup ResultGroup KnowsTrajectory",
    "utilities": "merge_all_in_folder find_unique_points",
    "base classes": "HasSlots HasLogger",
}


@pytest.mark.parametrize("names", [pytest.param(names, id=f"1: {key}") for key, names in TOP.items()])
def test_names_are_importable_from_the_top(names: str) -> None:
    for name in names.split():
        assert hasattr(pypet_ng, name), name
        assert name in pypet_ng.__all__


@pytest.mark.parametrize("module", [pytest.param(name, id=f"1: pypet.{name}") for name in MODULES])
def test_documented_modules_have_their_names(module: str) -> None:
    found = importlib.import_module(f"pypet_ng.{module}")
    for name in MODULES[module]:
        assert getattr(found, name) is not None


@line("1: names that are no more")
def test_a_misspelt_name_of_a_module_suggests_a_near_one(line: str) -> None:
    module = importlib.import_module("pypet_ng.parameter")
    assert "Parameter" in dir(module)
    with pytest.raises(AttributeError, match="ArrayParameter"):
        module.ArayParameter  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("pypet_ng.parameters")


SCRIPT = """
import sys
import pypet
from pypet import Environment, cartesian_product, pypetconstants
from pypet.utils.comparisons import nested_equal
import pypet.parameter as parameters

def multiply(traj):
    import pypet.utils.explore  # in a worker, too
    traj.f_add_result('z', traj.x * traj.y)
    return traj.x * traj.y

env = Environment(trajectory='first', filename=sys.argv[1], multiproc=True, ncores=2,
                  report_progress=False, log_config=None)
traj = env.traj
traj.f_add_parameter('x', 1.0)
traj.f_add_parameter(parameters.ArrayParameter, 'y', 1.0)
traj.f_explore(cartesian_product({'x': [1.0, 2.0], 'y': [3.0, 4.0]}))
print(env.f_run(multiply))
loaded = pypet.load_trajectory(name='first', filename=sys.argv[1], load_results=pypetconstants.LOAD_DATA)
print(loaded.res.runs.r_3.z, nested_equal([1], [1]), pypet.__name__)
"""


@line("1: pypet itself, python -m pypet_ng.compat")
def test_an_unmodified_script_runs(line: str, tmp_path: pathlib.Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = str(pathlib.Path(pypet_ng.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "pypet_ng.compat", str(script), str(tmp_path / "f.hdf5")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[(0, 3.0), (1, 4.0), (2, 6.0), (3, 8.0)]", "8.0 True pypet_ng"]


@line("1: pypet itself, wrong use")
def test_compat_says_what_it_needs(line: str, tmp_path: pathlib.Path) -> None:
    from pypet_ng.compat.__main__ import main

    assert main([]) == 2
    assert main(["--help"]) == 0
    assert main([str(tmp_path / "absent.py")]) == 2
