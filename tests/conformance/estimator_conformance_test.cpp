/// What every catalogued estimator must do on every family it serves: equal its definition, merge without loss, ask for what it needs.
#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/conformance/estimator_setting.hpp"
#include "tests/engine/estimators/reference.hpp"

namespace variscope {
namespace {

using estimators::Entry;
using estimators::Objective;
using test::Call;
using test::Setting;
using test::Use;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

/// The largest entry of what an estimate is made of: densities, times scores or path derivatives. Rounding is relative to it.
double magnitude(const Setting& setting, Call& call) {
  double density = 0;
  for (const tiles::Batch& batch : call.densities()) {
    for (Index c = 0; c < batch.count(); ++c) {
      for (Index row = 0; row < batch.dim(); ++row) density = std::max(density, std::abs(batch(row, c)));
    }
  }
  const auto terms = test::family_terms(*setting.family, call.noise(), call.position(), nullptr);
  long double factor = 1;
  for (const auto& scores : terms.score) {
    for (const long double score : scores) factor = std::max(factor, std::abs(score));
  }
  for (const auto& sample : terms.path) {
    for (const auto& coordinate : sample) {
      for (const long double slope : coordinate) factor = std::max(factor, std::abs(slope));
    }
  }
  return (1 + density) * static_cast<double>(factor * factor);
}

class EstimatorConformance : public test::EstimatorOnFamily {};

/// Delegates everything, but its merge loses a little of the later samples: a twin that the split test must catch.
class Lossy final : public estimators::Estimator {
 public:
  explicit Lossy(const estimators::Estimator& whole) : whole_(whole) {}
  [[nodiscard]] std::vector<estimators::Request> requests(const estimators::Context& c) const override { return whole_.requests(c); }
  [[nodiscard]] Index partial_size(const estimators::Context& c) const override { return whole_.partial_size(c); }
  void accumulate(const estimators::Context& c, const estimators::SampleBlock& block, std::span<double> partial) const override {
    whole_.accumulate(c, block, partial);
  }
  void merge(std::span<double> left, std::span<const double> right) const override {
    std::vector<double> less(right.begin(), right.end());
    for (double& x : less) x *= 1 - 1e-6;
    whole_.merge(left, less);
  }
  void finish(const estimators::Context& c, const estimators::SampleBlock& call, std::span<const double> partial,
              std::span<double> gradient) const override {
    whole_.finish(c, call, partial, gradient);
  }

