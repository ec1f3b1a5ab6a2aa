#!/usr/bin/python3
"""PyTorch doing our work: the mean-field pathwise gradient of Bayesian logistic regression, one thread, float64.

One call draws S x D normals, forms z = m + exp(rho) * eps, and gives the gradient of the ELBO in (m, rho): normal(0, 1) priors, entropy
in closed form (PW-CFE). Three ways, from the usual to the best we could write:
  autograd   forward in the obvious way, backward by torch.autograd; gives the value too
  manual     gradient written by hand, whole matrices, value too
  tiled      by hand, gradient only (no log1p), in place, rows in blocks that stay in the cache
Prints CSV: N,D,S,method,seconds (median),best,calls. Lines starting with # say what it ran on.
"""
import argparse
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before torch is imported

import statistics
import sys
import time

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def autograd(x, y, m, rho, samples):
    m = m.detach().requires_grad_()
    rho = rho.detach().requires_grad_()
    eps = torch.randn(samples, m.numel())
    z = m + rho.exp() * eps
    eta = x @ z.T
    log_likelihood = (y[:, None] * eta - torch.nn.functional.softplus(eta)).sum(0)
    log_prior = -0.5 * (z * z).sum(1)
    elbo = (log_likelihood + log_prior).mean() + rho.sum()
    elbo.backward()
    return m.grad, rho.grad


def finish(gradient, eps, scale):
    return gradient.mean(1), (gradient * eps).mean(1) * scale + 1.0


def manual(x, y, m, rho, samples):
    eps = torch.randn(m.numel(), samples)
    scale = rho.exp()
    z = m[:, None] + scale[:, None] * eps
    eta = x @ z
    # The value, as ours gives it with the gradient.
    (torch.dot(y, eta.sum(1)) - torch.nn.functional.softplus(eta).sum() - 0.5 * (z * z).sum()) / samples
    residual = y[:, None] - torch.sigmoid(eta)
    return finish(x.T @ residual - z, eps, scale)


def tiled(x, y, m, rho, samples):
    eps = torch.randn(m.numel(), samples)
    scale = rho.exp()
    z = m[:, None] + scale[:, None] * eps
    gradient = -z
    # Doubles of x and residual in one block: tried 2^15 to 2^20 on each shape, these were the best or near it.
    rows = max(64, 2 ** (19 if samples == 1 else 17) // (x.shape[1] + samples))
    for first in range(0, x.shape[0], rows):
        part = x[first:first + rows]
        residual = part @ z
        residual.sigmoid_().neg_().add_(y[first:first + rows, None])
        gradient.addmm_(part.T, residual)
    return finish(gradient, eps, scale)


METHODS = {"autograd": autograd, "manual": manual, "tiled": tiled}


def measure(call, budget, fewest):
    call()
    call()
    times = []
    end = time.perf_counter() + budget
    while len(times) < fewest or time.perf_counter() < end:
        start = time.thread_time()  # as ours: what others take on the same core is not in it
        call()
        times.append(time.thread_time() - start)
    return times


def blas_in_use():
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if "blas" in line}
    return " ".join(sorted(os.path.basename(os.path.realpath(p)) + " in " + os.path.basename(os.path.dirname(p)) for p in paths))


def check(n=200, d=7, samples=5):
    """All methods give the same gradient on the same noise."""
    x, y, m, rho = data(n, d)
    results = []
    eps = torch.randn(samples, d)
    original = torch.randn
    try:
        for method in METHODS.values():
            torch.randn = lambda *shape: eps if shape == (samples, d) else eps.T.contiguous()
            results.append(torch.cat(method(x, y, m, rho, samples)))
    finally:
        torch.randn = original
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, rtol=1e-10, atol=1e-10)


def data(n, d):
    torch.manual_seed(1)
    x = torch.randn(n, d)
    y = (torch.rand(n) < torch.sigmoid(x @ (torch.randn(d) / d ** 0.5))).double()
    return x, y, 0.1 * torch.randn(d), torch.full((d,), -2.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 10000, 100000])
    parser.add_argument("--columns", type=int, nargs="+", default=[10, 100, 500])
    parser.add_argument("--samples", type=int, nargs="+", default=[1, 16, 128])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--budget", type=float, default=1.0, help="seconds for each point and method")
    parser.add_argument("--fewest", type=int, default=5, help="calls at least")
    arguments = parser.parse_args()

    check()
    print(f"# torch {torch.__version__}, python {sys.version.split()[0]}, one thread, blas: {blas_in_use()}, "
          f"OPENBLAS_CORETYPE={os.environ.get('OPENBLAS_CORETYPE', 'automatic')}")
    print("N,D,S,method,seconds,best,calls")
    for n in arguments.rows:
        for d in arguments.columns:
            x, y, m, rho = data(n, d)
            for samples in arguments.samples:
                for name in arguments.methods:
                    times = measure(lambda: METHODS[name](x, y, m, rho, samples), arguments.budget, arguments.fewest)
                    print(f"{n},{d},{samples},{name},{statistics.median(times):.6e},{min(times):.6e},{len(times)}", flush=True)


if __name__ == "__main__":
    main()
