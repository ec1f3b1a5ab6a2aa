#!/usr/bin/python3
"""Our mean-field gradient beside PyTorch's on the same grid: a Markdown table, exit status 1 if we are behind anywhere.

Ours: a program or CSV file with the columns N,D,S,seconds. Theirs: pytorch_logistic.py, run here, or its CSV file.
"""
import argparse
import csv
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def lines_of(source, fallback, core_type="automatic"):
    """The lines of a CSV file, or what a program prints."""
    path = pathlib.Path(source) if source else None
    if path and path.suffix == ".csv":
        return path.read_text(encoding="utf-8").splitlines()
    command = [str(path)] if path else fallback
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    environment.pop("OPENBLAS_CORETYPE", None)
    if core_type != "automatic":
        environment["OPENBLAS_CORETYPE"] = core_type
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout.splitlines()


def rows_of(lines):
    return list(csv.DictReader(line for line in lines if line and not line.startswith("#")))


def point(row):
    return int(row["N"]), int(row["D"]), int(row["S"])


def shown(seconds):
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale or unit == "us":
            return f"{seconds / scale:.3g} {unit}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", default="build/bench/benchmarks/mean_field_gradient", help="program, or .csv file of its output")
    parser.add_argument("--torch", help=".csv file of pytorch_logistic.py's output (default: run it now, beside ours)")
    parser.add_argument("--core-type", default="automatic",
                        help="OPENBLAS_CORETYPE for PyTorch: the best one according to the program `limits` (default: automatic)")
    parser.add_argument("--save-torch", type=pathlib.Path, help="where to keep PyTorch's CSV")
    arguments = parser.parse_args()

    ours = {point(row): float(row["seconds"]) for row in rows_of(lines_of(arguments.ours, None))}
    torch_lines = lines_of(arguments.torch, ["/usr/bin/python3", str(HERE / "pytorch_logistic.py")], arguments.core_type)
    if arguments.save_torch:
        arguments.save_torch.write_text("\n".join(torch_lines) + "\n", encoding="utf-8")
    for line in torch_lines:
        if line.startswith("#"):
            print(line[1:].strip() + "\n")

    peers = {}
    methods = []
    for row in rows_of(torch_lines):
        peers.setdefault(point(row), {})[row["method"]] = float(row["seconds"])
        if row["method"] not in methods:
            methods.append(row["method"])

    print("| N | D | S | ours | " + " | ".join(f"torch {name}" for name in methods) + " | best torch / ours |")
    print("|" + "---:|" * (5 + len(methods)))
    behind = 0
    for key in sorted(peers):
        if key not in ours:
            print(f"| {key[0]} | {key[1]} | {key[2]} | not measured |" + " |" * (len(methods) + 1))
            behind += 1
            continue
        ratio = min(peers[key].values()) / ours[key]
        behind += ratio <= 1.0
        times = " | ".join(shown(peers[key][name]) if name in peers[key] else "" for name in methods)
        print(f"| {key[0]} | {key[1]} | {key[2]} | {shown(ours[key])} | {times} | {ratio:.2f} |")
    print(f"\nWe are ahead at {len(peers) - behind} of {len(peers)} points.")
    sys.exit(1 if behind else 0)


if __name__ == "__main__":
    main()
