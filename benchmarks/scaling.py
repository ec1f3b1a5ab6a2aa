#!/usr/bin/python3
"""What a second core buys: the quickstart study on 1 rank x 1 thread, 2 ranks x 1 thread and 1 rank x 2 threads, in turns.

Wall time of the whole process, mpirun and report included; total_seconds is the study by its own clock. Target: 1.8 times as fast.
The limit is taken in the same turns: two copies of the study on 1 rank x 1 thread at once, which share nothing but the machine, and what two
copies in that time are worth. Where clock, cache and memory are shared, or others use the cores as well, that is below 2.
"""
import concurrent.futures
import tempfile

import studies

KINDS = {"1 rank x 1 thread": ("--ranks", "1", "--threads", "1"),
         "2 ranks x 1 thread": ("--ranks", "2", "--threads", "1"),
         "1 rank x 2 threads": ("--ranks", "1", "--threads", "2")}


def two_copies(program, spec, directory, how):
    """Wall seconds and total_seconds of two studies started at once, the slower one's."""
    with concurrent.futures.ThreadPoolExecutor() as pool, tempfile.TemporaryDirectory(dir=directory) as other:
        runs = list(pool.map(lambda place: studies.run(program, spec, place, *how), (directory, other)))
        return max(seconds for seconds, _ in runs), max(max(studies.execution(file)["total_seconds"]) for _, file in runs)


def main():
    parser = studies.arguments(__doc__, 5)
    parser.add_argument("--replicates", type=int, default=16384, help="of the study (default: %(default)s)")
    options = parser.parse_args()
    wall = {name: [] for name in KINDS}
    total = {name: [] for name in KINDS}
    copies = []
    before = studies.load()
    with tempfile.TemporaryDirectory() as directory:
        spec = studies.quickstart(directory, options.replicates)
        for _ in range(options.repeats):
            for name, how in KINDS.items():
                seconds, run_file = studies.run(options.program, spec, directory, *how)
                wall[name].append(seconds)
                total[name].append(max(studies.execution(run_file)["total_seconds"]))
            copies.append(two_copies(options.program, spec, directory, KINDS[next(iter(KINDS))]))
    single = next(iter(KINDS))
    print(f"{options.replicates} replicates, {options.repeats} runs each; {before} before, {studies.load()} after\n")
    print("| | wall s, median (least to most) | speedup of medians | of least times | of total_seconds | wall - total_seconds |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in KINDS:
        print(f"| {name} | {studies.spread(wall[name])} | {studies.median(wall[single]) / studies.median(wall[name]):.2f} | "
              f"{min(wall[single]) / min(wall[name]):.2f} | {studies.median(total[single]) / studies.median(total[name]):.2f} | "
              f"{studies.median([w - t for w, t in zip(wall[name], total[name])]):.2f} s |")
    both, study = zip(*copies)
    print(f"| limit: 2 copies at once | {studies.spread(both)} | {2 * studies.median(wall[single]) / studies.median(both):.2f} | "
          f"{2 * min(wall[single]) / min(both):.2f} | {2 * studies.median(total[single]) / studies.median(study):.2f} | "
          f"{studies.median([w - t for w, t in copies]):.2f} s |")


if __name__ == "__main__":
    main()
