#!/usr/bin/python3
"""Studies of big tables: memory and seconds against what `variscope plan` said, what each rank holds, and a minibatch step over N.

SEEDS B7 (400 000 x 100, columnwise_normal) and logistic regression (2 000 000 x 100, 1.6 GB) on 2 ranks; logistic regression with
minibatches of 500 rows at N = 1e4, 1e5, 2e6. Data are made in --directory and kept.
"""
import pathlib
import re
import subprocess
import sys

import studies


def spec(directory, data, model, batch, replicates, steps):
    path = directory / f"{model}_{data.stem}_{batch.strip(chr(34))}_{replicates}.toml"
    prior = 'prior_sd = 5.0' if model == "columnwise_normal" else 'prior_sd = 1.0'
    path.write_text(f"""[study]
name = "at_size"
seed = 1

[data]
file = "{data}"
row_tile = 1024

[model]
name = "{model}"
{prior}

[family]
name = "mean_field_gaussian"

[path]
steps = {steps}
step_size = 0.02
samples = 4
batch_rows = 500
points = [0, 100]
optimum = false

[estimators]
names = ["pw_cfe"]
samples = 4
batch_rows = {batch}

[replicates]
count = {replicates}
batches = 32
""", encoding="utf-8")
    return path


def make(options, name, model, rows):
    data = options.directory / name
    if not data.exists():
        subprocess.run([str(options.program), "data", "synth", str(data), "--model", model, "--rows", str(rows), "--columns", "100"],
                       check=True, stdout=subprocess.DEVNULL)
    return data


def planned(options, path, ranks):
    """MiB and seconds that the plan predicts of a rank."""
    text = subprocess.run([str(options.program), "plan", str(path), "--ranks", str(ranks), "--threads", "1",
                           "--layout", LAYOUT[ranks], "--time"], check=True, stdout=subprocess.PIPE, text=True).stdout
    amount, unit = re.search(r"\n  memory +([\d.e+]+) (\w+)", text).groups()
    factor = {"B": 2.0**-20, "KiB": 2.0**-10, "MiB": 1, "GiB": 1024}[unit]
    seconds = re.search(r"\n  seconds +([\d.e+-]+)", text)
    return float(amount) * factor, float(seconds.group(1))


# Each rank holds its share; a single rank all.
LAYOUT = {1: "replicates=1,samples=1,shards=1", 2: "replicates=1,samples=1,shards=2"}

MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)
"""


def measured(options, path, ranks):
    """Peak MiB of the largest rank, CPU seconds of a rank, /execution. Others on the machine take wall seconds, not these."""
    output = options.directory / "run"
    text = subprocess.run([sys.executable, "-c", MEASURE, str(options.program), "run", str(path), "--output", str(output), "--overwrite",
                           "--quiet", "--ranks", str(ranks), "--threads", "1", "--layout", LAYOUT[ranks]], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    mib, seconds = (float(x) for x in text.split())
    return mib, seconds / ranks, studies.execution(output / "run.h5")


def main():
    parser = studies.arguments(__doc__, 1)
    parser.add_argument("--directory", type=pathlib.Path, required=True, help="where data and runs go: 2.5 GB")
    options = parser.parse_args()
    logistic = make(options, "l2m.h5", "logistic", 2000000)
    columnwise = make(options, "b7.h5", "columnwise_normal", 400000)
    print("| study | ranks | rows held by each | planned MiB | peak MiB | planned / peak | planned s | CPU s of a rank | planned / CPU | wall s |")
    print("|---|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, data, model, batch, replicates in (("B7, all rows", columnwise, "columnwise_normal", '"all"', 256),
                                                 ("B7, 500 rows", columnwise, "columnwise_normal", "500", 16384),
                                                 ("logistic 2e6, all rows", logistic, "logistic_regression", '"all"', 32),
                                                 ("logistic 2e6, 500 rows", logistic, "logistic_regression", "500", 16384)):
        path = spec(options.directory, data, model, batch, replicates, 50)
        for ranks in (2, 1):
            mib, seconds = planned(options, path, ranks)
            peak, cpu, figures = measured(options, path, ranks)
            held = " + ".join(f"{x:.0f}" for x in figures["data_rows_held"])
            print(f"| {name} | {ranks} | {held} | {mib:.0f} | {peak:.0f} | {mib / peak:.2f} | {seconds:.3g} | {cpu:.3g} | {seconds / cpu:.2f} "
                  f"| {max(figures['total_seconds']):.3g} |", flush=True)
    print("\n| N | us an estimate of 500 rows by the run's own counters, 1 rank |\n|---:|---:|")
    for rows in (10000, 100000, 2000000):
        data = logistic if rows == 2000000 else make(options, f"l{rows}.h5", "logistic", rows)
        few, many = 4096, 20480
        seconds = []
        for count in (few, many):
            figures = measured(options, spec(options.directory, data, "logistic_regression", "500", count, 1), 1)[2]
            seconds.append(sum(figures[f"{part}_seconds"][0] for part in ("kernel", "draw", "estimator", "communication")))
        # Two points of the path; the difference leaves references out. Reading is in none of these counters: at N = 2e6 it varies by more than
        # all estimates take together.
        print(f"| {rows} | {(seconds[1] - seconds[0]) / (2 * (many - few)) * 1e6:.1f} |", flush=True)
    print(f"\n{studies.load()}")


if __name__ == "__main__":
    main()
