/// Methods of fits in whole studies: every one against closed forms and on any layout, stopped where it would have been anyway, held
/// against references.
#include <cmath>
#include <numbers>

#include "engine/store/run_file.hpp"
#include "experiments/spec/fit_methods.hpp"
#include "tests/invariance/layouts.hpp"

namespace variscope::testing {
namespace {

const std::vector<double> kMean = {0.5, -1, 0.25};
const std::vector<double> kPrecision = {2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1};
/// Marginal sds of the inverse of kPrecision: cofactors over the determinant.
std::vector<double> marginals() {
  const double determinant = 2 * (1.5 - 0.16) - 0.6 * (0.6 + 0.12) - 0.3 * (0.24 + 0.45);
  return {std::sqrt((1.5 - 0.16) / determinant), std::sqrt((2 - 0.09) / determinant), std::sqrt((3 - 0.36) / determinant)};
}

/// The Gaussian target; `fit` goes to [fit], `more` behind it.
std::string gaussian(const std::string& fit, const std::string& more = "", const std::string& estimators = "") {
  return fmt::format(R"([study]
name = "methods"
kind = "fit"
[model]
name = "gaussian"
precision = [2, 0.6, -0.3, 0.6, 1.5, 0.4, -0.3, 0.4, 1]
mean = [0.5, -1, 0.25]
{}[fit]
{}{})",
                     estimators, fit, more);
}

/// All methods, in the order of the catalogue.
std::string all_methods() {
  std::string names;
  for (const auto& method : experiments::fit_methods()) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", method.name);
  return names;
}

class FitMethodsTest : public LayoutsTest {
 protected:
  store::RunRecord run_spec(const std::string& text, const Words& more = {}, const std::string& directory = "run") {
    write("s.toml", text);
    Words words = {"run", "s.toml", "--output", directory, "--overwrite", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = variscope(words);
    EXPECT_EQ(outcome.status, 0) << outcome.all();
    if (outcome.status != 0) throw std::runtime_error("the study did not run");
    return store::read_run_file(work() / directory / "run.h5");
  }

  static const FitCellRecord& of_method(const store::RunRecord& run, const std::string& method) {
    for (const FitCellRecord& cell : run.fits) {
      if (cell.method == method) return cell;
    }
    throw std::runtime_error("no cell of method " + method);
  }

  /// What the fit answers with in the end.
  static std::vector<double> answer(const FitCellRecord& cell, const FitRecord& fit) {
    return {fit.lambda.end() - static_cast<std::ptrdiff_t>(cell.parameter_names.size()), fit.lambda.end()};
  }

  void check(const std::string& spec, const std::vector<std::pair<std::string, std::vector<int>>>& layouts) {
    std::string hash;
    for (const auto& layout : layouts) {
      int ranks = 1;
      for (const char digit : layout.first) ranks *= digit >= '1' && digit <= '9' ? digit - '0' : 1;
      EXPECT_TRUE(run_one(spec, ranks, layout.first, layout.second, hash)) << layout.first;
    }
  }
};
using SlowFitMethodsTest = FitMethodsTest;

TEST_F(SlowFitMethodsTest, EveryOneOnAnyLayout) {
  const auto text = gaussian(fmt::format("method = [{}]\nsteps = 25\nrepeats = 2\nparticles = 48\nposterior_draws = 200\n", all_methods()),
                             "", "[estimators]\nnames = \"pw_cfe\"\nsamples = 16\n");
  check(write("study.toml", text), {{"replicates=1", {1, 2}}, {"samples=2", {1}}});
}

TEST_F(SlowFitMethodsTest, EveryOneWithRowsOnAnyLayout) {
  ASSERT_EQ(variscope({"data", "synth", "odd.h5", "--rows", "505", "--columns", "3", "--seed", "5"}).status, 0);
  const auto text = fmt::format(R"([study]
name = "methods"
kind = "fit"
[data]
file = "odd.h5"
row_tile = 16
[model]
name = "logistic_regression"
[estimators]
names = "pw_cfe"
samples = 16
[fit]
method = [{}]
steps = 12
repeats = 2
particles = 32
posterior_draws = 100
evaluation_samples = 100
)",
                                all_methods());
  check(write("study.toml", text), {{"replicates=1", {1, 2}}, {"shards=2", {1}}, {"samples=2,shards=2", {1}}});
}

/// Mode, Laplace, Pathfinder and exact fits of a Gaussian are what algebra says.
TEST_F(SlowFitMethodsTest, OfAGaussianAreKnownInClosedForm) {
  const auto run =
      run_spec(gaussian("method = [\"map\", \"laplace\", \"pathfinder\", \"exact_mean_field\", \"exact\"]\nstep_size = 0.05\n"
                        "steps = 800\nrepeats = 3\nposterior_draws = 4096\n",
                        "[reference]\nquadrature = true\n"));
  ASSERT_EQ(run.fits.size(), 5U);
  const std::vector<double> sd = marginals();
  for (const FitCellRecord& cell : run.fits) {
    EXPECT_EQ(cell.repeats, cell.method == "pathfinder" ? 3 : 1);
    for (const FitRecord& fit : cell.fits) {
      SCOPED_TRACE(cell.method);
      EXPECT_EQ(fit.status, FitStatus::finished);
      EXPECT_EQ(fit.ending, cell.method == "exact" ? FitEnding::all_steps : FitEnding::converged);
      const auto lambda = answer(cell, fit);
      // Pathfinder keeps the best of what it passed, by 25 draws each: near the target, where the others are at it.
      const double tolerance = cell.method == "exact" ? 1e-3 : cell.method == "pathfinder" ? 0.1 : 1e-6;
      for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(lambda[i], kMean[i], tolerance);
      // The reference is the target's, by quadrature.
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(cell.target.mean[i], kMean[i], 1e-7);
        EXPECT_NEAR(cell.target.sd[i], sd[i], 1e-7);
        EXPECT_LT(cell.target.sd_error[i], 1e-6);
      }
      if (cell.method == "map") {
        EXPECT_EQ(cell.objective, "log_density");
        EXPECT_TRUE(std::isnan(fit.sd[0]));
        EXPECT_TRUE(std::isnan(fit.k_hat));
        EXPECT_NEAR(fit.objective.back(), 0, 1e-9);  // log p at the mode
        for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(fit.mean[i], kMean[i], 1e-6);
        continue;
      }
      // Moments of 4096 draws; beyond 5 standard errors once in 10^6 comparisons (18 are made).
      const bool full = cell.family == "full_rank_gaussian";
      for (std::size_t i = 0; i < 3; ++i) {
        const double own = full ? sd[i] : 1 / std::sqrt(kPrecision[4 * i]);
        EXPECT_NEAR(fit.mean[i], kMean[i], 5 * own / std::sqrt(4096.0) + tolerance);
        EXPECT_NEAR(fit.sd[i], own, 5 * own / std::sqrt(2 * 4096.0) + tolerance);
      }
      // Mean-field optimum: d/2 log 2 pi - 1/2 sum log P_ii; the full-rank one is the evidence.
      double elbo = 1.5 * std::log(2 * std::numbers::pi);
      if (full) {
        elbo -= 0.5 * std::log(2 * (1.5 - 0.16) - 0.6 * (0.6 + 0.12) - 0.3 * (0.24 + 0.45));
      } else {
        for (std::size_t i = 0; i < 3; ++i) elbo -= 0.5 * std::log(kPrecision[4 * i]);
      }
      EXPECT_NEAR(fit.objective.back(), elbo, cell.method == "pathfinder" ? 0.1 : 1e-5);
      EXPECT_NEAR(cell.target.objective, elbo, 1e-6);
    }
  }
  const Outcome report = variscope({"report", "run"});
  EXPECT_EQ(report.status, 0) << report.all();
  EXPECT_NE(report.out.find("quadrature"), std::string::npos) << report.out;
}

