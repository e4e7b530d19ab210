"""What do points of a Space cost? Run: python scripts/bench/spaces.py

Figures are medians of repeats in one process; the same with and without JAX: --without-jax.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

if "--without-jax" in sys.argv:
    sys.modules["jax"] = None  # type: ignore[assignment]

from measure import Sheet, cpu, peak_mb

from pypet_ng.spaces import DataAxis, GridAxis, SeedAxis, Space, UniformAxis

CALLS = 2000


def per_call(call: Callable[[int], object]) -> float:
    """Give CPU microseconds of one of many calls."""
    return cpu(lambda: [call(number) for number in range(CALLS)], 9) / CALLS * 1e6


def state(n: int) -> dict[str, Any]:
    return {
        "a": GridAxis(0.0, 1.0, n),
        "b": {"c": UniformAxis(0.0, 1.0, n), "d": GridAxis(0.0, 2.0, n)},
        "w": 1.0,
    }


def main() -> int:
    sheet = Sheet("spaces")
    Space(state(3), "product")[0]  # imports and first compilations of JAX are not what is measured
    big = Space(state(1000), "product")
    taken = cpu(lambda: Space(state(1000), "product"), 9)
    sheet.enter("hold a product of 10^9 points", taken * 1e3, "ms", 5, seconds=taken)
    before = peak_mb()
    big[0]
    taken = cpu(lambda: big.plan(), 9)
    sheet.enter("plan of a product of 10^9 points", taken * 1e3, "ms", 10, seconds=taken)
    sheet.enter("  its memory, with values", peak_mb() - before, "MB", 30)
    for number in range(0, 10**9, 10**9 // 5000):  # leaves of an axis are made once
        big[number]
    value = per_call(lambda number: big[number * 333_001])
    sheet.enter("space[i] in 10^9 points, leaves made before", value, "us", 20, seconds=value / 1e6)
    small = Space({"k": SeedAxis(8), **state(8)}, "product")
    list(small[:100])
    value = per_call(lambda number: small[number])
    sheet.enter("space[i] in 4096 points, with keys", value, "us", 20, seconds=value / 1e6)
    plain = [column[0] for column in big.gather(slice(0, 1))]
    value = per_call(lambda number: big.layout.build(plain))
    sheet.enter("a state of plain values, as runs get it", value, "us", 20, seconds=value / 1e6)
    rows = Space({name: UniformAxis(0.0, 1.0, 100_000) for name in "abc"})
    for number in (9, 20, 21, 22):  # compiles both ways to make leaves
        rows[number]
    value = cpu(lambda: [rows[number] for number in range(100, 9100)]) / 9000 * 1e6
    sheet.enter("space[i], three new values each, in order", value, "us", 100, seconds=value / 1e6)
    value = cpu(lambda: [rows[number * 7919 % 100_000] for number in range(4000)]) / 4000 * 1e6
    sheet.enter("space[i], three new values each, at random", value, "us", 300, seconds=value / 1e6)
    taken = cpu(lambda: rows.gather(), 9)
    sheet.enter("plain values of 10^5 points, 3 axes", taken * 1e3, "ms", 20, seconds=taken)
    taken = cpu(
        lambda: Space({"x": DataAxis(range(1000)), "y": DataAxis(range(1000))}, "product").to_dataframe(), 3
    )
    sheet.enter("data frame of 10^6 points", taken * 1e3, "ms", 500, seconds=taken)
    return len(sheet.failed)


if __name__ == "__main__":
    sys.exit(main())
