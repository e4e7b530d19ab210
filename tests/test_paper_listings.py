"""Do the paper's listings run as printed, wherever the code comes from?

Meyer and Obermayer (2016), sections 3.3 to 3.5: no ``if __name__ == '__main__'``, functions defined
beside the code that runs them. Two misprints are mended (``trajecory=``, ``env.traaj``), the package
has its own name, and the adaptive loop runs fewer generations.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BASIC = """
from pypet_ng import Environment, cartesian_product

def multiply(traj):
    '''Simulation that involves multiplying two values.'''
    z = traj.x * traj.y
    traj.f_add_result('z', z)

# Create an environment that handles running our simulation
env = Environment(OPTIONS)
# Get the trajectory from the environment
traj = env.traj
# Add both parameters
traj.f_add_parameter('x', 1.0, comment='First dimension')
traj.f_add_parameter('y', 1.0, comment='Second dimension')
# Explore the parameters with a Cartesian product
traj.f_explore(cartesian_product({'x': [1.0, 2.0, 3.0, 4.0],
                                  'y': [6.0, 7.0, 8.0]}))
# Run the simulation with all parameter combinations
env.run(multiply)
"""
BASIC_CHECK = """
from pypet_ng import load_trajectory
loaded = load_trajectory(filename='./hdf5/trajectory.hdf5', index=-1, load_all=2)
values = loaded.results.runs.f_to_dict(fast_access=True, short_names=False).values()
assert sorted(values) == sorted(x * y for x in (1.0, 2.0, 3.0, 4.0) for y in (6.0, 7.0, 8.0)), values
print('checked')
"""
AUTOMATA = """
import numpy as np
from pypet_ng import Environment

