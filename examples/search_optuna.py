"""How does Optuna search by ask and tell, five trials at a time?"""

from __future__ import annotations

import optuna

from pypet_ng import Environment, Generations


def simulate(traj):
    """The simulation: a valley with its lowest point at rate = 2, gain = -1."""
    loss = (traj.rate - 2.0) ** 2 + (traj.gain + 1.0) ** 2
    traj.f_add_result("loss", loss)
    return loss


class Study:
    """Gives points of an Optuna study and takes their values."""

    def __init__(self, study, space, size, generations):
        self._study, self._space, self._size, self._left = study, space, size, generations
        self._trials = []

    def ask(self):
        """Give the points of the next trials."""
        self._left -= 1
        self._trials = [self._study.ask(self._space) for _ in range(self._size)] if self._left >= 0 else []
        return [trial.params for trial in self._trials]

    def tell(self, points, values):
        """Tell the study what came of them."""
        for trial, value in zip(self._trials, values, strict=True):
            self._study.tell(trial, value)


def main():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    env = Environment(trajectory="study", filename="./hdf5/study.hdf5", report_progress=False)
    env.traj.f_add_parameter("rate", 0.0)
    env.traj.f_add_parameter("gain", 0.0)
    space = {
        "rate": optuna.distributions.FloatDistribution(-5.0, 5.0),
        "gain": optuna.distributions.FloatDistribution(-5.0, 5.0),
    }
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    Generations(env, simulate).search(Study(study, space, size=5, generations=12))
    print(f"best loss {study.best_value:.4f} at {study.best_params}, {len(env.traj)} runs")


if __name__ == "__main__":
    main()
