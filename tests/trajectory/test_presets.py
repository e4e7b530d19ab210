"""Do presets reach the parameters they are for?"""

from __future__ import annotations

import pytest

from pypet_ng import Environment, PresettingError, Trajectory


def test_a_preset_replaces_the_value_given_when_adding() -> None:
    traj = Trajectory("t")
    traj.f_preset_parameter("g.x", 5)
    traj.f_preset_parameter("parameters.y", 6)
    traj.f_preset_config("c", 7)
    assert traj.f_add_parameter("g.x", 1).f_get() == 5
    assert traj.parameters.f_add_parameter("y", 1).f_get() == 6
    assert traj.f_add_config("c", 1).f_get() == 7
    traj.f_remove_items(["g.x"])
    assert traj.f_add_parameter("g.x", 1).f_get() == 1, "it counts once"


def test_a_preset_that_comes_too_late_is_refused() -> None:
    traj = Trajectory("t")
    traj.f_add_parameter("x", 1)
    with pytest.raises(ValueError, match="there already"):
        traj.f_preset_parameter("x", 2)


def test_a_preset_nobody_added_stops_the_run() -> None:
    env = Environment(filename=":memory:")
    env.traj.f_preset_parameter("mispelt", 1)
    with pytest.raises(PresettingError, match=r"parameters\.mispelt"):
        env.run(lambda traj: None)


def test_parameters_are_locked_by_branch() -> None:
    traj = Trajectory("t")
    x, empty = traj.f_add_parameter("x", 1), traj.f_add_parameter("empty")
    d = traj.f_add_derived_parameter("d", 1)
    traj.f_lock_parameters()
    assert (x.v_locked, empty.v_locked, d.v_locked) == (True, False, False)
    traj.f_lock_derived_parameters()
    assert d.v_locked
