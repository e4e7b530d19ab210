"""Results of several items of all kinds, before and after storing."""

import numpy as np
import pandas as pd

from pypet import ObjectTable, PickleResult, Result, Trajectory, load_trajectory
from pypet.utils.comparisons import results_equal


def refused(what, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError, AttributeError) as error:
        kinds = [kind.__name__ for kind in (TypeError, ValueError, AttributeError) if isinstance(error, kind)]
        print(what, "->", kinds[0])
    else:
        print(what, "-> fine")


def show(result):
    """Print each item with its type."""
    print(result.v_full_name, "(%s)" % result.v_comment, len(result.f_to_dict()))
    for name, value in sorted(result.f_to_dict().items()):
        kind = type(value).__name__
        if isinstance(value, np.ndarray):
            print("  ", name, kind, value.dtype, value.shape, value.tolist())
        elif isinstance(value, pd.Series):
            print("  ", name, kind, value.name, value.tolist(), value.index.tolist())
        elif isinstance(value, pd.DataFrame):
            print("  ", name, kind, value.to_dict(orient="list"), value.index.tolist())
        elif isinstance(value, np.generic):
            print("  ", name, kind, value.item())
        else:
            print("  ", name, kind, value)


def main():
    traj = Trajectory("results", filename="results.hdf5", add_time=False)
    first = traj.f_add_result("first", 11, 12.5, "three", last=[1, 2], comment="Items with and without names")
    print(first.first, first.first_1, first.first_2, first.f_get("last"), first.f_get(0), first.f_get(1))
    print(first.f_get("first", "first_2"), "last" in first, "other" in first)
    print(first["first"], first["first_1"], first[2], sorted(first))
    refused("f_get of many", first.f_get)
    refused("f_get of none", Result("empty").f_get)
    refused("unknown", first.f_get, "unknown")
    refused("set", first.f_set, object())
    del first["first_2"]
    first.f_remove("first_1")
    first.extra = {"a": 1, "b": 2.5, "c": "see"}
    first["first_7"] = b"bytes"
    print(first.f_get(7), first.f_contains("extra") if hasattr(first, "f_contains") else "extra" in first)

    arrays = traj.f_add_result("deep.arrays", comment="Arrays")
    arrays.f_set(
        ints=np.arange(6).reshape(2, 3),
        floats=np.array([0.5, -1.5], dtype=np.float32),
        flags=np.array([True, False]),
        cplx=np.array([1j, 2 + 0.5j]),
        words=np.array(["one", "three"]),
    )
    arrays.f_set_single("tuple", (1, 2, 3))
    arrays["nested.name.of.item"] = 3
    scalars = traj.f_add_result("deep.scalars", comment="Scalars")
    scalars.f_set(
        i=-3,
        f=1.0e-300,
        b=False,
        c=1 - 2j,
        t="umlaut ä",
        e=[],
        s=np.int16(7),
        d=np.float64(0.1),
        bits=b"\x01",
    )
    frames = traj.f_add_result("frames")
    frames.f_set(pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, float("inf")]}, index=[10, 20, 30]))
    frames.series = pd.Series([1.0, 2.0], index=["u", "v"], name="volt")
    frames.table = ObjectTable(data={"mixed": ["a", "b"], "numbers": [1, 2]}, columns=["mixed", "numbers"])
    traj.f_add_result(PickleResult, "pickled", any=[1, ("two", {3})], comment="Anything")
    traj.f_add_result("single", 99)
    traj.results.single2 = Result("single2", 5, comment="by assignment")

    print(traj.single, traj.results.single2, traj.f_get("single").f_get(), type(traj.first).__name__)
    traj.single = 100
    print(traj.single, traj.f_get("single").f_to_dict())
    refused("several items", setattr, traj, "first", 3)
    print(first.f_supports_fast_access(), traj.f_get("single").f_supports_fast_access())
    print(traj.f_get("first").f_translate_key(3), first.f_translate_key(0))
    traj.f_store()
    traj.f_get("single").more = "later"
    traj.f_store()

    again = load_trajectory(name="results", filename="results.hdf5", load_all=2)
    for name in ("first", "deep.arrays", "deep.scalars", "frames", "pickled", "single"):
        show(again.f_get(name))
        print("   equal", results_equal(traj.f_get(name), again.f_get(name)))
    print(
        again.f_get("arrays.nested.name.of.item")
        if "nested" in again.deep.arrays
        else again.deep.arrays["nested.name.of.item"]
    )
    print(again.f_get("pickled").f_get_class_name(), again.f_get("frames").f_get_class_name())

    part = load_trajectory(name="results", filename="results.hdf5", load_results=1)
    part.f_load_item("deep.scalars", load_only=["i", "t"])
    print(sorted(part.scalars.f_to_dict()))
    part.f_load_item("deep.arrays", load_except=["words", "cplx", "nested.name.of.item"])
    print(sorted(part.arrays.f_to_dict()))
    part.f_delete_item("deep.scalars", delete_only=["i"], remove_from_item=True)
    part.scalars.f_empty()
    part.f_load_item("deep.scalars")
    print(sorted(part.scalars.f_to_dict()))
    part.scalars.f_empty()
    print(part.scalars.f_is_empty(), part.f_get("deep.scalars").f_to_dict())
    part.f_delete_item("deep.arrays", remove_from_trajectory=True)
    print(
        "arrays" in part.deep,
        part.f_contains("deep.scalars", shortcuts=False),
        part.f_contains("results.deep.scalars"),
    )


if __name__ == "__main__":
    main()
