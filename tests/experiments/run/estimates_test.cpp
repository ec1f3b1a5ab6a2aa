/// Whole calls of the production runner on one rank: replicas and crossed designs on the draws they must have, work counted, bits kept.
#include "experiments/run/estimates.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/families/catalogue.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "experiments/run/preparation.hpp"
#include "tests/conformance/estimator_setting.hpp"

namespace variscope::experiments {
namespace {

using test::Setting;

/// A setting with what the runner wants to know of its data.
struct Runner {
  explicit Runner(const Setting& setting) : of(setting) {
    plan.rows = setting.model->rows();
    plan.row_tile = 16;
    if (plan.rows > 0) data = &plan;
  }

  struct Result {
    std::vector<double> gradients;  ///< [replicate x unit x parameter]
    models::Counts counts;
  };

  /// The estimator by name, with the state it is prepared to.
  Result run(const std::string& name, const CallSettings& call, Range replicates, int threads = 1) const {
    const auto estimator = estimators::find(name)->make();
    Work work;
    const estimators::Context context{of.family.get(), of.model, call.objective, call.samples, call.batch_rows, {}};
    std::vector<double> state(static_cast<std::size_t>(estimator->state_size(context)), 0.0);
    if (!state.empty()) {
      PreparationRun preparation(*of.model, data, team, threads, *of.family, *estimator, call, work);
      estimator->prepare(context, preparation, state);
    }
    Estimates estimates(*of.model, data, team, cluster::Reduce::exact, threads, work);
    std::vector<std::vector<double>> gradients(1);
    std::vector<models::Counts> counts(1);
    std::vector<double> seconds(1, 0.0);
    estimates.run(*of.family, call, replicates, {{estimator.get(), state}}, gradients, counts, seconds);
    return {gradients[0], counts[0]};
  }

