/// Studies of chains as a user runs them: the same bits on any layout and for a chain alone, moments known in closed form, work counted,
/// traces that others open, and what is refused.
#include <cmath>
#include <cstdlib>

#include "engine/store/run_file.hpp"
#include "engine/store/trace_file.hpp"
#include "tests/invariance/layouts.hpp"

namespace variscope::testing {
namespace {

/// Without data; a Gaussian with correlations: mean (0.5, -1, 0.25), sds 0.81027212, 0.96737572, 1.1373142.
std::string gaussian_chains(const std::string& sampler, const std::string& more = "") {
  return R"([study]
name = "chains"
kind = "sample"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[sampler]
)" + sampler +
         more;
}

std::string logistic_chains(const std::string& sampler) {
  return R"([study]
name = "chains"
kind = "sample"
[data]
file = "odd.h5"
row_tile = 16
[model]
name = "logistic_regression"
[sampler]
)" + sampler;
}

const std::string kShort = "chains = 4\nwarmup = 40\ndraws = 60\n";

class ChainsTest : public LayoutsTest {
 protected:
  store::RunRecord run_spec(const std::string& text, const Words& more = {}) {
    write("s.toml", text);
    Words words = {"run", "s.toml", "--output", "run", "--overwrite", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = variscope(words);
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    return store::read_run_file(work() / "run" / "run.h5");
  }
  [[nodiscard]] store::TraceFile trace(const std::string& id, const std::string& run = "run") const {
    return store::TraceFile(work() / run / "traces" / (id + ".nc"), true);
  }
  void synthesise() { ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "509", "--columns", "4", "--seed", "5"}).status, 0); }

  void check(const std::string& spec, const Words& layouts) {
    std::string hash;
    for (const std::string& layout : layouts) {
      int ranks = 1;
      for (const char digit : layout) ranks *= digit >= '1' && digit <= '9' ? digit - '0' : 1;
      EXPECT_TRUE(run_one(spec, ranks, layout, ranks == 1 ? std::vector<int>{1, 2} : std::vector<int>{1}, hash)) << layout;
    }
  }
};
using SlowChainsTest = ChainsTest;

double figure(const ChainsRecord& chains, std::size_t scalar, const char* name) {
  return chains.scalar(scalar, place_of(scalar_figures, name));
}

TEST_F(SlowChainsTest, WithoutDataOnAnyLayout) {
  const auto text =
      gaussian_chains("names = [\"nuts\", \"chees_hmc\", \"random_walk_metropolis\"]\nchains = 6\nwarmup = 40\ndraws = 60\nthin = 3\n");
  check(write("study.toml", text), {"replicates=1", "replicates=2", "replicates=3"});
}

TEST_F(SlowChainsTest, WithRowsOnAnyLayout) {
  synthesise();
  const auto text = logistic_chains("names = [\"nuts\", \"mala\"]\ninit = [\"uniform\", \"pathfinder\"]\nunconstrained = true\n" + kShort);
  check(write("study.toml", text), {"replicates=1", "shards=2", "shards=3", "replicates=2,shards=2"});
}

TEST_F(ChainsTest, AnotherSeedHasAnotherHash) {
  const auto text = gaussian_chains("names = \"nuts\"\n" + kShort);
  EXPECT_NE(run_spec(text).results_hash, run_spec(replaced(text, "kind", "seed = 2\nkind")).results_hash);
}

TEST_F(ChainsTest, AChainAloneHasItsBits) {
  const std::string text =
      gaussian_chains("names = [\"nuts\", \"hmc\", \"chees_hmc\"]\nchains = 6\nwarmup = 40\ndraws = 60\nchains_per_start = 2\n");
  run_spec(text);
  const auto alone = variscope({"run", "s.toml", "--chains", "3-4", "--quiet"});
  ASSERT_EQ(alone.status, 0) << alone.all();
  EXPECT_NE(alone.out.find("without chees_hmc: its chains adapt together"), std::string::npos) << alone.out;
  for (const std::string sampler : {"nuts", "hmc"}) {
    const auto all = trace("cell_000_" + sampler);
    const auto some = trace("cell_000_" + sampler, "runs/chains_chains_3-4");
    for (const char* variable : {"lp", "n_grad"}) {
      const auto among = all.element("sample_stats", variable);
      const auto replayed = some.element("sample_stats", variable);
      ASSERT_EQ(replayed.size(), 120U);
      EXPECT_EQ(replayed, std::vector<double>(among.begin() + 3 * 60, among.begin() + 5 * 60)) << sampler;
    }
  }
  const store::RunRecord run = store::read_run_file(work() / "runs" / "chains_chains_3-4" / "run.h5");
  EXPECT_EQ(run.chains.at(0).first_chain, 3);
  EXPECT_EQ(run.chains.at(0).chains, 2);
}

