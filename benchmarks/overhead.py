#!/usr/bin/python3
"""Where a study's seconds go: the share of total_seconds that is not kernel_seconds, by the run's own counters (/execution of run.h5).

Synthetic logistic data of 10 000 and 100 000 rows, one rank, one thread, all rows and minibatches. Target: below 5 % with all rows.
"""
import tempfile

import studies


def main():
    options = studies.arguments(__doc__, 3).parse_args()
    print("| N | D | rows of an estimate | total s | outside kernels, median (least to most) | draws | estimators | communication | rest |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as directory:
        for rows, columns, batch, replicates in ((10000, 10, '"all"', 1024), (10000, 100, '"all"', 256), (100000, 10, '"all"', 128),
                                                 (100000, 100, '"all"', 64), (10000, 10, "500", 8192), (10000, 100, "500", 4096),
                                                 (100000, 100, "500", 4096)):
            spec = studies.synthetic(options.program, directory, rows, columns, tile=1024 if rows >= 100000 else 256, replicates=replicates,
                                     batch=batch, steps=20)
            parts = {name: [] for name in ("total", "outside", "draw", "estimator", "communication", "rest")}
            for _ in range(options.repeats):
                _, run_file = studies.run(options.program, spec, directory, "--ranks", "1", "--threads", "1")
                figures = {name: values[0] for name, values in studies.execution(run_file).items()}
                total = figures["total_seconds"]
                shares = {name: figures[f"{name}_seconds"] / total for name in ("draw", "estimator", "communication")}
                shares["outside"] = 1 - figures["kernel_seconds"] / total
                shares["rest"] = shares["outside"] - shares["draw"] - shares["estimator"] - shares["communication"]
                shares["total"] = total
                for name, value in shares.items():
                    parts[name].append(value)
            cells = [f"{studies.median(parts[name]):.1%}" for name in ("draw", "estimator", "communication", "rest")]
            print(f"| {rows} | {columns} | {batch.strip(chr(34))} | {studies.median(parts['total']):.3g} | {studies.median(parts['outside']):.1%} "
                  f"({min(parts['outside']):.1%} to {max(parts['outside']):.1%}) | {' | '.join(cells)} |", flush=True)
    print(f"\n{studies.load()}")


if __name__ == "__main__":
    main()