def cellular_automaton(rule_number, ncells, steps, seed):
    ''' Simulates a one-dimensional cellular automaton '''
    pattern = np.zeros((steps, ncells))
    np.random.seed(seed)
    pattern[0,:] = np.random.randint(2, size=ncells)
    binary_rule = [(rule_number // pow(2, i)) % 2 for i in
                   range(8)]
    for step in range(steps - 1):
        for irun in range(ncells):
            neighbour_indices = range(irun - 1, irun + 2)
            neighbourhood = np.take(pattern[step, :],
                                    neighbour_indices,
                                    mode='wrap')
            decimal_neighborhood = int(np.sum(neighbourhood *
                                              np.array([1, 2, 4])))
            pattern[step+1, irun] = binary_rule[
                decimal_neighborhood]
    return pattern

def pypet_ca_wrapper(traj):
    '''Wrapper passing parameters from and results to pypet'''
    pattern = cellular_automaton(traj.rule_number, traj.ncells,
                                 traj.steps, traj.seed)
    traj.f_add_result('pattern', pattern,
                      comment='Development of CA over time')

env = Environment(trajectory='cellular_automata',
                  filename='./HDF5/cellular_automata.hdf5',
                  multiproc=True,
                  ncores=4)
traj = env.traj
traj.f_add_parameter('ncells', 40, comment='Number of cells')
traj.f_add_parameter('steps', 25,
                     comment='Number of timesteps')
traj.f_add_parameter('rule_number', 0, comment='The CA rule')
traj.f_add_parameter('seed', 100042, comment='RNG Seed')
traj.f_explore({'rule_number' : [10, 30, 90, 110, 184, 190]})
env.run(pypet_ca_wrapper)
"""
AUTOMATA_CHECK = """
from pypet_ng import load_trajectory
traj = load_trajectory(filename='./HDF5/cellular_automata.hdf5',
                       name='cellular_automata', load_all=0)
traj.v_auto_load = True
for idx, run_name in enumerate(traj.f_iter_runs()):
    rule_number = traj.parameters.rule_number
    pattern = traj.results.runs.crun.pattern
    assert (pattern == cellular_automaton(rule_number, 40, 25, 100042)).all()
assert list(traj.f_find_idx('rule_number', lambda x: x > 30 and x < 120)) == [2, 3]
print('checked')
"""
ADAPTIVE = """
import numpy as np
import logging
from pypet_ng import Environment

def eval_func(traj):
    x = traj.x
    return -(x+4)**6 + 5*(x-10)**4 - 2*(x-4)**2 + x

np.random.seed(1)
env = Environment(log_level=logging.ERROR,
                  automatic_storing=False, OPTIONS)
traj = env.traj
traj.f_add_parameter('sigma', 0.5, comment='Width of Gaussian')
traj.f_add_parameter('ngen', 5,
                     comment='Number of generations')
traj.f_add_parameter('popsize', 200,
                     comment='Number of points per generation')
traj.f_add_parameter('x', 1.0, comment='x-value')
best_x, best_value = 0, -np.inf
for generation in range(traj.ngen):
    new_points = (np.random.randn(traj.popsize) * traj.sigma +
                  best_x).tolist()
    traj.f_expand({'x': new_points})
    results = env.run(eval_func)
    for run_idx, value in results:
        if value > best_value:
            traj.v_idx = run_idx
            best_x, best_value = traj.x, value
    traj.f_add_result('generation_%d' % generation,
                      x=best_x, value=best_value)
traj.v_idx = -1
traj.f_store()
"""
ADAPTIVE_CHECK = """
assert len(traj) == 1000
assert best_x < -5 and best_value > 200000, (best_x, best_value)
print('checked')
"""
ODD = """
import jax  # imported in the parent: its threads must not matter to the workers
from pypet_ng import Environment

class Model:
    def __init__(self, gain):
        self.gain = gain
    def __call__(self, x):
        return self.gain * x

offset = 10.0

def make(gain):
    model = Model(gain)
    def simulate(traj):
        traj.f_add_result('z', model(traj.x) + offset)
        return model(traj.x)
    return simulate

for number, function in enumerate([make(3.0), lambda traj: 2.0 * traj.x]):
    env = Environment(trajectory=f't{number}', filename='odd.hdf5', multiproc=True, ncores=2)
    env.traj.f_add_parameter('x', 0.0)
    env.traj.f_explore({'x': [1.0, 2.0, 3.0]})
    print(env.run(function))
print('checked')
"""

LISTINGS = {
    "basic": (BASIC + BASIC_CHECK).replace("OPTIONS", ""),
    "basic on two cores": (BASIC + BASIC_CHECK).replace("OPTIONS", "multiproc=True, ncores=2"),
    "automata": AUTOMATA + AUTOMATA_CHECK,
    "adaptive": (ADAPTIVE + ADAPTIVE_CHECK).replace(", OPTIONS", ""),
    "adaptive on two cores": (ADAPTIVE + ADAPTIVE_CHECK).replace("OPTIONS", "multiproc=True, ncores=2"),
    "closures, classes and JAX": ODD,
}


def _python(folder: Path, *arguments: str, text: str | None = None) -> str:
    environment = {**os.environ, "PYTHONWARNINGS": "error::UserWarning", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", LISTINGS)
def test_as_a_script(name: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(LISTINGS[name])
    assert "checked" in _python(tmp_path, "script.py")


@pytest.mark.parametrize("name", ["basic on two cores", "automata", "closures, classes and JAX"])
def test_from_the_command_line(name: str, tmp_path: Path) -> None:
    assert "checked" in _python(tmp_path, "-c", LISTINGS[name])


@pytest.mark.parametrize("name", ["basic on two cores", "automata", "closures, classes and JAX"])
def test_from_standard_input(name: str, tmp_path: Path) -> None:
    assert "checked" in _python(tmp_path, "-", text=LISTINGS[name])


@pytest.mark.filterwarnings("default")  # the notebook machinery's own
def test_in_a_notebook(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    import nbformat

    notebook = nbformat.v4.new_notebook()
    names = ["basic", "automata", "closures, classes and JAX"]
    notebook.cells = [nbformat.v4.new_code_cell(LISTINGS[name]) for name in names]
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    for cell in notebook.cells:
        printed = "".join(output.get("text", "") for output in cell.outputs)
        assert "checked" in printed


def test_the_basic_script_gives_the_same_when_run_again(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(LISTINGS["basic"])
    _python(tmp_path, "script.py")
    size = (tmp_path / "hdf5" / "trajectory.hdf5").stat().st_size
    assert "checked" in _python(tmp_path, "script.py")
    assert (tmp_path / "hdf5" / "trajectory.hdf5").stat().st_size < size + 40_000