TEST_F(ChainsTest, StopWhereTheRuleHoldsTwice) {
  const auto text = gaussian_chains(
      "names = [\"nuts\", \"random_walk_metropolis\"]\nchains = 4\nwarmup = 100\ndraws = 1000\nthin = 2\nstop = \"both\"\n"
      "stop_ess = 300\nstop_rhat = 1.05\nstop_every = 50\n");
  const auto run = run_spec(text);
  const ChainCellRecord& cell = run.chains.at(0);
  EXPECT_EQ(cell.draws, 1000);
  const ChainsRecord& nuts = cell.samplers.at(0);
  EXPECT_EQ(nuts.stopped, 1);
  EXPECT_LT(nuts.draws, 800);
  EXPECT_EQ(nuts.draws % 50, 0);
  EXPECT_EQ(nuts.stored, nuts.draws / 2);
  // What the table shows of the draws that were kept is what the rule asked for.
  for (std::size_t v = 0; v < 3; ++v) {
    EXPECT_GE(std::min(figure(nuts, v, "bulk_size"), figure(nuts, v, "tail_size")), 300);
    EXPECT_LE(std::max(figure(nuts, v, "rhat_bulk"), figure(nuts, v, "rhat_folded")), 1.05);
  }
  EXPECT_EQ(trace("cell_000_nuts").element("posterior", cell.variables.at(0).name).size(), static_cast<std::size_t>(4 * nuts.stored));
  // 4 x 500 draws of a random walk in three dimensions are not worth 300.
  EXPECT_EQ(cell.samplers.at(1).stopped, 0);
  EXPECT_EQ(cell.samplers.at(1).draws, 1000);
  const Outcome report = variscope({"report", "run"});
  EXPECT_NE(report.out.find("by its rule"), std::string::npos) << report.out;
  EXPECT_NE(report.out.find("at the most"), std::string::npos) << report.out;
  EXPECT_NE(report.out.find("stopping rule did not hold twice in a row within 1000 draws"), std::string::npos) << report.out;
  std::string hash;
  EXPECT_TRUE(run_one(write("study.toml", text), 1, "replicates=1", {1, 2}, hash));
  EXPECT_TRUE(run_one(write("study.toml", text), 2, "replicates=2", {1}, hash));
  EXPECT_TRUE(run_one(write("study.toml", text), 4, "replicates=4", {1}, hash));
  // A chain alone cannot know when all would stop: it goes on, with its bits.
  const auto alone = variscope({"run", "s.toml", "--chains", "2-3", "--quiet"});
  ASSERT_EQ(alone.status, 0) << alone.all();
  const auto among = trace("cell_000_nuts").element("sample_stats", "lp");
  const auto longer = trace("cell_000_nuts", "runs/chains_chains_2-3").element("sample_stats", "lp");
  ASSERT_EQ(longer.size(), 2000U);
  EXPECT_TRUE(std::equal(among.end() - nuts.draws, among.end(), longer.begin() + 1000));
}