  const Setting& of;
  DataPlan plan;
  const DataPlan* data = nullptr;
  cluster::Team team;
};

std::vector<Setting> settings_of(const char* family) { return test::settings_of(*families::find(family)); }

const Setting& setting_with_rows(const std::vector<Setting>& settings) {
  return *std::find_if(settings.begin(), settings.end(), [](const Setting& s) { return s.model->rows() > 0; });
}

CallSettings call_of(Index samples, Index batch_rows, const Design& design) {
  CallSettings call;
  call.seed = 11;
  call.task = 2;
  call.samples = samples;
  call.batch_rows = batch_rows;
  call.design = design;
  return call;
}

bool same_bits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// One unit's gradient.
std::span<const double> unit_of(const Runner::Result& result, Index parameters, Index unit) {
  return std::span<const double>(result.gradients)
      .subspan(static_cast<std::size_t>(unit * parameters), static_cast<std::size_t>(parameters));
}

/// The plain mean of `count` units' gradients.
void mean_of_units(std::span<const double> gradients, Index count, std::vector<double>& mean) {
  std::fill(mean.begin(), mean.end(), 0.0);
  for (std::size_t i = 0; i < gradients.size(); ++i) mean[i % mean.size()] += gradients[i] / static_cast<double>(count);
}

void expect_average(const Runner::Result& units, const Runner::Result& whole, Index count, Index parameters) {
  const auto replicates = static_cast<Index>(whole.gradients.size()) / parameters;
  std::vector<double> mean(static_cast<std::size_t>(parameters));
  for (Index j = 0; j < replicates; ++j) {
    mean_of_units(std::span<const double>(units.gradients)
                      .subspan(static_cast<std::size_t>(j * count * parameters), static_cast<std::size_t>(count * parameters)),
                  count, mean);
    for (std::size_t p = 0; p < mean.size(); ++p) {
      const double expected = unit_of(whole, parameters, j)[p];
      EXPECT_NEAR(mean[p], expected, 1e-10 * (1 + std::abs(expected))) << "replicate " << j << ", parameter " << p;
    }
  }
}

TEST(Replicas, WithNoiseOfTheirOwnAverageToOneEstimateOfAllTheirSamples) {
  for (const char* family : {"mean_field_gaussian", "full_rank_gaussian"}) {
    for (const Setting& setting : settings_of(family)) {
      SCOPED_TRACE(setting.model_name);
      const Runner runner(setting);
      const Design design = Design::replicas(3, NoisePolicy::independent, RowPolicy::without_replacement);
      for (const Index samples : {4, 5, 8}) {
        expect_average(runner.run("pw_cfe", call_of(samples, 0, design), {3, 8}), runner.run("pw_cfe", call_of(3 * samples, 0, {}), {3, 8}),
                       3, setting.family->parameters());
      }
    }
  }
}

TEST(Replicas, ThatSplitANetAverageToTheWholeNet) {
  for (const Setting& setting : settings_of("mean_field_gaussian")) {
    SCOPED_TRACE(setting.model_name);
    const Runner runner(setting);
    const Index parameters = setting.family->parameters();
    const auto whole = runner.run("pw_rqmc", call_of(32, 0, {}), {3, 6});
    const auto split =
        runner.run("pw_rqmc", call_of(8, 0, Design::replicas(4, NoisePolicy::split_net, RowPolicy::without_replacement)), {3, 6});
    expect_average(split, whole, 4, parameters);
    // Nets of their own are something else.
    const auto own =
        runner.run("pw_rqmc", call_of(8, 0, Design::replicas(4, NoisePolicy::independent, RowPolicy::without_replacement)), {3, 6});
    std::vector<double> mean(static_cast<std::size_t>(parameters));
    mean_of_units(std::span<const double>(own.gradients).first(static_cast<std::size_t>(4 * parameters)), 4, mean);
    EXPECT_GT(std::abs(mean[0] - whole.gradients[0]), 1e-6);
  }
}

TEST(Replicas, WithSharedNoiseDifferInTheirRowsAlone) {
  const auto settings = settings_of("mean_field_gaussian");
  const Setting& setting = setting_with_rows(settings);
  const Runner runner(setting);
  const Index parameters = setting.family->parameters();
  const Design shared = Design::replicas(3, NoisePolicy::shared, RowPolicy::disjoint);
  const auto all_rows = runner.run("pw_cfe", call_of(5, 0, shared), {0, 2});
  const auto alone = runner.run("pw_cfe", call_of(5, 0, {}), {0, 2});
  for (Index u = 0; u < 6; ++u) EXPECT_TRUE(same_bits(unit_of(all_rows, parameters, u), unit_of(alone, parameters, u / 3)));
  const auto batches = runner.run("pw_cfe", call_of(5, 40, shared), {0, 2});
  for (Index u = 1; u < 6; ++u) EXPECT_FALSE(same_bits(unit_of(batches, parameters, u), unit_of(batches, parameters, u - 1)));
}

TEST(CrossedDesign, EveryNoiseSetMeetsEveryRowSet) {
  const auto settings = settings_of("mean_field_gaussian");
  const Setting& setting = setting_with_rows(settings);
  const Runner runner(setting);
  const Index parameters = setting.family->parameters();
  for (const Index samples : {3, 8}) {
    const auto crossed = runner.run("pw_cfe", call_of(samples, 40, Design::cross(4, 3, RowPolicy::without_replacement)), {5, 7});
    // The first sample set alone: every third unit. Replicas have the same row sets, and noise set u for row set u.
    const auto first = runner.run("pw_cfe", call_of(samples, 40, Design::cross(4, 1, RowPolicy::without_replacement)), {5, 7});
    const auto paired =
        runner.run("pw_cfe", call_of(samples, 40, Design::replicas(3, NoisePolicy::independent, RowPolicy::without_replacement)), {5, 7});
    for (Index j = 0; j < 2; ++j) {
      for (Index k = 0; k < 4; ++k)
        EXPECT_TRUE(same_bits(unit_of(crossed, parameters, j * 12 + k * 3), unit_of(first, parameters, j * 4 + k))) << j << " " << k;
      for (Index k = 0; k < 3; ++k)
        EXPECT_TRUE(same_bits(unit_of(crossed, parameters, j * 12 + k * 3 + k), unit_of(paired, parameters, j * 3 + k))) << j << " " << k;
    }
    // Without minibatches the row sets are all alike.
    const auto rows = runner.run("pw_cfe", call_of(samples, 0, Design::cross(4, 3, RowPolicy::without_replacement)), {5, 6});
    for (Index u = 3; u < 12; ++u) EXPECT_TRUE(same_bits(unit_of(rows, parameters, u), unit_of(rows, parameters, u % 3)));
  }
}

TEST(Estimates, CountWhatTheRequestsSay) {
  for (const families::Entry& family : families::catalogue()) {
    for (const Setting& setting : test::settings_of(family)) {
      const Runner runner(setting);
      for (const estimators::Entry& entry : estimators::catalogue()) {
        for (const test::Use& use : test::uses_of(entry, setting)) {
          SCOPED_TRACE(entry.name + " on " + family.name + ", " + setting.model_name + ", " + test::text(use));
          const Index samples = test::few_samples(entry);
          CallSettings call = call_of(samples, use.batch_rows, Design::replicas(2, NoisePolicy::independent, RowPolicy::disjoint));
          call.objective = use.objective;
          const auto result = runner.run(entry.name, call, {0, 3});
          models::Counts asked;
          for (const auto& request : entry.make()->requests(setting.context(use.objective, samples, use.batch_rows))) {
            if (request.stored) continue;  // looked up, not evaluated
            const Index columns = 3 * 2 * request.columns * (request.per_sample ? samples : 1);
            const Index rows = columns * (use.batch_rows > 0 ? use.batch_rows : setting.model->rows());
            asked.add_rows(request.wanted, rows);
            asked.add_products(request.wanted, rows, setting.model->dim());
            if (request.prior && !request.wanted.local) asked.add_evaluations(request.wanted, columns);
          }
          EXPECT_EQ(result.counts, asked);
          for (const double g : result.gradients) EXPECT_TRUE(std::isfinite(g));
        }
      }
    }
  }
}

TEST(Estimates, HaveTheSameBitsInAnyGroupAndOnAnyThreads) {
  for (const families::Entry& family : families::catalogue()) {
    for (const Setting& setting : test::settings_of(family)) {
      const Runner runner(setting);
      const auto size = static_cast<std::size_t>(3 * setting.family->parameters());
      for (const estimators::Entry& entry : estimators::catalogue()) {
        for (const test::Use& use : test::uses_of(entry, setting)) {
          SCOPED_TRACE(entry.name + " on " + family.name + ", " + setting.model_name + ", " + test::text(use));
          const Index samples = entry.bad_samples(10) ? test::few_samples(entry) : 10;
          CallSettings call =
              call_of(samples, use.batch_rows, Design::replicas(3, NoisePolicy::independent, RowPolicy::without_replacement));
          call.objective = use.objective;
          const auto together = runner.run(entry.name, call, {2, 6}, 3);
          for (Index j = 2; j < 6; ++j) {
            const auto alone = runner.run(entry.name, call, {j, j + 1});
            EXPECT_TRUE(same_bits(alone.gradients,
                                  std::span<const double>(together.gradients).subspan(static_cast<std::size_t>(j - 2) * size, size)))
                << "replicate " << j;
          }
        }
      }
    }
  }
}

/// Pathwise, but with this many uniforms more than it uses.
class Wasteful final : public estimators::Estimator {
 public:
  explicit Wasteful(Index extra, estimators::Coupling coupling = estimators::Coupling::independent)
      : extra_(extra), coupling_(coupling), inner_(estimators::find("pw_cfe")->make()) {}
  [[nodiscard]] std::vector<estimators::Request> requests(const estimators::Context& c) const override { return inner_->requests(c); }
  [[nodiscard]] estimators::Coupling coupling() const override { return coupling_; }
  [[nodiscard]] Index extra_uniforms(const estimators::Context&) const override { return extra_; }
  [[nodiscard]] Index partial_size(const estimators::Context& c) const override { return inner_->partial_size(c); }
  void accumulate(const estimators::Context& c, const estimators::SampleBlock& block, std::span<double> partial) const override {
    inner_->accumulate(c, block, partial);
  }
  void finish(const estimators::Context& c, const estimators::SampleBlock& call, std::span<const double> partial,
              std::span<double> gradient) const override {
    inner_->finish(c, call, partial, gradient);
  }

