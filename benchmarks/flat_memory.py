#!/usr/bin/python3
"""Is memory flat in the number of replicates? One estimate of one sample on a Gaussian target of 1000 coordinates, 1e4 to 1e6 replicates.

One rank; peak resident set of the whole run (getrusage of the child) and where its seconds went. The moments of 2000 parameters in 64 batches are
2 MB; 1e6 gradients would be 16 GB. Target: the peak at 1e6 replicates within 5 % of that at 1e4.
"""
import os
import pathlib
import subprocess
import tempfile
import time

import studies


def spec(directory, dim, replicates):
    """A banded precision matrix, 2 on the diagonal and -0.5 beside it; the model treats it as dense."""
    entry = {0: "2", 1: "-0.5"}
    rows = [",".join(entry.get(abs(i - j), "0") for j in range(dim)) for i in range(dim)]
    path = pathlib.Path(directory) / f"gaussian_{replicates}.toml"
    path.write_text(f"""[study]
name = "flat_memory"
seed = 1

[model]
name = "gaussian"
precision = [{",".join(rows)}]

[path]
steps = 0
points = [0]
optimum = false

[estimators]
names = ["pw_cfe"]
samples = 1

[replicates]
count = {replicates}
batches = 64
""", encoding="utf-8")
    return path


def measure(program, path, directory, threads):
    """Wall seconds, peak resident MiB and /execution of one run."""
    output = pathlib.Path(directory) / "run"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    start = time.perf_counter()
    child = subprocess.Popen([str(program), "run", str(path), "--output", str(output), "--overwrite", "--quiet", "--threads", str(threads)],
                             stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{path}: the run failed ({child.returncode})")
    figures = {name: values[0] for name, values in studies.execution(output / "run.h5").items()}
    return time.perf_counter() - start, usage.ru_maxrss / 1024, figures


def main():
    parser = studies.arguments(__doc__, 1)
    parser.add_argument("--dim", type=int, default=1000, help="coordinates (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads (default: %(default)s)")
    parser.add_argument("--replicates", type=int, nargs="+", default=[10**4, 10**5, 10**6], help="numbers of replicates (default: 1e4 1e5 1e6)")
    options = parser.parse_args()
    names = ("kernel", "draw", "estimator", "communication")
    print(f"| replicates | peak MiB | wall s | us a replicate | {' | '.join(names)} | rest |")
    print("|---:" * (5 + len(names)) + "|")
    with tempfile.TemporaryDirectory() as directory:
        for replicates in options.replicates:
            path = spec(directory, options.dim, replicates)
            runs = [measure(options.program, path, directory, options.threads) for _ in range(options.repeats)]
            total = studies.median([figures["total_seconds"] for _, _, figures in runs])
            shares = [studies.median([figures[f"{name}_seconds"] for _, _, figures in runs]) / total for name in names]
            cells = [f"{share:.1%}" for share in (*shares, 1 - sum(shares))]
            print(f"| {replicates} | {max(peak for _, peak, _ in runs):.1f} | {studies.median([wall for wall, _, _ in runs]):.1f} | "
                  f"{total / replicates * 1e6:.3g} | {' | '.join(cells)} |", flush=True)
    print(f"\n{studies.load()}")


if __name__ == "__main__":
    main()
