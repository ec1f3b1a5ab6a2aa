#!/usr/bin/python3
"""Make breast_cancer.csv from the copy of the data in scikit-learn. Usage: make_breast_cancer.py > breast_cancer.csv"""

import hashlib
import importlib.util
import pathlib
import sys

SOURCE_SHA256 = "fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed"
FEATURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)


def main() -> None:
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        sys.exit("make_breast_cancer.py: no scikit-learn here (its data directory is read). Install python3-sklearn.")
    source = pathlib.Path(package.origin).parent / "datasets" / "data" / "breast_cancer.csv"
    content = source.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCE_SHA256:
        sys.exit(f"make_breast_cancer.py: {source} has SHA-256 {found} ({SOURCE_SHA256} expected). Use scikit-learn 1.2.1.")

    # First line of the source: 569,30,malignant,benign (counts, then the names of targets 0 and 1); no column names.
    first, *rows = content.decode("ascii").splitlines()
    if first != "569,30,malignant,benign" or len(rows) != 569:
        sys.exit(f"make_breast_cancer.py: {source} begins with '{first}' and has {len(rows)} rows (569 expected).")
    names = [f"mean_{f}" for f in FEATURES] + [f"{f}_error" for f in FEATURES] + [f"worst_{f}" for f in FEATURES]
    print(",".join(names + ["malignant"]))
    for row in rows:
        *features, target = row.split(",")
        # Digits are copied, not parsed. Target 0 means malignant; here 1 does.
        print(",".join(features + [{"0": "1", "1": "0"}[target]]))


if __name__ == "__main__":
    main()
