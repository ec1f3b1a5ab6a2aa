"""What the study benchmarks share: where the program is, running it, reading /execution of a run, medians."""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUICKSTART = ROOT / "experiments" / "specs" / "breast_cancer_variance.toml"


def arguments(description, repeats):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "bench" / "variscope", help="variscope (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=repeats, help="runs of each kind (default: %(default)s)")
    return parser


def load():
    """How busy the machine was: load average over the last minute, of so many CPUs."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"


def quickstart(directory, replicates):
    """The quickstart study's spec with another number of replicates, in `directory`."""
    text = QUICKSTART.read_text(encoding="utf-8")
    text = text.replace("../data/", f"{ROOT}/experiments/data/")
    text, changed = re.subn(r"(?m)^count = \d+", f"count = {replicates}", text)
    if changed != 1:
        sys.exit(f"{QUICKSTART}: no single line 'count = ...' to change")
    path = pathlib.Path(directory) / f"quickstart_{replicates}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def synthetic(program, directory, rows, columns, **changes):
    """A study on synthetic logistic data: its spec, made in `directory` with its data."""
    data = pathlib.Path(directory) / f"logistic_{rows}x{columns}.h5"
    if not data.exists():
        subprocess.run([str(program), "data", "synth", str(data), "--model", "logistic", "--rows", str(rows), "--columns", str(columns)],
                       check=True, stdout=subprocess.DEVNULL)
    values = dict(tile=256, steps=50, samples=16, replicates=256, batches=32, names='["sf_loo", "pw_cfe", "stl"]', batch='"all"')
    values.update(changes)
    path = pathlib.Path(directory) / ("synthetic_" + "_".join(str(v) for v in (rows, columns, *changes.values()) if str(v).isalnum()) + ".toml")
    path.write_text(f"""[study]
name = "synthetic"
seed = 1

[data]
file = "{data}"
row_tile = {values['tile']}

[model]
name = "logistic_regression"

[family]
name = "mean_field_gaussian"

[path]
steps = {values['steps']}
{'step_size = 0.05' if values['steps'] else ''}
{'samples = 4' if values['steps'] else ''}
points = [0, 100]
optimum = false

[estimators]
names = {values['names']}
samples = {values['samples']}
batch_rows = {values['batch']}

[replicates]
count = {values['replicates']}
batches = {values['batches']}
""", encoding="utf-8")
    return path


def run(program, spec, directory, *options):
    """Runs a study; wall seconds of the whole process and its run.h5."""
    output = pathlib.Path(directory) / "run"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    start = time.perf_counter()
    subprocess.run([str(program), "run", str(spec), "--output", str(output), "--overwrite", "--quiet", *options], check=True,
                   stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start, output / "run.h5"


def execution(run_file):
    """{figure: [value of each rank]} of a run, read by h5dump."""
    def dump(dataset, pattern):
        text = subprocess.run(["h5dump", "-A", "0", "-y", "-w", "0", "-m", "%.17g", "-d", f"/execution/{dataset}", str(run_file)], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        return re.findall(pattern, text[text.rindex("DATA {") + 6:])

    names = dump("name", r'"([^"]*)"')
    values = [float(v) for v in dump("values", r"[-+.\deE]+(?=[,\s])")]
    return {name: values[i::len(names)] for i, name in enumerate(names)}


def median(values):
    return statistics.median(values)


def spread(values):
    """median (least to most)"""
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"