/// The maximum of a fixed sample's objective differs from the optimum by errors whose squares fall as 1 / M.
TEST_F(FitMethodsTest, FixedSamplesComeToTheOptimumAtTheirRate) {
  const auto run = run_spec(
      gaussian("method = \"fixed_sample\"\nsteps = 400\nrepeats = 64\nposterior_draws = 10\n", "", "[estimators]\nsamples = [16, 256]\n"));
  ASSERT_EQ(run.fits.size(), 2U);
  std::vector<double> square(2, 0.0);
  for (std::size_t c = 0; c < 2; ++c) {
    for (const FitRecord& fit : run.fits[c].fits) {
      EXPECT_EQ(fit.ending, FitEnding::converged);
      const auto lambda = answer(run.fits[c], fit);
      for (std::size_t i = 0; i < 3; ++i) {
        square[c] += std::pow(lambda[i] - kMean[i], 2) + std::pow(lambda[3 + i] + 0.5 * std::log(kPrecision[4 * i]), 2);
      }
    }
  }
  // 16, each sum from 384 squares of correlated normals: within 40 % beyond doubt; a twin without the rate would give 1 or 4.
  EXPECT_GT(square[0] / square[1], 16 * 0.6);
  EXPECT_LT(square[0] / square[1], 16 * 1.7);
  // A step is M gradients.
  EXPECT_EQ(run.fits[1].fits[0].counts.back().gradient_evaluations, 256 * run.fits[1].fits[0].steps);
}

