"""How does one keep results that are too large to stay in memory together?"""

import numpy as np

from pypet_ng import Environment, load_trajectory

FILENAME = "./hdf5/films.hdf5"
FRAMES, SIZE = 4, 200


def film(traj):
    """Make one picture after the other; each leaves memory as soon as it is in the file."""
    row = np.linspace(-1.0, 1.0, SIZE)
    for number in range(FRAMES):
        frame = np.exp(-traj.width * (row[:, None] ** 2 + (row - number / FRAMES) ** 2))
        result = traj.f_add_result(f"frames.f{number}", picture=frame, brightest=float(frame.max()))
        traj.f_store_item(result)
        result.f_empty()


def simulate():
    env = Environment(trajectory="films", filename=FILENAME, report_progress=False)
    env.traj.f_add_parameter("width", 1.0)
    env.traj.f_explore({"width": [0.5, 8.0]})
    env.run(film)


def analyse():
    """Load one item at a time, and give its memory back."""
    traj = load_trajectory("films", filename=FILENAME)
    frame = traj.results.runs.run_00000001.frames.f_get("f2")
    traj.f_load_item(frame, load_only="brightest")
    print(f"without the picture: {sorted(frame.f_to_dict())} = {frame.brightest:.3f}")
    traj.f_load_item(frame, load_only="picture")
    print(f"with it: {frame.picture.nbytes / 1e3:.0f} kB")
    frame.f_empty()
    column = traj.f_collect("frames.f0.picture")  # nothing is read yet
    print(f"over all runs: {len(column)} pictures; of the last one the mean is {column[1].mean():.3f}")


if __name__ == "__main__":
    simulate()
    analyse()
