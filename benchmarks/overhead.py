#!/usr/bin/python3
"""Where a study's seconds go: the share that is not kernel_seconds, by the run's own counters (/execution of run.h5).

Synthetic logistic data of 10 000 and 100 000 rows, one rank, one thread, all rows and minibatches. Target: below 5 % outside kernels.
`whole run` is one study with reading and starting in it; the other columns are the difference to a study of four times the replicates, so that
what is paid once drops out. Draws (rows and normals) are an estimate's own arithmetic, the rest is the framework's.
"""
import tempfile

import studies

PARTS = ("draw", "estimator", "communication")


def figures_of(program, spec, directory):
    _, run_file = studies.run(program, spec, directory, "--ranks", "1", "--threads", "1")
    return {name: values[0] for name, values in studies.execution(run_file).items()}


def main():
    options = studies.arguments(__doc__, 3).parse_args()
    print("| N | D | rows of an estimate | whole run s | outside kernels | a replicate us | outside kernels, median (least to most) | draws | estimators "
          "| communication | rest | framework (all but draws) |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as directory:
        for rows, columns, batch, replicates in ((10000, 10, '"all"', 1024), (10000, 100, '"all"', 256), (100000, 10, '"all"', 128),
                                                 (100000, 100, '"all"', 64), (10000, 10, "500", 8192), (10000, 100, "500", 4096),
                                                 (100000, 100, "500", 4096)):
            specs = [studies.synthetic(options.program, directory, rows, columns, tile=1024 if rows >= 100000 else 256, replicates=count,
                                       batch=batch, steps=20) for count in (replicates, 4 * replicates)]
            found = {name: [] for name in ("run", "run_outside", "each", "outside", *PARTS, "rest", "framework")}
            for _ in range(options.repeats):
                short, long = (figures_of(options.program, spec, directory) for spec in specs)
                difference = {name: long[name] - short[name] for name in long}
                total = difference["total_seconds"]
                shares = {name: difference[f"{name}_seconds"] / total for name in PARTS}
                shares["outside"] = 1 - difference["kernel_seconds"] / total
                shares["rest"] = shares["outside"] - sum(shares[name] for name in PARTS)
                shares["framework"] = shares["outside"] - shares["draw"]
                shares["run"] = short["total_seconds"]
                shares["run_outside"] = 1 - short["kernel_seconds"] / short["total_seconds"]
                shares["each"] = total / (3 * replicates) * 1e6
                for name, value in shares.items():
                    found[name].append(value)
            median = {name: studies.median(values) for name, values in found.items()}
            cells = " | ".join(f"{median[name]:.1%}" for name in (*PARTS, "rest", "framework"))
            print(f"| {rows} | {columns} | {batch.strip(chr(34))} | {median['run']:.3g} | {median['run_outside']:.1%} | {median['each']:.3g} | "
                  f"{median['outside']:.1%} ({min(found['outside']):.1%} to {max(found['outside']):.1%}) | {cells} |", flush=True)
    print(f"\n{studies.load()}")


if __name__ == "__main__":
    main()
