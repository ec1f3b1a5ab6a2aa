/// Variables and prior draws of every catalogued model: the user's scale and back, bits, and draws that are of the log prior's density.
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/models/catalogue.hpp"
#include "tests/conformance/model_subject.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope {
namespace {

using models::Entry;
using test::same_bits;
using test::Subject;
using tiles::Batch;

Batch constrained(const models::Model& model, const Batch& theta) {
  Batch x(model.constrained_dim(), theta.count());
  model.constrain(theta.view(), x.view());
  return x;
}

class ModelVariables : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] const models::Model& model() const { return *subject_.model; }
  const Entry& entry_ = test::configuration(GetParam());
  Subject subject_{entry_};
};

TEST_P(ModelVariables, AreNamedOnceAndHoldAtLeastTheCoordinates) {
  std::set<std::string> names;
  Index total = 0;
  for (const models::Variable& variable : model().variables()) {
    EXPECT_TRUE(names.insert(variable.name).second) << variable.name;
    for (const Index extent : variable.shape) EXPECT_GE(extent, 1) << variable.name;
    total += variable.size();
  }
  EXPECT_EQ(total, model().constrained_dim());
  EXPECT_GE(total, model().dim());
}

TEST_P(ModelVariables, GoForthAndBack) {
  const Batch theta = test::random_batch(model().dim(), 12, 1.0, 80);
  const Batch x = constrained(model(), theta);
  std::vector<double> values(static_cast<std::size_t>(x.dim()));
  std::vector<double> back(static_cast<std::size_t>(theta.dim()));
  for (Index s = 0; s < theta.count(); ++s) {
    for (Index i = 0; i < x.dim(); ++i) {
      values[static_cast<std::size_t>(i)] = x(i, s);
      EXPECT_TRUE(std::isfinite(x(i, s)));
    }
    model().unconstrain(values, back);
    for (Index d = 0; d < theta.dim(); ++d)
      EXPECT_NEAR(back[static_cast<std::size_t>(d)], theta(d, s), 1e-12 * (1 + std::abs(theta(d, s))));
  }
}

TEST_P(ModelVariables, AColumnIgnoresNeighboursLaneAndWidth) {
  const Index total = 19;
  const Batch theta = test::random_batch(model().dim(), total, 1.5, 81);
  std::vector<Batch> alone;
  for (Index s = 0; s < total; ++s) alone.push_back(constrained(model(), test::columns(theta, {s})));
  for (const Index width : {2, 7, 8, 9, 17, 33}) {
    for (Index shift = 0; shift < total; shift += 3) {
      std::vector<Index> which;
      for (Index s = 0; s < width; ++s) which.push_back((s * 5 + shift) % total);
      const Batch together = constrained(model(), test::columns(theta, which));
      for (Index s = 0; s < width; ++s) {
        const Batch& expected = alone[static_cast<std::size_t>(which[static_cast<std::size_t>(s)])];
        for (Index row = 0; row < together.dim(); ++row) ASSERT_TRUE(same_bits(together(row, s), expected(row, 0))) << "width " << width;
      }
    }
  }
}

TEST_P(ModelVariables, PriorDrawsAreOfThePriorsDensity) {
  // Stein's identities over 20000 draws: E d log prior / d theta_d = 0, E theta_d d log prior / d theta_d = -1. A Jacobian left out, a
  // scale taken for a variance, or draws of another prior miss them. 5 standard errors; below 1000 scores in the catalogue, each past 5 by
  // chance with probability 6e-7. The twin, draws moved by a tenth and stretched by a tenth about 0, must fail.
  if (!model().has_prior_simulation()) GTEST_SKIP() << "declares none";
  if (!entry_.divisible) GTEST_SKIP() << "has its likelihood in log_prior: the model's own test draws responses too";
  const Index count = 20000;
  Batch theta(model().dim(), count);
  std::vector<double> one(static_cast<std::size_t>(model().dim()));
  std::vector<double> again = one;
  for (Index s = 0; s < count; ++s) {
    const random::Stream stream{91, random::Purpose::prior_draw, 0, 0, static_cast<std::uint32_t>(s)};
    model().simulate_prior(stream, one);
    if (s < 3) {
      model().simulate_prior(stream, again);
      EXPECT_EQ(one, again);  // a function of the stream alone
    }
    for (Index d = 0; d < theta.dim(); ++d) {
      theta(d, s) = one[static_cast<std::size_t>(d)];
      ASSERT_TRUE(std::isfinite(theta(d, s)));
    }
  }
  const auto worst = [&](double shift, double stretch) {
    Batch moved(theta.dim(), count);
    for (Index s = 0; s < count; ++s) {
      for (Index d = 0; d < theta.dim(); ++d) moved(d, s) = shift + stretch * theta(d, s);
    }
    const Batch out = test::prior(model(), moved, test::kGradient);
    double largest = 0;
    const auto score = [&](auto&& term) {
      double sum = 0;
      double squares = 0;
      for (Index s = 0; s < count; ++s) {
        sum += term(s);
        squares += term(s) * term(s);
      }
      const auto n = static_cast<double>(count);
      largest = std::max(largest, std::abs(sum / n) / std::sqrt((squares / n - sum / n * sum / n) / n));
    };
    for (Index d = 0; d < theta.dim(); ++d) {
      score([&](Index s) { return out(1 + d, s); });
      score([&](Index s) { return moved(d, s) * out(1 + d, s) + 1.0; });
    }
    return largest;
  };
  EXPECT_LT(worst(0.0, 1.0), 5);
  EXPECT_GT(worst(0.1, 1.1), 5);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, ModelVariables, testing::ValuesIn(test::configuration_names()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace variscope