 private:
  const estimators::Estimator& whole_;
};

/// Largest difference between the estimates from blocks of lanes and from smaller blocks, relative to their magnitude.
double split_difference(const estimators::Estimator& estimator, const Setting& setting, Call& call, bool pairs) {
  const auto whole = test::estimate(estimator, call);
  double largest = 0;
  for (const Index block : {1, 2, 3, 4, 5, 6, 7}) {
    if (pairs && block % 2 == 1) continue;
    const auto merged = test::estimate(estimator, call, 0, block);
    for (std::size_t p = 0; p < whole.size(); ++p) largest = std::max(largest, std::abs(merged[p] - whole[p]));
  }
  return largest / magnitude(setting, call);
}

TEST_P(EstimatorConformance, AnySplitOfTheSamplesGivesTheSameEstimate) {
  // To rounding: sums of 70 terms, a few operations each. Pairs of samples stay together where they are coupled.
  const bool pairs = estimator_->coupling() == estimators::Coupling::antithetic;
  double twin = 0;
  for_all_uses([&](const Setting& setting, const Use& use) {
    auto context = setting.context(use.objective, 70, use.batch_rows);
    const auto state = test::prepared_state(*estimator_, context);
    context.state = state;
    Call call(*estimator_, context, 1, 81);
    EXPECT_LT(split_difference(*estimator_, setting, call, pairs), 1e-13);
    twin = std::max(twin, split_difference(Lossy(*estimator_), setting, call, pairs));
    return true;
  });
  EXPECT_GT(twin, 1e-12);
}

TEST_P(EstimatorConformance, SubtreesMergeToTheBitsOfTheWholeTree) {
  // What ranks do: every node of the tree over lane blocks folded by itself, then merged with its sibling.
  for_all_uses([&](const Setting& setting, const Use& use) {
    auto context = setting.context(use.objective, 70, use.batch_rows);
    const auto state = test::prepared_state(*estimator_, context);
    context.state = state;
    const Call call(*estimator_, context, 1, 81);
    const tiles::Tree tree{9, 1};
    std::function<std::vector<double>(tiles::Node, int)> node = [&](tiles::Node at, int depth) -> std::vector<double> {
      if (depth == 0 || at.level == 0) return test::partial_of(*estimator_, call, 0, tiles::kLanes, at);
      if (tree.empty(at.left())) return node(at.right(), depth - 1);
      auto left = node(at.left(), depth - 1);
      if (!tree.empty(at.right())) estimator_->merge(left, node(at.right(), depth - 1));
      return left;
    };
    const auto whole = test::estimate(*estimator_, call);
    EXPECT_TRUE(all_finite(whole));
    for (const int depth : {1, 2, 3, 4}) {
      EXPECT_TRUE(same_bits(test::finished(*estimator_, call, 0, node(tree.root(), depth)), whole)) << "nodes of depth " << depth;
    }
    return true;
  });
}

TEST_P(EstimatorConformance, AReplicateIgnoresWhereItLies) {
  // The same samples at other columns, beside other replicates: the same bits. Six samples lie across lane blocks.
  for_all_uses([&](const Setting& setting, const Use& use) {
    const Index samples = entry_.bad_samples(6) ? test::few_samples(entry_) : 6;
    auto context = setting.context(use.objective, samples, use.batch_rows);
    const auto state = test::prepared_state(*estimator_, context);
    context.state = state;
    const Call call(*estimator_, context, 5, 82);
    for (Index c = 0; c < call.calls(); ++c) {
      EXPECT_TRUE(same_bits(test::estimate(*estimator_, call, c), test::estimate(*estimator_, call.only(c)))) << "replicate " << c;
    }
    return true;
  });
}

/// Largest difference, relative to their magnitude, of an estimate from the mean of what its samples give alone; infinite if one gives
/// nothing.
double difference_from_samples(const estimators::Estimator& estimator, const Setting& setting, Call& call) {
  const auto whole = test::estimate(estimator, call);
  estimators::Context alone = call.context();
  alone.samples = 1;
  std::vector<double> mean(whole.size(), 0.0);
  for (Index s = 0; s < call.context().samples; ++s) {
    std::vector<double> partial(static_cast<std::size_t>(estimator.partial_size(alone)), 0.0);
    std::vector<double> gradient(whole.size(), 0.0);
    call.with_block(0, s, s + 1, [&](const estimators::SampleBlock& sample) { estimator.accumulate(alone, sample, partial); });
    call.with_block(0, 0, 0, [&](const estimators::SampleBlock& none) { estimator.finish(alone, none, partial, gradient); });
    for (std::size_t p = 0; p < mean.size(); ++p) mean[p] += gradient[p] / static_cast<double>(call.context().samples);
  }
  if (!all_finite(mean)) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t p = 0; p < whole.size(); ++p) largest = std::max(largest, std::abs(mean[p] - whole[p]));
  return largest / magnitude(setting, call);
}

TEST_P(EstimatorConformance, AveragesItsSamplesUnlessItsEntrySaysThatItJoinsThem) {
  // The formulas of noise components rest on it.
  if (estimator_->coupling() != estimators::Coupling::independent) {
    EXPECT_FALSE(entry_.joins_samples) << "coupled samples say so themselves";
    return;
  }
  for_all_uses([&](const Setting& setting, const Use& use) {
    auto context = setting.context(use.objective, 8, use.batch_rows);
    const auto state = test::prepared_state(*estimator_, context);
    context.state = state;
    Call call(*estimator_, context, 1, 85);
    const double difference = difference_from_samples(*estimator_, setting, call);
    if (entry_.joins_samples) {
      EXPECT_GT(difference, 1e-9);
    } else {
      EXPECT_LT(difference, 1e-13);  // sums of 8 terms, a few operations each
    }
    return true;
  });
}

TEST_P(EstimatorConformance, HasNoiseOfItsOwnPerRowIfAndOnlyIfItAsksForLocalGradients) {
  for_all_uses([&](const Setting& setting, const Use& use) {
    const auto requests = estimator_->requests(setting.context(use.objective, 8, use.batch_rows));
    const bool local =
        std::any_of(requests.begin(), requests.end(), [](const estimators::Request& request) { return request.wanted.local; });
    EXPECT_EQ(entry_.own_noise_per_row, local);
    return true;
  });
}

TEST_P(EstimatorConformance, TheKernelsCountWhatItAsksFor) {
  for_all_uses([&](const Setting& setting, const Use& use) {
    auto context = setting.context(use.objective, 8, use.batch_rows);
    const auto state = test::prepared_state(*estimator_, context);
    context.state = state;
    const Call call(*estimator_, context, 3, 83);
    models::Counts asked;
    for (std::size_t r = 0; r < call.requests().size(); ++r) {
      const estimators::Request& request = call.requests()[r];
      EXPECT_TRUE(request.wanted.value || request.wanted.gradient || request.wanted.hessian_vector || request.wanted.local);
      EXPECT_GE(request.columns, 1);
      if (request.stored) continue;  // no evaluation: sums of what is known already
      const Index columns = 3 * call.width(r);
      const Index rows = columns * (use.batch_rows > 0 ? use.batch_rows : setting.model->rows());
      asked.add_rows(request.wanted, rows);
      asked.add_products(request.wanted, rows, setting.model->dim());
      if (request.prior && !request.wanted.local) asked.add_evaluations(request.wanted, columns);
    }
    EXPECT_EQ(call.counts(), asked);
    return true;
  });
}

TEST_P(EstimatorConformance, UsesWhatItAsksForAndNothingElse) {
  // Poison in any part of a result that was asked for shows in the gradient; in a value that was not, it does not.
  for_all_uses([&](const Setting& setting, const Use& use) {
    auto context = setting.context(use.objective, 8, use.batch_rows);
    const auto state = test::prepared_state(*estimator_, context);
    context.state = state;
    Call call(*estimator_, context, 1, 84);
    const auto clean = test::estimate(*estimator_, call);
    EXPECT_TRUE(all_finite(clean));
    for (std::size_t r = 0; r < call.requests().size(); ++r) {
      const models::Wanted wanted = call.requests()[r].wanted;
      tiles::Batch& density = call.densities()[r];
      const Call unspoilt = call.only(0);
      const tiles::Batch& kept = unspoilt.densities()[r];
      for (Index row = 0; row < density.dim(); ++row) {
        for (Index c = 0; c < density.count(); ++c) density(row, c) = kNaN;
        const auto poisoned = test::estimate(*estimator_, call);
        for (Index c = 0; c < density.count(); ++c) density(row, c) = kept(row, c);
        if (row > 0 || wanted.value) {
          EXPECT_FALSE(all_finite(poisoned)) << "request " << r << ", row " << row << " is evaluated and not used";
        } else {
          EXPECT_TRUE(same_bits(poisoned, clean)) << "request " << r << " uses a value it did not ask for";
        }
      }
    }
    return true;
  });
}

TEST_P(EstimatorConformance, ItsStateIsReproducible) {
  for_all_uses([&](const Setting& setting, const Use& use) {
    const auto context = setting.context(use.objective, 8, use.batch_rows);
    const auto state = test::prepared_state(*estimator_, context);
    EXPECT_TRUE(all_finite(state));
    EXPECT_TRUE(same_bits(test::prepared_state(*estimator_, context), state));
    EXPECT_GE(estimator_->preparation_share(context), 0);
    EXPECT_LE(estimator_->preparation_share(context), 1);
    if (estimator_->coupling() != estimators::Coupling::independent) {
      EXPECT_EQ(estimator_->extra_uniforms(context), 0);  // what the runner cannot draw
    }
    return true;
  });
}

TEST_P(EstimatorConformance, SaysWhetherItLeansOnASnapshot) {
  for_all_uses([&](const Setting& setting, const Use& use) {
    auto context = setting.context(use.objective, 8, use.batch_rows);
    const auto gradient = [&] {
      context.state = {};
      const auto state = test::prepared_state(*estimator_, context);
      context.state = state;
      const Call call(*estimator_, context, 1, 7);
      return test::estimate(*estimator_, call);
    };
    const auto here = gradient();
    std::vector<double> earlier = setting.lambda;
    for (double& x : earlier) x += 0.125;
    context.snapshot = earlier;
    EXPECT_EQ(same_bits(gradient(), here), !entry_.snapshot);
    return true;
  });
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EstimatorConformance, testing::ValuesIn(test::catalogue_pairs()), test::pair_name);

/// Estimators that tests/engine/estimators/reference.hpp writes out once more.
class EstimatorDefinition : public test::EstimatorOnFamily {};

TEST_P(EstimatorDefinition, IsWhatItComputes) {
  // Rounding: each estimate is a mean of M terms of a few operations; 1e-13 of their mean size is some hundred roundings. Families apart
  // from the mean-field Gaussian contribute rounded terms themselves, which cost another 1e-12.
  for_all_uses([&](const Setting& setting, const Use& use) {
    if (use.batch_rows > 0) return true;
    for (const Index samples : {1, 2, 3, 8, 20, 50}) {
      if (entry_.bad_samples(samples)) continue;
      auto context = setting.context(use.objective, samples);
      const auto state = test::prepared_state(*estimator_, context);
      context.state = state;
      const Call call(*estimator_, context, 1, 80);
      const auto got = test::estimate(*estimator_, call);
      const models::GaussianPrior* prior = setting.model->gaussian_prior();
      const bool mean_field = setting.family->mean_field_gaussian() != nullptr;
      const auto terms = mean_field ? test::mean_field_terms(setting.lambda, call.noise(), prior)
                                    : test::family_terms(*setting.family, call.noise(), call.position(), prior);
      tiles::Batch likelihood(1 + setting.model->dim(), samples);
      if (setting.model->rows() > 0)
        likelihood = test::likelihood(*setting.model, test::range(0, setting.model->rows()), call.position(), test::kBoth);
      tiles::Batch full = test::prior(*setting.model, call.position(), test::kBoth);
      for (Index c = 0; c < samples; ++c) {
        for (Index row = 0; row < full.dim(); ++row) full(row, c) += likelihood(row, c);
      }
      const auto expected = test::reference_estimate(entry_.name, terms, full, likelihood, use.objective, state);
      EXPECT_TRUE(expected.has_value());
      if (!expected) return false;
      for (std::size_t p = 0; p < got.size(); ++p) {
        EXPECT_NEAR(got[p], static_cast<double>(expected->gradient[p]),
                    (mean_field ? 1e-13 : 1e-12) * static_cast<double>(expected->size[p]))
            << "parameter " << p << ", " << samples << " samples";
      }
    }
    return true;
  });
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EstimatorDefinition, testing::ValuesIn([] {
                           std::vector<std::pair<std::string, std::string>> known;
                           for (const auto& pair : test::catalogue_pairs()) {
                             if (test::has_reference(pair.first)) known.push_back(pair);
                           }
                           return known;
                         }()),
                         test::pair_name);

/// What concerns an estimator alone.
class EstimatorEntry : public testing::TestWithParam<std::string> {
 protected:
  const Entry& entry_ = *estimators::find(GetParam());
};

TEST_P(EstimatorEntry, IsDocumented) {
  EXPECT_FALSE(entry_.summary.empty());
  EXPECT_FALSE(entry_.source.empty());
  EXPECT_FALSE(entry_.cost.empty());
  int same_name = 0;
  for (const Entry& other : estimators::catalogue()) same_name += other.name == entry_.name ? 1 : 0;
  EXPECT_EQ(same_name, 1);
  EXPECT_EQ(estimators::find("no_such_estimator"), nullptr);
}

TEST_P(EstimatorEntry, HasAPlaceOfItsOwnAmongThoseThatLeadAPath) {
  EXPECT_GE(entry_.leads_path, 0);
  for (const Entry& other : estimators::catalogue()) {
    EXPECT_FALSE(&other != &entry_ && entry_.leads_path > 0 && other.leads_path == entry_.leads_path) << other.name;
    EXPECT_FALSE(&other != &entry_ && entry_.makes_reference && other.makes_reference) << other.name;
  }
  EXPECT_FALSE(entry_.biased && (entry_.leads_path > 0 || entry_.makes_reference));
}

TEST_P(EstimatorEntry, ServesSomeFamilyAtTheCostItNames) {
  int served = 0;
  const auto estimator = entry_.make();
  for (const families::Entry& family : families::catalogue()) {
    for (const Setting& setting : test::settings_of(family)) {
      for (const Use& use : test::uses_of(entry_, setting)) {
        ++served;
        for (const estimators::Request& request : estimator->requests(setting.context(use.objective, 8, use.batch_rows))) {
          const bool gradient = request.wanted.gradient || request.wanted.local;
          const std::string word = request.wanted.hessian_vector ? "Hessian" : gradient ? "gradient" : "value";
          EXPECT_NE(entry_.cost.find(word), std::string::npos) << entry_.cost;
        }
      }
    }
  }
  EXPECT_GT(served, 0);
}

TEST_P(EstimatorEntry, GivesReasonsOrServes) {
  for (const families::Entry& family : families::catalogue()) {
    for (const Setting& setting : test::settings_of(family)) {
      for (const Objective objective : {Objective::elbo, Objective::expectation, Objective::importance_bound}) {
        const auto reason = estimators::reason_against(entry_, setting.context(objective, 8));
        if (reason) {
          EXPECT_GT(reason->size(), 10U);
        }
      }
    }
  }
  for (Index samples = 1; samples <= 64; ++samples) {
    const auto reason = entry_.bad_samples(samples);
    if (reason) {
      EXPECT_GT(reason->size(), 10U);
    }
    if (samples % 8 == 0) {
      EXPECT_FALSE(reason.has_value()) << *reason;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EstimatorEntry, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Entry& entry : estimators::catalogue()) names.push_back(entry.name);
                           return names;
                         }()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace variscope
