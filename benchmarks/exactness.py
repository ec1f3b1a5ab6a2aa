#!/usr/bin/python3
"""The price of exactness: whole studies on 2 ranks with --reduce exact and --reduce fast in turns.

Layouts that fold every estimate across ranks: shards=2 (each evaluation) and samples=2 (each estimate). Target: exact at most 5 % longer.
Time is total_seconds of the slowest rank (/execution of run.h5): reading data to the last record, without starting mpirun.
"""
import tempfile

import studies


def main():
    parser = studies.arguments(__doc__, 5)
    options = parser.parse_args()
    print(f"| study | layout | fast s | exact s | exact / fast, median (least to most) | communication share, exact | {studies.load()} |")
    print("|---|---|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as directory:
        specs = {"quickstart, 1024 replicates": studies.quickstart(directory, 1024),
                 "N = 10000, D = 100": studies.synthetic(options.program, directory, 10000, 100)}
        for name, spec in specs.items():
            for layout in ("replicates=1,samples=1,shards=2", "replicates=1,samples=2,shards=1"):
                seconds = {"fast": [], "exact": []}
                share = []
                for repeat in range(options.repeats):
                    for reduce in ("fast", "exact") if repeat % 2 == 0 else ("exact", "fast"):
                        _, run_file = studies.run(options.program, spec, directory, "--ranks", "2", "--threads", "1", "--layout", layout,
                                                  "--reduce", reduce)
                        figures = studies.execution(run_file)
                        seconds[reduce].append(max(figures["total_seconds"]))
                        if reduce == "exact":
                            share.append(max(figures["communication_seconds"]) / max(figures["total_seconds"]))
                ratios = [exact / fast for exact, fast in zip(seconds["exact"], seconds["fast"])]
                print(f"| {name} | {layout.split(',', 1)[1]} | {studies.median(seconds['fast']):.3g} | {studies.median(seconds['exact']):.3g} | "
                      f"{studies.spread(ratios)} | {studies.median(share):.1%} | {studies.load()} |", flush=True)


if __name__ == "__main__":
    main()