 private:
  Index extra_;
  estimators::Coupling coupling_;
  std::unique_ptr<estimators::Estimator> inner_;
};

TEST(Estimates, TogetherHaveTheBitsTheyHaveAlone) {
  const auto settings = settings_of("mean_field_gaussian");
  const Setting& setting = setting_with_rows(settings);
  const Runner runner(setting);
  const CallSettings call = call_of(6, 40, {});
  const auto quiet = estimators::find("pw_cfe")->make();
  const auto measured = estimators::find("mvd")->make();
  const Wasteful wasteful(200);
  Work work;
  Estimates estimates(*setting.model, runner.data, runner.team, cluster::Reduce::exact, 1, work);
  std::vector<std::vector<double>> gradients(3);
  std::vector<models::Counts> counts(3);
  std::vector<double> seconds(3, 0.0);
  estimates.run(*setting.family, call, {4, 9}, {{quiet.get()}, {measured.get()}, {&wasteful}}, gradients, counts, seconds);
  EXPECT_TRUE(same_bits(gradients[0], runner.run("pw_cfe", call, {4, 9}).gradients));
  EXPECT_TRUE(same_bits(gradients[1], runner.run("mvd", call, {4, 9}).gradients));
  EXPECT_TRUE(same_bits(gradients[2], gradients[0]));
}

TEST(Estimates, ChargeExtraUniformsToThoseWhoAskForThem) {
  // Beside a few normals and gradients, 10 000 uniforms a sample: 8 x 32 x 10 000 of them take some 20 ms, the rest well below one.
  // The least of three runs is compared, so that an interruption must come thrice to matter.
  const auto settings = settings_of("mean_field_gaussian");
  const Setting& setting = settings.back();
  const Runner runner(setting);
  const auto quiet = estimators::find("pw_cfe")->make();
  const Wasteful wasteful(10000);
  const Wasteful half(5000);
  Work work;
  Estimates estimates(*setting.model, runner.data, runner.team, cluster::Reduce::exact, 1, work);
  std::vector<double> least(3, 1e300);
  for (int again = 0; again < 3; ++again) {
    std::vector<std::vector<double>> gradients(3);
    std::vector<models::Counts> counts(3);
    std::vector<double> seconds(3, 0.0);
    estimates.run(*setting.family, call_of(8, 0, {}), {0, 32}, {{quiet.get()}, {&wasteful}, {&half}}, gradients, counts, seconds);
    for (std::size_t e = 0; e < 3; ++e) least[e] = std::min(least[e], seconds[e]);
  }
  EXPECT_LT(least[0], 0.3 * least[1]);
  EXPECT_GT(least[2], 0.3 * least[1]);
  EXPECT_LT(least[2], 0.8 * least[1]);
}

TEST(Estimates, TrainingCallsHaveTheExtraUniforms) {
  const auto settings = settings_of("mean_field_gaussian");
  const Setting& setting = setting_with_rows(settings);
  const Runner runner(setting);
  const auto normals = setting.family->noise().rows();
  const Wasteful wasteful(7);
  const Wasteful plain(0);
  const CallSettings call = call_of(5, 0, {});
  const std::vector<estimators::Request> requests{{.wanted = {true, false}}};
  Work work;
  std::vector<double> without;
  PreparationRun(*setting.model, runner.data, runner.team, 1, *setting.family, plain, call, work)
      .train(3, requests, [&](const estimators::SampleBlock& block) {
        for (Index s = 0; s < 5; ++s) without.push_back(block.densities[0](0, s));
      });
  PreparationRun(*setting.model, runner.data, runner.team, 1, *setting.family, wasteful, call, work)
      .train(3, requests, [&](const estimators::SampleBlock& block) {
        ASSERT_EQ(block.noise.dim, normals + 7);
        std::vector<double> uniforms;
        for (Index s = 0; s < 5; ++s) {
          EXPECT_EQ(block.densities[0](0, s), without[static_cast<std::size_t>(s)]);
          for (Index d = normals; d < normals + 7; ++d) uniforms.push_back(block.noise(d, s));
        }
        std::sort(uniforms.begin(), uniforms.end());
        EXPECT_GT(uniforms.front(), 0);
        EXPECT_LT(uniforms.back(), 1);
        EXPECT_EQ(std::adjacent_find(uniforms.begin(), uniforms.end()), uniforms.end());
      });
}

TEST(Estimates, RefuseWhatTheyCannotEvaluate) {
  const auto settings = settings_of("full_rank_gaussian");
  const auto linear = std::find_if(settings.begin(), settings.end(), [](const Setting& s) { return s.model->has_local_gradient(); });
  ASSERT_NE(linear, settings.end());
  const Runner runner(*linear);
  const auto mixtures = settings_of("gaussian_mixture");
  const auto hills = std::find_if(mixtures.begin(), mixtures.end(), [](const Setting& s) { return s.model->has_local_gradient(); });
  ASSERT_NE(hills, mixtures.end());
  EXPECT_THROW((void)Runner(*hills).run("pw_local", call_of(4, 0, {}), {0, 1}), std::logic_error);
  Work work;
  const Wasteful plain(0);
  PreparationRun preparation(*linear->model, runner.data, runner.team, 1, *linear->family, plain, call_of(4, 0, {}), work);
  const auto train = [&](const estimators::Request& request) { preparation.train(0, {request}, [](const auto&) {}); };
  EXPECT_THROW(train({.wanted = {true, false}, .at_sample = false}), std::logic_error);
  EXPECT_THROW(train({.wanted = {true, false}, .per_sample = false}), std::logic_error);
  EXPECT_THROW(train({.wanted = {true, false}, .columns = 2}), std::logic_error);
  EXPECT_THROW(train({.wanted = {false, true, true}}), std::logic_error);
  const Wasteful coupled(1, estimators::Coupling::antithetic);
  Estimates estimates(*linear->model, runner.data, runner.team, cluster::Reduce::exact, 1, work);
  std::vector<std::vector<double>> gradients(1);
  std::vector<models::Counts> counts(1);
  std::vector<double> seconds(1, 0.0);
  EXPECT_THROW(estimates.run(*linear->family, call_of(4, 0, {}), {0, 1}, {{&coupled}}, gradients, counts, seconds), std::logic_error);
}

}  // namespace
}  // namespace variscope::experiments