TEST_F(ChainsTest, RefuseKeysOfRulesThatAreNotAsked) {
  write("s.toml", gaussian_chains("names = \"nuts\"\nstop = \"rhat\"\nstop_ess = 100\n"));
  const Outcome refused = variscope({"plan", "s.toml"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.all().find("sampler.stop_ess has no meaning here"), std::string::npos) << refused.all();
}

// A rate of exp(390) throws Langevin dynamics to where the prior has no density: that chain stands still, and the others never notice.
TEST_F(ChainsTest, AChainThatFailsTakesNoOtherWithIt) {
  std::string table = "y\n";
  for (int row = 0; row < 40; ++row) table += fmt::format("{}\n", row % 4);
  write("d.csv", table);
  const std::string text = R"([study]
name = "chains"
kind = "sample"
[data]
file = "d.csv"
response = "y"
columns = []
intercept = true
row_tile = 16
[model]
name = "glm"
likelihood = "poisson"
[sampler]
names = ["sgld", "nuts"]
step_size = 0.01
chains = 4
warmup = 50
draws = 150
init = "given"
init_values = [[0.5], [390.0], [0.2], [0.1]]
)";
  const auto run = run_spec(text);
  const auto found = [&](std::size_t sampler, std::size_t chain, const char* name) {
    return run.chains.at(0).samplers.at(sampler).chain(chain, place_of(chain_figures, name));
  };
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_EQ(found(0, c, "failed"), c == 1 ? 1 : 0);
    EXPECT_EQ(found(1, c, "failed"), 0);  // an acceptance step stays where it is
  }
  const auto sgld = trace("cell_000_sgld");
  const std::string name = run.chains[0].variables.at(0).name;
  const auto draws = sgld.element("posterior", name);
  const auto status = sgld.element("sample_stats", "status");
  for (std::size_t i = 0; i < draws.size(); ++i) {
    EXPECT_EQ(std::isnan(draws[i]), i / 150 == 1) << i;
    EXPECT_EQ(status[i], i / 150 == 1 ? 1 : 0) << i;
  }
  // Figures are of the three, about the posterior of the mean 1.5: log 1.5 with sd 1 / sqrt(60), up to the bias of Langevin's steps.
  EXPECT_NEAR(figure(run.chains[0].samplers[0], 0, "mean"), std::log(1.5), 0.15);
  const Outcome report = variscope({"report", "run"});
  EXPECT_EQ(report.status, 0);
  EXPECT_NE(report.out.find("1 of 4 chains failed"), std::string::npos) << report.out;
  // The others have the bits that they have alone.
  ASSERT_EQ(variscope({"run", "s.toml", "--chains", "2-3", "--quiet"}).status, 0);
  const auto alone = trace("cell_000_sgld", "runs/chains_chains_2-3").element("posterior", name);
  ASSERT_EQ(alone.size(), 300U);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), draws.begin() + 300));
}

TEST_F(ChainsTest, ComeToMomentsKnownInClosedForm) {
  const auto run = run_spec(
      gaussian_chains("names = [\"nuts\", \"hmc\", \"mala\", \"random_walk_metropolis\"]\nchains = 4\nwarmup = 500\ndraws = 2000\n",
                      "[reference]\nmean = [0.5, -1, 0.25]\nsd = [0.81027212, 0.96737572, 1.1373142]\n"));
  const ChainCellRecord& cell = run.chains.at(0);
  ASSERT_EQ(cell.samplers.size(), 4U);
  const std::vector<double> mean = {0.5, -1, 0.25};
  const std::vector<double> sd = {0.81027212, 0.96737572, 1.1373142};
  double of_nuts = 0;
  for (const ChainsRecord& chains : cell.samplers) {
    for (std::size_t v = 0; v < 3; ++v) {
      // Beyond 5 standard errors once in 10^6 comparisons of a normal; 24 are made.
      EXPECT_NEAR(figure(chains, v, "mean"), mean[v], 5 * figure(chains, v, "mean_error")) << chains.sampler;
      EXPECT_NEAR(figure(chains, v, "sd"), sd[v], 5 * figure(chains, v, "sd_error")) << chains.sampler;
      EXPECT_LT(figure(chains, v, "rhat_bulk"), 1.05) << chains.sampler;
    }
    if (chains.sampler == "nuts") of_nuts = figure(chains, 0, "mean_error");
  }
  // Errors are neither far too small nor too large: 4 x 2000 draws of NUTS are worth between a third as many and thrice as many.
  EXPECT_GT(of_nuts, sd[0] / std::sqrt(24000.0));
  EXPECT_LT(of_nuts, sd[0] / std::sqrt(8000.0 / 3));
  const Outcome report = variscope({"report", "run"});
  EXPECT_EQ(report.status, 0) << report.all();
  for (const char* part : {"S1 samplers: chains", "ESS/gradient", "T5 posterior quality", "evaluations", "S1 variables"})
    EXPECT_NE(report.out.find(part), std::string::npos) << part;
  for (const char* file :
       {"s1.txt", "s1.md", "s1.csv", "s1.tex", "s1_variables.csv", "t5.csv", "trace.csv", "ranks.csv", "ess.csv", "energy.csv"})
    EXPECT_TRUE(std::filesystem::exists(work() / "run" / "report" / file)) << file;
}