TEST_F(FitMethodsTest, ParticlesHaveTheTargetsMoments) {
  const auto run = run_spec(gaussian("method = \"svgd\"\nsteps = 400\nstep_size = 0.1\nrepeats = 2\nparticles = 100\n"));
  const FitCellRecord& cell = run.fits.at(0);
  const std::vector<double> sd = marginals();
  EXPECT_EQ(cell.parameter_names.size(), 300U);
  EXPECT_EQ(cell.objective, "none");
  for (const FitRecord& fit : cell.fits) {
    EXPECT_EQ(fit.status, FitStatus::finished);
    EXPECT_TRUE(std::isnan(fit.k_hat));
    EXPECT_EQ(fit.counts.back().gradient_evaluations, 400 * 100);
    for (std::size_t i = 0; i < 3; ++i) {
      // A hundred particles stand for the normal distribution about as well as that many points can: no worse than a tenth of an sd.
      EXPECT_NEAR(fit.mean[i], kMean[i], 0.1 * sd[i]);
      EXPECT_NEAR(fit.sd[i], sd[i], 0.15 * sd[i]);
    }
  }
  EXPECT_NE(cell.fits[0].lambda.back(), cell.fits[1].lambda.back());
}

/// Stopped by its rule a fit is the fit that was told to be so long; the record says when and why.
TEST_F(SlowFitMethodsTest, StoppedFitsAreThoseOfThatLength) {
  const std::string estimators = "[estimators]\nnames = \"pw_cfe\"\nsamples = 16\n";
  for (const std::string rule :
       {"rule = \"relative_change\"\nevery = 20\nin_a_row = 1\ntolerance = 0.05\n",
        "rule = \"elbo_window\"\nevery = 20\nin_a_row = 1\nwindow = 3\ntolerance = 0.2\n",
        "rule = \"iterates\"\nevery = 20\nin_a_row = 1\nwindow = 60\nthin = 10\nrhat = 1.2\nmcse = 0.2\neffective_size = 10\n"}) {
    SCOPED_TRACE(rule);
    const std::string fit = "repeats = 1\naverage = 0.4\nposterior_draws = 100\n";
    const auto stopped = run_spec(gaussian(fit + "steps = 3000\n", "[stopping]\n" + rule, estimators)).fits.at(0);
    const FitRecord& a = stopped.fits.at(0);
    EXPECT_EQ(a.ending, FitEnding::stopped);
    EXPECT_EQ(a.steps % 20, 0);
    ASSERT_LT(a.steps, 3000);
    const auto told = run_spec(gaussian(fit + fmt::format("steps = {}\n", a.steps), "", estimators)).fits.at(0);
    const FitRecord& b = told.fits.at(0);
    EXPECT_EQ(b.ending, FitEnding::all_steps);
    EXPECT_EQ(b.steps, a.steps);
    EXPECT_EQ(answer(stopped, a), answer(told, b));
    EXPECT_EQ(a.objective.back(), b.objective.back());
    EXPECT_EQ(a.mean, b.mean);
    EXPECT_EQ(a.k_hat, b.k_hat);
    EXPECT_EQ(a.counts.back(), b.counts.back());
    // One step fewer is another answer.
    const auto fewer = run_spec(gaussian(fit + fmt::format("steps = {}\n", a.steps - 1), "", estimators)).fits.at(0);
    EXPECT_NE(answer(stopped, a), answer(fewer, fewer.fits.at(0)));
  }
}

