#!/usr/bin/python3
"""Posterior moments of Bayesian logistic regression on breast_cancer.csv, for reference.mean and reference.sd of a fit's spec.

Standardised columns (population sd) and an intercept, normal priors of sd 1; Hamiltonian Monte Carlo, many chains at once, in coordinates
whitened by the Laplace approximation. Independent of variscope. Usage: make_breast_cancer_reference.py > reference.toml
"""

import pathlib
import sys

import numpy as np

# Trajectories of a quarter turn: those of half a turn would flip the sign of u, which squares never notice.
CHAINS, WARM_UP, DRAWS, LEAPFROG, STEP = 64, 200, 4000, 4, 0.4


def main() -> None:
    table = np.loadtxt(pathlib.Path(__file__).with_name("breast_cancer.csv"), delimiter=",", skiprows=1)
    x, y = table[:, :-1], table[:, -1]
    x = np.column_stack([(x - x.mean(0)) / x.std(0), np.ones(len(x))])
    dim = x.shape[1]

    def log_density(z):  # dim x chains
        eta = x @ z
        return y @ eta - np.logaddexp(0, eta).sum(0) - 0.5 * (z**2).sum(0)

    def gradient(z):
        return x.T @ (y[:, None] - 1 / (1 + np.exp(-(x @ z)))) - z

    mode = np.zeros((dim, 1))
    for _ in range(50):  # Newton
        p = 1 / (1 + np.exp(-(x @ mode)))
        hessian = x.T @ (x * (p * (1 - p))) + np.eye(dim)
        mode += np.linalg.solve(hessian, gradient(mode))
    white = np.linalg.cholesky(np.linalg.inv(hessian))

    rng = np.random.default_rng(20260703)
    u = rng.standard_normal((dim, CHAINS))
    means, squares, accepted = np.zeros((dim, CHAINS)), np.zeros((dim, CHAINS)), 0.0
    for draw in range(WARM_UP + DRAWS):
        momentum = rng.standard_normal((dim, CHAINS))
        new, m = u, momentum
        step = STEP * rng.uniform(0.8, 1.2)
        m = m + 0.5 * step * white.T @ gradient(mode + white @ new)
        for leap in range(LEAPFROG):
            new = new + step * m
            m = m + (step if leap + 1 < LEAPFROG else 0.5 * step) * white.T @ gradient(mode + white @ new)
        log_ratio = log_density(mode + white @ new) - 0.5 * (m**2).sum(0) - log_density(mode + white @ u) + 0.5 * (momentum**2).sum(0)
        accept = np.log(rng.uniform(size=CHAINS)) < log_ratio
        u = np.where(accept, new, u)
        if draw >= WARM_UP:
            z = mode + white @ u
            means += z / DRAWS
            squares += (z - mode) ** 2 / DRAWS
            accepted += accept.mean() / DRAWS
    # Chains are independent of each other: their spread is the error.
    mean = means.mean(1)
    variances = squares - (means - mode) ** 2  # of each chain about its own mean: their spread is the error of the variance
    sd = np.sqrt((squares.mean(1) - (mean - mode[:, 0]) ** 2))
    mean_error = means.std(1, ddof=1) / np.sqrt(CHAINS)
    sd_error = variances.std(1, ddof=1) / np.sqrt(CHAINS) / (2 * sd)
    print(f"acceptance {accepted:.3f}, largest error of a mean in posterior sds {np.max(mean_error / sd):.4f}", file=sys.stderr)
    for name, values, digits in (("mean", mean, 5), ("sd", sd, 5), ("mean_error", mean_error, 2), ("sd_error", sd_error, 2)):
        print(f"{name} = [{', '.join(f'{v:.{digits}g}' for v in values)}]")


if __name__ == "__main__":
    main()