TEST_F(ChainsTest, WorkIsCountedInTheKernels) {
  synthesise();
  const auto run =
      run_spec(logistic_chains("names = [\"nuts\", \"random_walk_metropolis\"]\n" + kShort), {"--ranks", "2", "--layout", "shards=2"});
  const ChainCellRecord& cell = run.chains.at(0);
  double gradients = 0;
  double values = 0;
  for (const ChainsRecord& chains : cell.samplers) {
    for (std::size_t c = 0; c < 4; ++c) {
      for (const char* name : {"gradients", "warmup_gradients"}) gradients += chains.chain(c, place_of(chain_figures, name));
      for (const char* name : {"values", "warmup_values"}) values += chains.chain(c, place_of(chain_figures, name));
    }
  }
  const auto total = [&](const std::string& name) {
    double sum = 0;
    for (std::size_t k = 0; k < run.execution.names.size(); ++k) {
      if (run.execution.names[k] != name) continue;
      for (Index r = 0; r < run.execution.ranks; ++r)
        sum += run.execution.values[static_cast<std::size_t>(r) * run.execution.names.size() + k];
    }
    return sum;
  };
  // Starts are evaluated too: one gradient a chain of NUTS, one value a chain of random walks.
  EXPECT_EQ(total("gradient_rows"), 509 * (gradients + 4));
  EXPECT_EQ(total("value_rows"), 509 * (values + 4));
  EXPECT_EQ(values, 4 * 100);
  EXPECT_GT(cell.samplers[0].bytes_sent, 0);
}

