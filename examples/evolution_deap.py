"""How does an evolutionary search with DEAP become generations of one trajectory?

Run it twice: the second time all values come from the file.
"""

from __future__ import annotations

import random

from deap import base, creator, tools

from pypet_ng import Environment, Generations

POPULATION, GENERATIONS, GENES = 40, 20, 20


def count_ones(traj):
    """The simulation: how many genes are one?"""
    return sum(traj.genes)


def main():
    env = Environment(
        trajectory="one_max", filename="./hdf5/one_max.hdf5", report_progress=False, comment="One max by DEAP"
    )
    traj = env.traj
    traj.f_add_parameter("genes", (0,) * GENES, comment="One individual")
    traj.f_add_parameter("seed", 12, comment="Of the evolution")
    before = traj.seed
    random.seed(before)

    creator.create("Fitness", base.Fitness, weights=(1.0,))
    creator.create("Individual", list, fitness=creator.Fitness)
    toolbox = base.Toolbox()
    toolbox.register("gene", random.randint, 0, 1)
    toolbox.register("individual", tools.initRepeat, creator.Individual, toolbox.gene, GENES)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("mutate", tools.mutFlipBit, indpb=0.05)
    toolbox.register("select", tools.selTournament, tournsize=3)

    generations = Generations(env, count_ones)
    population = toolbox.population(POPULATION)
    for number in range(GENERATIONS):
        fresh = [one for one in population if not one.fitness.valid]
        values = generations.evaluate([{"genes": tuple(one)} for one in fresh])
        for one, value in zip(fresh, values, strict=True):
            one.fitness.values = (value,)
        best = tools.selBest(population, 1)[0]
        print(f"generation {number:2d}: best {best.fitness.values[0]:2.0f} of {GENES}, {len(traj)} runs")
        offspring = [toolbox.clone(one) for one in toolbox.select(population, POPULATION)]
        for mother, father in zip(offspring[::2], offspring[1::2], strict=True):
            if random.random() < 0.5:
                toolbox.mate(mother, father)
                del mother.fitness.values, father.fitness.values
        for one in offspring:
            if random.random() < 0.3:
                toolbox.mutate(one)
                del one.fitness.values
        population = [best, *offspring[1:]]
    traj.f_add_result("best", tuple(best), comment="The best individual")
    traj.f_store()
    print("best:", sum(best), "runs:", len(traj))


if __name__ == "__main__":
    main()
