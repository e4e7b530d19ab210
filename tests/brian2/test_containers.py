"""Do quantities and monitors come back with their units, also where brian2 is not installed?"""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pypet_ng import Environment, Parameter, Result, Trajectory, load_trajectory
from pypet_ng.brian2.parameter import (
    Brian2MonitorResult,
    Brian2Parameter,
    Brian2Result,
    get_unit_fast,
    unit_from_expression,
)
from pypet_ng.encoding import canonical, decode, decode_column, encode, encode_column, same
from pypet_ng.encoding.quantities import PlainQuantity, QuantityCodec, unit_text
from pypet_ng.errors import UnsupportedValueError
from tests.brian2.simulator import NO_DEPRECATIONS, brian2

if brian2 is None:
    pytest.skip("brian2 cannot be imported", allow_module_level=True)

pytestmark = NO_DEPRECATIONS
ms, mV, nA, cm = brian2.ms, brian2.mV, brian2.nA, brian2.cm
ROOT = pathlib.Path(__file__).parents[2]

QUANTITIES = [
    pytest.param(5 * ms, "s", id="time"),
    pytest.param(-0.1 * mV, "V", id="voltage"),
    pytest.param(3 * nA / cm**2, "m^-2 A", id="current density"),
    pytest.param((1 * mV) ** 0.5, "m kg^0.5 s^-1.5 A^-0.5", id="broken powers"),
    pytest.param(brian2.Quantity(3.0), "1", id="no unit"),
    pytest.param(np.arange(6.0).reshape(2, 3) * mV, "V", id="array"),
    pytest.param(np.zeros(0) * ms, "s", id="empty array"),
    pytest.param(np.array([np.nan, np.inf]) * ms, "s", id="not finite"),
]


@pytest.mark.parametrize(("quantity", "unit"), QUANTITIES)
def test_a_quantity_comes_back_bit_for_bit(quantity: Any, unit: str) -> None:
    stored = encode(quantity)
    again = decode(stored)
    assert stored.meta["unit"] == unit
    assert type(again) is brian2.Quantity
    assert again.dim is quantity.dim
    assert again.shape == quantity.shape
    assert np.asarray(again).tobytes() == np.asarray(quantity).tobytes()
    assert same(quantity, again)


@given(arrays(np.float64, st.integers(0, 5)), st.sampled_from([1 * ms, 1 * mV, 1 * nA / cm**2]))
def test_any_numbers_come_back(numbers: Any, unit: Any) -> None:
    (stack,) = encode_column([numbers * unit, numbers * unit])
    for again in decode_column(stack):
        assert same(again, numbers * unit)


def test_equal_numbers_of_other_units_are_not_the_same() -> None:
    assert not same(5 * ms, 5 * mV)
    assert canonical(5 * ms) != canonical(5 * mV)
    assert same(5 * ms, 0.005 * brian2.second)


def test_without_brian2_magnitudes_and_unit_are_read() -> None:
    reader = QuantityCodec()
    plain = reader.decode(encode(np.array([1.0, 2.0]) * mV))
    assert isinstance(plain, PlainQuantity)
    assert np.asarray(plain).tolist() == [0.001, 0.002]
    assert (plain.unit, plain.shape, len(plain), str(plain[1])) == ("V", (2,), 2, "0.002 V")
    assert float(plain[0]) == 0.001
    assert same(decode(encode(plain)), np.array([1.0, 2.0]) * mV), "written on, it is what it was"
    assert plain == reader.decode(encode(plain))
    assert not reader.accepts(5 * ms)


def test_text_of_named_and_composed_units() -> None:
    for quantity in (
        1 * brian2.siemens,
        1 * brian2.ohm,
        1 * brian2.farad,
        1 * brian2.pascal,
        1 * brian2.kelvin,
    ):
        assert encode(quantity).meta["unit"] == str(quantity.get_best_unit())
    assert unit_text((1, 0, -1, 0, 0, 0, 0)) == "m s^-1"