/// ADVI's search: one of its step sizes, its work counted before step 0.
TEST_F(FitMethodsTest, SearchOverStepSizesIsCounted) {
  const auto cell = run_spec(gaussian("optimizer = \"advi_adaptive\"\nsearch_steps = 20\nsteps = 200\nrepeats = 2\n", "",
                                      "[estimators]\nnames = \"pw_cfe\"\nsamples = 16\n"))
                        .fits.at(0);
  for (const FitRecord& fit : cell.fits) {
    EXPECT_TRUE(fit.step_size == 1 || fit.step_size == 0.1) << fit.step_size;  // 100 and 10 leap, 0.01 creeps
    EXPECT_EQ(fit.counts.front().gradient_evaluations, 5 * 20 * 16);
    EXPECT_EQ(fit.counts.back().gradient_evaluations, (5 * 20 + 200) * 16);
  }
  // The fit itself is that with the step size it chose.
  const auto told =
      run_spec(gaussian(fmt::format("optimizer = \"advi_adaptive\"\nstep_size = {}\nsteps = 200\nrepeats = 1\n", cell.fits[0].step_size),
                        "", "[estimators]\nnames = \"pw_cfe\"\nsamples = 16\n"))
          .fits.at(0);
  EXPECT_EQ(answer(cell, cell.fits[0]), answer(told, told.fits[0]));
}

/// Analytic mean-field fit of the banana by Adam: its trajectory is the exact gradient's, its end the optimum.
TEST_F(FitMethodsTest, ExactGradientsLeadTheBananaToItsOptimum) {
  const auto cell = run_spec(
                        "[study]\nname = \"banana\"\nkind = \"fit\"\n[model]\nname = \"banana\"\n[family]\ninitial_sd = 2.5\n"
                        "[fit]\nmethod = \"exact\"\nstep_size = 0.08\nsteps = 150\ntrace_every = 1\n")
                        .fits.at(0);
  ASSERT_EQ(cell.trace.size(), 151U);
  const FitRecord& fit = cell.fits.at(0);
  // Adam's first step is step_size times the gradient's sign. At m = 0, s = 2.5 the ELBO -(s_x^2 / 9 + E (y - 0.1 x^2)^2) / 2 + log s has
  // gradient E(...) = (0, 0.1 s_x^2) for the means: x stays, y rises; both scales shrink (-s_x^2 (1/9 + 0.06 s_x^2) + 1 and 1 - s_y^2 < 0).
  EXPECT_NEAR(fit.lambda[4], 0, 1e-12);
  EXPECT_NEAR(fit.lambda[5], 0.08, 1e-6);
  EXPECT_NEAR(fit.lambda[6], std::log(2.5) - 0.08, 1e-6);
  EXPECT_NEAR(fit.lambda[7], std::log(2.5) - 0.08, 1e-6);
  EXPECT_EQ(fit.counts.back().gradient_evaluations, 150);
  EXPECT_NEAR(fit.objective.back(), cell.target.objective, 1e-3);
  // The optimum: m_x = 0, m_y = 0.1 s_x^2, s_y = 1 and s_x^2 / 9 + 0.04 s_x^4 = 1, as E (y - 0.1 x^2)^2 = s_y^2 + 0.02 s_x^4 there.
  const double u = (-1.0 / 9 + std::sqrt(1.0 / 81 + 0.16)) / 0.08;
  EXPECT_NEAR(cell.target.lambda[2], 0.5 * std::log(u), 1e-6);
  EXPECT_NEAR(cell.target.lambda[1], 0.1 * u, 1e-5);
}