TEST_F(ChainsTest, PlanTellsWhatRandomWalksTakeExactly) {
  write("s.toml", gaussian_chains("names = [\"random_walk_metropolis\", \"mala\", \"nuts\"]\n" + kShort));
  const Outcome plan = variscope({"plan", "s.toml", "--ranks", "4"});
  EXPECT_EQ(plan.status, 0) << plan.all();
  EXPECT_NE(plan.out.find("4 along chains"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("1 cell, 3 runs of chains"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find(" 400"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("traces/"), std::string::npos) << plan.out;
  // What is predicted of the file is there, within the headers of many small datasets.
  run_spec(gaussian_chains("names = \"nuts\"\nchains = 4\nwarmup = 400\ndraws = 2000\n"));
  const auto size = static_cast<double>(std::filesystem::file_size(work() / "run" / "traces" / "cell_000_nuts.nc"));
  const double numbers = 4 * 2400 * 8 * 11.0 + 4 * 2000 * 8 * 3.0;
  EXPECT_GT(size, 0.7 * numbers);
  EXPECT_LT(size, 1.5 * numbers + 100000);
}

TEST_F(ChainsTest, ARunOfChainsIsAReference) {
  const std::string sampler = "names = \"nuts\"\nchains = 4\nwarmup = 500\ndraws = 2000\n";
  const auto first = run_spec(gaussian_chains(sampler));
  std::filesystem::rename(work() / "run", work() / "first");
  const auto second = run_spec(gaussian_chains(sampler, "[reference]\nrun = \"first\"\n"));
  const FitTarget& target = second.chains.at(0).target;
  ASSERT_EQ(target.mean.size(), 3U);
  EXPECT_EQ(target.mean[1], figure(first.chains.at(0).samplers[0], 1, "mean"));
  EXPECT_EQ(target.sd_error[2], figure(first.chains.at(0).samplers[0], 2, "sd_error"));
  EXPECT_NE(target.moments.find("nuts of cell_000 in run 'chains'"), std::string::npos) << target.moments;
  // And of fits, which are compared on the same axis.
  const auto fits = run_spec(R"([study]
name = "fits"
kind = "fit"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[reference]
run = "first"
[fit]
method = "laplace"
)");
  EXPECT_EQ(fits.fits.at(0).target.mean, target.mean);
}

TEST_F(ChainsTest, StartWhereFitsEnded) {
  write("fit.toml", R"([study]
name = "fits"
kind = "fit"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
[fit]
method = "laplace"
)");
  ASSERT_EQ(variscope({"run", "fit.toml", "--output", "fits", "--quiet"}).status, 0);
  // Exact draws from the target: their log densities have mean -3/2, and stay there when one step is taken.
  const auto run = run_spec(gaussian_chains(
      "names = \"random_walk_metropolis\"\nchains = 512\nwarmup = 0\ndraws = 1\ninit = [\"run\", \"pathfinder\"]\ninit_run = \"fits\"\n"));
  ASSERT_EQ(run.chains.size(), 2U);
  for (const char* id : {"cell_000_random_walk_metropolis", "cell_001_random_walk_metropolis"}) {
    double mean = 0;
    for (const double lp : trace(id).element("sample_stats", "lp")) mean += lp / 512;
    // sd sqrt(3/2): beyond 5 standard errors once in 10^6. From 0, or from uniform(-2, 2), it would be 10 standard errors away.
    EXPECT_NEAR(mean, -1.5, 5 * std::sqrt(1.5 / 512)) << id;
  }
}

TEST_F(ChainsTest, WhatIsGivenIsTaken) {
  const auto run = run_spec(gaussian_chains(R"(names = ["hmc", "random_walk_metropolis"]
chains = 2
warmup = 10
draws = 5
adapt = false
step_size = 0.125
init = "given"
init_values = [[1, 2, 3], [4, 5, 6]]
save_warmup = true
unconstrained = true
metric = "diagonal"
metric_variances = [1, 4, 9]
save = "z[1]"
[sampler.random_walk_metropolis]
step_size = 1e-9
)"));
  EXPECT_EQ(run.chains.at(0).variables.size(), 1U);
  const auto file = trace("cell_000_random_walk_metropolis");
  // It hardly moves: all draws are where it was put.
  EXPECT_NEAR(file.element("warmup_unconstrained_posterior", "theta", 1).front(), 2, 1e-6);
  EXPECT_NEAR(file.element("unconstrained_posterior", "theta", 2).back(), 6, 1e-6);
  for (const double size : trace("cell_000_hmc").element("warmup_sample_stats", "step_size")) EXPECT_NEAR(size, 0.125, 0.03);
  const auto& settings = run.chains[0].settings;
  const auto has = [&](const char* key, const char* value) {
    return std::find(settings.begin(), settings.end(), std::pair<std::string, std::string>(key, value)) != settings.end();
  };
  EXPECT_TRUE(has("sampler.hmc.step_size", "0.125"));
  EXPECT_TRUE(has("sampler.random_walk_metropolis.step_size", "1e-09"));
}

TEST_F(ChainsTest, XarrayOpensTracesWithTheirData) {
  synthesise();
  run_spec(logistic_chains("names = \"nuts\"\nchains_per_start = 2\n" + kShort));
  write("check.py", R"(
import sys
try:
    import h5netcdf, xarray
except ImportError:
    sys.exit(0)
for engine in ["h5netcdf"]:
    path = "run/traces/cell_000_nuts.nc"
    with xarray.open_dataset(path, group="posterior", engine=engine) as data:
        assert data.sizes["chain"] == 4 and data.sizes["draw"] == 60, data.sizes
    with xarray.open_dataset(path, group="sample_stats", engine=engine) as data:
        assert data["diverging"].dtype == bool and data["n_steps"].shape == (4, 60)
        assert data.attrs["sampler"] == "nuts"
    with xarray.open_dataset(path, group="observed_data", engine=engine) as data:
        (name,) = list(data)
        assert data[name].shape == (509,) and set(data[name].values.tolist()) == {0.0, 1.0}
    with xarray.open_dataset(path, group="constant_data", engine=engine) as data:
        assert data["design"].shape[0] == 509
    with xarray.open_dataset("run/run.h5", group="results/cell_000", engine=engine) as data:
        assert data["scalar_figures"].dims == ("sampler", "scalar", "scalar_figure")
        nested = data["scalar_figures"].sel(scalar_figure="nested_rhat").values
        assert (nested > 0.9).all(), nested
)");
  const Outcome outcome = run({"/usr/bin/python3", "check.py"});
  EXPECT_EQ(outcome.status, 0) << outcome.all();
}

TEST_F(ChainsTest, MistakesAreRefused) {
  const auto refused = [&](const std::string& sampler, const Words& parts, const std::string& more = "") {
    write("bad.toml", gaussian_chains(sampler, more));
    expect_refused({"run", "bad.toml"}, parts);
  };
  refused("names = \"nutz\"\n", {"bad.toml:9:9", "unknown sampler 'nutz'", "Did you mean 'nuts'?"});
  refused("chains = 4\n", {"missing key 'sampler.names'"});
  refused("names = \"nuts\"\nmax_dept = 3\n", {"bad.toml:10:1", "unknown key 'sampler.max_dept'", "Did you mean 'sampler.max_depth'?"});
  refused("names = \"hmc\"\nmax_depth = 3\n", {"bad.toml:10:", "hmc has no such parameter"});
  refused("names = \"nuts\"\nmax_depth = 3.5\n", {"bad.toml:10:", "max_depth"});
  refused("names = \"nuts\"\n[sampler.nuts]\nstep = 3\n", {"unknown key 'sampler.nuts.step'", "step_size"});
  refused("names = \"nuts\"\n[sampler.nut]\nstep_size = 3\n", {"unknown table 'sampler.nut'", "Did you mean 'sampler.nuts'?"});
  refused("names = \"hmc\"\n[sampler.nuts]\nstep_size = 3\n", {"hmc has no such parameter"});
  refused("names = \"nuts\"\nmetric = \"full\"\n", {"bad.toml:10:10", "unit, diagonal, dense"});
  refused("names = \"nuts\"\nmetric = \"unit\"\nmetric_variances = [1, 2, 3]\n", {"bad.toml:11:20", "metric"});
  refused("names = \"nuts\"\nmetric_variances = [1, 2]\n", {"bad.toml:10:20", "3 unconstrained coordinates"});
  refused("names = \"nuts\"\ninit = \"given\"\n", {"missing key 'sampler.init_values'"});
  refused("names = \"nuts\"\ninit = \"given\"\ninit_values = [1, 2]\n", {"bad.toml:11:15", "3 unconstrained coordinates"});
  refused("names = \"nuts\"\ninit_radius = 1\ninit = \"prior\"\n", {"bad.toml:10:1", "sampler.init is \"prior\""});
  refused("names = \"nuts\"\ninit = \"run\"\ninit_run = \"nowhere\"\n", {"bad.toml:11:12", "does not exist"});
  refused("names = \"nuts\"\nsave = \"y\"\n", {"bad.toml:10:8", "there is no variable 'y'"});
  refused("names = \"nuts\"\nthin = 2000\n", {"bad.toml:10:8", "leaves none"});
  refused("names = \"nuts\"\nchains = 4\nchains_per_start = 3\n", {"bad.toml:11:20", "no multiple"});
  refused("names = \"annealed_importance\"\n", {"no sampler of this list", "its prior is not an independent normal"});
  refused("names = \"nuts\"\n", {"fit.steps is given", "a study of kind 'sample' does not take it"}, "[fit]\nsteps = 3\n");
  write("good.toml", gaussian_chains("names = \"nuts\"\n" + kShort));
  expect_refused({"run", "good.toml", "--chains", "4"}, {"--chains", "no chain 4"});
  expect_refused({"run", "good.toml", "--chains", "x"}, {"--chains", "names no chain"});
  expect_refused({"plan", "good.toml", "--ranks", "3"}, {"--ranks 3", "Use --ranks"});
  expect_refused({"plan", "good.toml", "--ranks", "2", "--layout", "samples=2"}, {"--ranks 2", "replicates and data shards alone"});
}

}  // namespace
}  // namespace variscope::testing