def test_a_parameter_takes_quantities_and_all_else() -> None:
    parameter = Brian2Parameter("a.tau", 5 * ms, comment="c")
    assert parameter.f_get() == 5 * ms
    assert repr(parameter) == "Brian2Parameter a.tau (`c`): 5. * msecond"
    assert Brian2Parameter("n", 3).f_get() == 3
    assert Brian2Parameter("u", mV).f_get() == 1 * mV
    assert type(Brian2Parameter("u", mV).f_get()) is brian2.Quantity
    assert Parameter("t", 5 * ms).f_get() == 5 * ms, "the ordinary classes take them as well"
    assert Result("t", 5 * ms).t == 5 * ms


def test_a_range_has_one_unit() -> None:
    parameter = Brian2Parameter("tau", 5 * ms)
    with pytest.raises(TypeError, match=r"value 1 of its range"):
        parameter._explore([4 * ms, 4 * mV])
    parameter._explore([4 * ms, 1 * brian2.second])
    assert parameter.f_get_range() == [4 * ms, 1 * brian2.second]
    assert parameter._equal_values(5 * ms, 0.005 * brian2.second)
    assert not parameter._values_of_same_type(5 * ms, 5.0)


def test_results_take_bare_units_as_quantities() -> None:
    result = Brian2Result("r", mV, b=np.arange(3.0) * ms, c=[1, 2])
    assert type(result.r) is brian2.Quantity
    result["d"] = ms
    assert result.d == 1 * ms


def simulate() -> dict[str, Any]:
    group = brian2.NeuronGroup(
        5, "dv/dt=(12*mV-v)/(5*ms):volt", threshold="v>10*mV", reset="v=0*mV", name="grp", method="exact"
    )
    monitors = {
        "spikes": brian2.SpikeMonitor(group, variables=["v"], name="sm"),
        "counts": brian2.SpikeMonitor(group, record=False, name="sn"),
        "states": brian2.StateMonitor(group, "v", record=[0, 2], name="st"),
        "rates": brian2.PopulationRateMonitor(group, name="pr"),
    }
    brian2.Network(group, *monitors.values()).run(30 * ms)
    return monitors


@pytest.fixture(scope="module")
def monitors() -> dict[str, Any]:
    return simulate()


# observed on pypet 0.6.1 with the same network; units of a StateMonitor's t are ours
EXPECTED = {
    "spikes": {"source", "name", "num_spikes", "when", "record_variables", "t", "i", "v"},
    "counts": {"source", "name", "num_spikes", "when", "record_variables"},
    "states": {"source", "name", "record", "record_variables", "when", "t", "v"},
    "rates": {"source", "name", "t", "rate"},
}
KINDS = {
    "spikes": "SpikeMonitor",
    "counts": "SpikeMonitor",
    "states": "StateMonitor",
    "rates": "PopulationRateMonitor",
}


@pytest.mark.parametrize("which", EXPECTED)
def test_section_20_monitor_result(which: str, monitors: dict[str, Any]) -> None:
    monitor = monitors[which]
    for result in (Brian2MonitorResult("r", monitor=monitor), Brian2MonitorResult("r", monitor)):
        assert set(result) == EXPECTED[which]
        assert result.v_monitor_type == KINDS[which]
        assert result.name == monitor.name
    with pytest.raises(TypeError, match="one result per monitor"):
        result.f_set(monitor=monitors["rates"])
    result.f_empty()
    assert result.v_monitor_type is None


def test_items_of_monitors_have_units_and_shapes(monitors: dict[str, Any]) -> None:
    spikes = Brian2MonitorResult("r", monitors["spikes"])
    assert spikes.num_spikes == 15 == len(spikes.t) == len(spikes.i)
    assert (spikes.t.dim, spikes.v.dim) == (ms.dim, mV.dim)
    states = Brian2MonitorResult("r", monitors["states"])
    assert states.v.shape == (2, 300)
    assert (states.v.dim, states.t.dim) == (mV.dim, ms.dim)
    rates = Brian2MonitorResult("r", monitors["rates"])
    assert rates.rate.dim == brian2.Hz.dim


