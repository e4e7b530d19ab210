"""How are runs shared among several processes?"""

import os

from pypet_ng import Environment

OPTIONS = {"report_progress": False, "overwrite_file": True}


def count_steps(traj, start):
    """Count the steps until the rule `n/2 or 3n+1` comes to one."""
    number, steps = start + traj.offset, 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    traj.f_add_result("steps", steps)
    traj.f_add_result("pid", os.getpid(), comment="Which process did this run")
    return steps


def sweep(name, **workers):
    """All that differs between one process and several are keywords of the environment."""
    env = Environment(trajectory=name, filename=f"./hdf5/{name}.hdf5", **OPTIONS, **workers)
    traj = env.traj
    traj.f_add_parameter("offset", 0)
    traj.f_explore({"offset": list(range(40))})
    returned = env.run(count_steps, 1000)
    return returned, set(traj.f_collect("pid").values())


if __name__ == "__main__":  # not needed: workers do not import the script again
    alone, here = sweep("alone")
    shared, workers = sweep("shared", multiproc=True, ncores=2)
    print(f"the same results: {alone == shared}, longest: {max(steps for _, steps in alone)} steps")
    print(f"done in this process: {here == {os.getpid()}}, then by workers: {os.getpid() not in workers}")