/// One run's moments are another's reference, with errors that cover the truth.
TEST_F(FitMethodsTest, AnotherRunIsAReference) {
  (void)run_spec(gaussian("method = \"laplace\"\nsteps = 200\nposterior_draws = 20000\n"), {}, "first");
  const auto cell =
      run_spec(gaussian("method = \"exact_mean_field\"\nsteps = 200\nposterior_draws = 20000\n", "[reference]\nrun = \"first\"\n"))
          .fits.at(0);
  const std::vector<double> sd = marginals();
  EXPECT_NE(cell.target.moments.find("laplace"), std::string::npos) << cell.target.moments;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(cell.target.mean_error[i], sd[i] / std::sqrt(20000.0), 0.05 * sd[i] / std::sqrt(20000.0));
    EXPECT_NEAR(cell.target.mean[i], kMean[i], 5 * cell.target.mean_error[i]);
    EXPECT_NEAR(cell.target.sd[i], sd[i], 5 * cell.target.sd_error[i]);
  }
  expect_refused({"plan", write("a.toml", gaussian("method = \"map\"\n", "[reference]\nrun = \"nowhere\"\n"))},
                 {"reference.run", "nowhere"});
}

TEST_F(FitMethodsTest, WhatCannotServeIsSkippedOrRefused) {
  const std::string mixture =
      "[study]\nname = \"r\"\nkind = \"fit\"\n[model]\nname = \"funnel\"\n[family]\nname = \"gaussian_mixture\"\n[fit]\nsteps = "
      "20\nposterior_draws = 50\nmethod = ";
  (void)run_spec(mixture + "[\"exact\", \"svgd\"]\nparticles = 8\nrepeats = 1\n");
  const Outcome report = variscope({"report", "run"});
  EXPECT_NE(report.out.find("without exact"), std::string::npos) << report.all();
  expect_refused({"plan", write("b.toml", mixture + "\"exact\"\n")}, {"no method", "no exact expectation"});
  expect_refused({"plan", write("c.toml", gaussian("method = \"laplace\"\nstep_size = 0.1\n"))}, {"fit.step_size", "laplace"});
  expect_refused({"plan", write("d.toml", gaussian("method = \"newton\"\n"))}, {"fit.method", "newton"});
  expect_refused({"plan", write("e.toml", gaussian("steps = 10\n"))}, {"estimators.names"});
  expect_refused({"plan", write("f.toml", gaussian("method = \"svgd\"\n", "[stopping]\nrule = \"elbo_window\"\n"))},
                 {"elbo_window", "svgd"});
  expect_refused({"plan", write("g.toml", gaussian("method = \"svgd\"\n", "[stopping]\nrule = \"relative_change\"\nmcse = 1\n"))},
                 {"stopping.mcse"});
  expect_refused({"plan", write("h.toml", gaussian("method = \"svgd\"\n", "[stopping]\nrule = \"relative_change\"\ntolerance = 0\n"))},
                 {"stopping.tolerance"});
  expect_refused({"plan", write("i.toml", gaussian("method = \"exact\"\nsearch_steps = 5\n"))}, {"fit.search_steps", "adam"});
}

}  // namespace
}  // namespace variscope::testing