def test_what_is_no_monitor_is_refused() -> None:
    with pytest.raises(TypeError, match="no monitor that can be read"):
        Brian2MonitorResult("r", monitor=3)
    assert Brian2MonitorResult("r", other=3).other == 3


def add_all(traj: Any) -> None:
    found = simulate()
    traj.f_add_result(Brian2MonitorResult, "spmon", found["spikes"], comment="spikes")
    traj.f_add_result(Brian2MonitorResult, "st", monitor=found["states"])
    traj.f_add_result(Brian2Result, "q", volts=traj.w * 2, plain=3)


@pytest.mark.parametrize(
    "ncores", [1, pytest.param(2, marks=pytest.mark.slow)], ids=["serial", "2 processes"]
)
def test_quantities_through_environment_and_file(ncores: int, tmp_path: pathlib.Path) -> None:
    options = {"multiproc": True, "ncores": ncores} if ncores > 1 else {}
    filename = str(tmp_path / "b.hdf5")
    env = Environment(trajectory="b", filename=filename, log_config=None, report_progress=False, **options)
    traj = env.traj
    traj.v_standard_parameter = Brian2Parameter
    traj.f_add_parameter("w", 1 * mV)
    traj.f_add_parameter("spread", np.arange(3.0) * mV)
    traj.f_explore({"w": [-0.1 * mV, -1 * mV]})
    env.run(add_all)
    loaded = load_trajectory(name="b", filename=filename, load_all=2, dynamic_imports=[Brian2Parameter])
    assert same(loaded.spread, np.arange(3.0) * mV)
    assert loaded.f_get("w").f_get_range() == [-0.1 * mV, -1 * mV]
    for index in loaded.f_iter_runs(yields="idx"):
        run = loaded.results.runs.crun
        assert same(run.q.volts, loaded.w * 2)
        assert run.spmon.v_monitor_type == "SpikeMonitor"
        assert run.st.v.shape == (2, 300)
        assert run.spmon.t.dim == ms.dim, index
    column = loaded.f_collect("q.volts")
    assert [float(value / mV) for value in column] == pytest.approx([-0.2, -2.0])


READ = """
import sys
sys.modules["brian2"] = None
import numpy
from pypet_ng import load_trajectory
import pypet_ng.brian2.parameter
t = load_trajectory(name="b", filename=sys.argv[1], load_all=2)
print(t.w, float(t.w), t.w.unit, t.f_get("w").f_get_range(), numpy.asarray(t.array).tolist())
"""


def test_a_file_is_read_without_brian2(tmp_path: pathlib.Path) -> None:
    filename = str(tmp_path / "b.hdf5")
    traj = Trajectory("b", filename=filename, add_time=False)
    traj.f_add_parameter(Brian2Parameter, "w", 2 * mV)
    traj.f_add_parameter(Brian2Parameter, "array", np.arange(2.0) * mV)
    traj.f_explore({"w": [1 * mV]})
    traj.f_store()
    done = subprocess.run(
        [sys.executable, "-c", READ, filename], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0.002 V 0.002 V [PlainQuantity(")
    assert done.stdout.rstrip().endswith("[0.0, 0.001]")


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("mV / ms", 1 * mV / ms),
        ("1. * metre ** 2 * kilogram * second ** -3 * amp ** -1", 1 * brian2.volt),
        ("(nA / cm**2)", 1 * nA / cm**2),
        ("Hz", 1 * brian2.Hz),
    ],
)
def test_units_from_text(text: str, quantity: Any) -> None:
    assert unit_from_expression(text) == quantity
    assert unit_from_expression(text).dim == quantity.dim


@pytest.mark.parametrize("text", ["__import__('os')", "mV + mV", "milivolt", "mV[0]", "'x'", "mV *"])
def test_other_text_is_refused_and_not_executed(text: str) -> None:
    with pytest.raises(UnsupportedValueError, match="in the unit"):
        unit_from_expression(text)


def test_unit_of_a_quantity() -> None:
    assert get_unit_fast(5 * mV) == 1 * brian2.volt
