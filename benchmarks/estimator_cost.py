#!/usr/bin/python3
"""What an estimator costs above its model evaluations: draws, partial sums and gradients against kernels, by the run's own counters.

Synthetic logistic data, N = 10 000, D = 100, M = 64, one rank, one thread; all rows, but minibatches of 1000 for the control variates of
rows. Each figure is the difference of a study with R and one with 4 R replicates, so that references and preparation cancel; R is a
sixteenth where a sample takes hundreds of evaluations. Targets: 10 % (mean-field), 25 % (full-rank).
"""
import tempfile

import studies

ESTIMATORS = ("sf_raw", "sf_mean", "sf_loo", "sf_rb", "pw_cfe", "pw_kl", "stl", "mix_stl_cfe", "pw_antithetic", "pw_rqmc", "pw_local",
              "taylor_hessian", "taylor_hvp", "pw_quadratic", "bonnet_price", "mvd", "svrg", "joint_cv")
FAMILIES = {"mean_field_gaussian": 10, "full_rank_gaussian": 25}
MEAN_FIELD_ALONE = ("sf_rb",)
OF_MINIBATCHES = ("svrg", "joint_cv")
EXPENSIVE = ("bonnet_price", "mvd")  # D Hessian-vector products, 4 D values a sample


def main():
    parser = studies.arguments(__doc__, 3)
    parser.add_argument("--replicates", type=int, default=32, help="of the smaller study (default: %(default)s)")
    parser.add_argument("--estimators", nargs="+", default=ESTIMATORS, help="which (default: all)")
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), help="which (default: all)")
    options = parser.parse_args()
    print("| family | estimator | kernels ms/call | draws ms | estimator ms | above kernels, median (least to most) | target |")
    print("|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as directory:
        for family in options.families:
            target = FAMILIES[family]
            for name in options.estimators:
                if family != "mean_field_gaussian" and name in MEAN_FIELD_ALONE:
                    continue
                fewest = max(options.replicates // 16, 2) if name in EXPENSIVE else options.replicates
                above, parts = [], {"kernel": [], "draw": [], "estimator": []}
                for _ in range(options.repeats):
                    seconds = []
                    for replicates in (fewest, 4 * fewest):
                        spec = studies.synthetic(options.program, directory, 10000, 100, steps=0, samples=64, replicates=replicates,
                                                 batches=min(fewest, 16), names=f'["{name}"]',
                                                 batch='1000' if name in OF_MINIBATCHES else '"all"')
                        text = spec.read_text(encoding="utf-8").replace('"mean_field_gaussian"', f'"{family}"')
                        text = text.replace("points = [0, 100]", "points = [0]")
                        text = text.replace("[path]", "initial_sd = 0.1\n\n[path]", 1)
                        text += '\n[reference]\nmethod = "monte_carlo"\nsamples = 512\n'
                        spec.write_text(text, encoding="utf-8")
                        _, run_file = studies.run(options.program, spec, directory, "--ranks", "1", "--threads", "1")
                        seconds.append({part: values[0] for part, values in studies.execution(run_file).items()})
                    calls = 3 * fewest
                    spent = {part: (seconds[1][f"{part}_seconds"] - seconds[0][f"{part}_seconds"]) / calls for part in parts}
                    for part, value in spent.items():
                        parts[part].append(value * 1e3)
                    above.append((spent["draw"] + spent["estimator"]) / spent["kernel"])
                print(f"| {family} | {name} | {studies.median(parts['kernel']):.3g} | {studies.median(parts['draw']):.3g} | "
                      f"{studies.median(parts['estimator']):.3g} | {studies.median(above):.1%} ({min(above):.1%} to {max(above):.1%}) | "
                      f"{target} % |", flush=True)
    print(f"\n{studies.load()}")


if __name__ == "__main__":
    main()
