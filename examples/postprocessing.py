"""How can what came out of the runs decide which points come next?"""

from pypet_ng import Environment

TOLERANCE = 0.01


def height(traj):
    """A hill whose top is looked for."""
    value = 3.0 - (traj.x - 1.234) ** 2
    traj.f_add_result("height", value)
    return value


def narrow(traj, results, tolerance):
    """Look closer around the best point so far; None ends the search.

    Called with the pairs of run index and returned value of all runs so far. A dictionary of new points
    is explored, and then this is called again.
    """
    best, value = max(results, key=lambda pair: pair[1])
    points = traj.f_get("x").f_get_range()
    step = min(abs(point - points[best]) for index, point in enumerate(points) if index != best)
    if step < tolerance:
        traj.f_add_result("top", x=points[best], height=value, comment="Where the search ended")
        return None
    return {"x": [points[best] - step / 2, points[best] + step / 2]}


def main():
    env = Environment(trajectory="hill", filename="./hdf5/hill.hdf5", report_progress=False)
    traj = env.traj
    traj.f_add_parameter("x", 0.0)
    traj.f_explore({"x": [-4.0, 0.0, 4.0]})
    env.add_postprocessing(narrow, TOLERANCE)
    results = env.run(height)
    print(f"{len(results)} runs; the top is at {traj.top.x:.2f}, {traj.top.height:.3f} high")


if __name__ == "__main__":
    main()
