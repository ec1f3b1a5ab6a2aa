/// Stopping rules: AR(1) iterates of known standard error, a trace that Stan printed, and continuation from a stored state.
#include "engine/optimizers/stopping.hpp"

#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "engine/error.hpp"
#include "engine/optimizers/iterates.hpp"
#include "engine/random/stream.hpp"

namespace variscope::optimizers {
namespace {

std::unique_ptr<StoppingRule> make_rule(const std::string& name, const std::map<std::string, double>& numbers) {
  Arguments arguments;
  const StoppingEntry* entry = find_stopping(name);
  for (const auto& parameter : entry->parameters) arguments.numbers[parameter.name] = parameter.default_value;
  for (const auto& [key, value] : numbers) arguments.numbers.at(key) = value;
  return entry->make(arguments);
}

/// x' = r x + sqrt(1 - r^2) noise, started from its stationary law N(0, 1).
std::vector<double> ar1(double r, std::size_t length, std::uint32_t task) {
  const random::Stream stream{12, random::Purpose::testing, task, 0, 0};
  std::vector<double> values = {random::normal(stream, 0)};
  while (values.size() < length) {
    values.push_back(r * values.back() + std::sqrt(1 - r * r) * random::normal(stream, static_cast<std::uint32_t>(values.size())));
  }
  return values;
}

TEST(Iterates, StandardErrorOfTheMeanOfAnAutoregression) {
  // Var(mean) = (1 + r) / ((1 - r) n), less 2 r / (n^2 (1 - r)^2).
  for (const double r : {-0.3, 0.0, 0.5, 0.9}) {
    const std::size_t n = 4000;
    const auto count = static_cast<double>(n);
    const double truth = std::sqrt((1 + r) / (1 - r) / count - 2 * r / (count * count * (1 - r) * (1 - r)));
    double mean_square = 0;
    double found = 0;
    const int repeats = 60;
    for (int k = 0; k < repeats; ++k) {
      const auto x = ar1(r, n, static_cast<std::uint32_t>(k + 1));
      double mean = 0;
      for (const double xi : x) mean += xi / count;
      mean_square += mean * mean / repeats;
      found += mean_error(x) / repeats;
    }
    // Geyer's estimate is a few per cent off at this length (its sums stop at random lags); the means themselves have the truth's spread
    // within 4 standard errors (false alarms 6e-5).
    EXPECT_NEAR(found / truth, 1, 0.06) << r;
    EXPECT_NEAR(mean_square / (truth * truth), 1, 4 * std::sqrt(2.0 / repeats)) << r;
    // The broken twin takes the values for independent.
    if (std::abs(r) > 0.2) {
      EXPECT_GT(std::abs(1 / std::sqrt(count) / truth - 1), 0.2);
    }
  }
}

TEST(Iterates, SplitRhatSeesADrift) {
  // A line plus white noise of variance 1: halves differ by slope n / 2 in mean and have variance 1 + (slope n / 2)^2 / 12 each.
  const auto noise = ar1(0, 2000, 90);
  EXPECT_NEAR(split_rhat(noise), 1, 0.005);
  std::vector<double> line = noise;
  const double slope = 4.0 / 2000;
  for (std::size_t t = 0; t < line.size(); ++t) line[t] += slope * static_cast<double>(t);
  const double gap = 2;
  EXPECT_NEAR(split_rhat(line), std::sqrt(1 + 0.5 * gap * gap / (1 + gap * gap / 12)), 0.05);
  EXPECT_EQ(split_rhat(std::vector<double>{1, 2, 3, 4}), std::sqrt(0.5 + 2 / 0.5));
  EXPECT_EQ(split_rhat(std::vector<double>{2, 2, 2, 2, 2}), 1);
  EXPECT_TRUE(std::isnan(split_rhat(std::vector<double>{1, 2, 3})));
  EXPECT_TRUE(std::isnan(effective_size(std::vector<double>{1, 2, std::nan(""), 4})));
  EXPECT_EQ(effective_size(std::vector<double>{2, 2, 2, 2, 2}), 5);
}

/// rstanarm's documentation prints this trace of Stan's ADVI: steps, ELBO, mean and median of the window (of 10), at which it stopped.
struct StanLine {
  double elbo;
  double mean;
  double median;
};
const std::vector<StanLine> kStan = {{-11758.981, 1.000, 1.000}, {-7210.902, 0.815, 1.000}, {-6537.465, 0.578, 0.631},
                                     {-6378.312, 0.440, 0.631},  {-6340.350, 0.353, 0.103}, {-6251.900, 0.296, 0.103},
                                     {-6199.291, 0.255, 0.025},  {-6177.029, 0.224, 0.025}, {-6143.302, 0.200, 0.014},
                                     {-6117.542, 0.180, 0.014},  {-6157.149, 0.081, 0.008}};

TEST(ElboWindow, ReproducesATraceOfStan) {
  // Mean and median are looked at by the tolerance at which the rule begins to hold: the smaller of the two.
  for (std::size_t shown = 1; shown <= kStan.size(); ++shown) {
    const StanLine& line = kStan[shown - 1];
    const double smaller = std::min(line.mean, line.median);
    for (const double shift : {-0.001, 0.001}) {
      const auto rule = make_rule("elbo_window", {{"every", 1}, {"in_a_row", 1}, {"window", 10}, {"tolerance", smaller + shift}});
      std::vector<double> state(static_cast<std::size_t>(rule->state_size(0)), 0.0);
      bool stops = false;
      for (std::size_t k = 0; k < shown; ++k) stops = rule->stops({static_cast<Index>(k + 1), {}, kStan[k].elbo}, state);
      EXPECT_EQ(stops, shift > 0) << shown;
    }
  }
}

TEST(ElboWindow, ForgetsWhatIsOlderThanItsWindow) {
  const auto rule = make_rule("elbo_window", {{"every", 10}, {"in_a_row", 1}, {"window", 3}, {"tolerance", 0.05}});
  std::vector<double> state(static_cast<std::size_t>(rule->state_size(5)), 0.0);
  // Changes 1, 0.5, 0.01, 0.01: the median of the last three falls below at the fourth look.
  std::vector<double> values = {-3.03, -2.02, -2.0, -1.98};
  std::vector<bool> stopped;
  for (Index step = 1; step <= 40; ++step) {
    EXPECT_EQ(rule->wants_objective(step), step % 10 == 0);
    const double value = step % 10 == 0 ? values[static_cast<std::size_t>(step / 10 - 1)] : std::nan("");
    if (rule->stops({step, {}, value}, state)) stopped.push_back(step == 40);
  }
  EXPECT_EQ(stopped, (std::vector<bool>{true}));
}

/// lambda's distance to 1 halves at each look: relative changes 2^-k / (1 - 2^(1 - k)).
TEST(RelativeChange, HoldsWhereTheStepIsSmallAndStopsTheSecondTime) {
  for (const Index in_a_row : {1, 2, 3}) {
    const auto rule = make_rule("relative_change", {{"every", 2}, {"in_a_row", static_cast<double>(in_a_row)}, {"tolerance", 0.05}});
    std::vector<double> state(static_cast<std::size_t>(rule->state_size(2)), 0.0);
    Index stopped = 0;
    for (Index step = 1; step <= 40 && stopped == 0; ++step) {
      const double x = 1 - std::exp2(-0.5 * static_cast<double>(step));
      if (rule->stops({step, std::vector<double>{3 * x, 4 * x}}, state)) stopped = step;
    }
    // Looks k = 1, 2, ... see x = 1 - 2^-k and a change of 2^-k / (1 - 2^(1-k)): 1/14 at k = 4, 1/30 at k = 5.
    EXPECT_EQ(stopped, 2 * (5 + in_a_row - 1));
  }
}

TEST(IteratesRule, StopsWhereTheMeanIsKnownWellEnough) {
  // White noise of sd 1: the standard error of the mean of 400 is 0.05.
  const auto x = ar1(0, 400, 91);
  for (const double scale : {1.0, 3.0}) {
    for (const double mcse : {0.04, 0.06}) {
      const auto rule = make_rule("iterates", {{"every", 100}, {"in_a_row", 1}, {"window", 400}, {"mcse", mcse / scale}});
      std::vector<double> state(static_cast<std::size_t>(rule->state_size(1)), 0.0);
      Index stopped = 0;
      const std::vector<double> unit{scale};
      for (Index step = 1; step <= 400 && stopped == 0; ++step) {
        const std::vector<double> lambda{x[static_cast<std::size_t>(step - 1)]};
        if (rule->stops({step, lambda, 0.0, unit}, state)) stopped = step;
      }
      EXPECT_EQ(stopped, mcse > 0.05 ? 400 : 0);
    }
  }
}

TEST(IteratesRule, WaitsUntilADriftIsOver) {
  const auto rule = make_rule("iterates", {{"every", 50}, {"window", 100}, {"mcse", 1}, {"effective_size", 1}});
  std::vector<double> state(static_cast<std::size_t>(rule->state_size(1)), 0.0);
  const auto noise = ar1(0, 2000, 92);
  Index stopped = 0;
  for (Index step = 1; step <= 2000 && stopped == 0; ++step) {
    // Falls from 50 at a tenth per step until step 500, which the window has left behind at 600.
    const std::vector<double> lambda{noise[static_cast<std::size_t>(step - 1)] + std::max(0.0, 50 - 0.1 * static_cast<double>(step))};
    if (rule->stops({step, lambda}, state)) stopped = step;
  }
  EXPECT_GE(stopped, 600);
  EXPECT_LE(stopped, 700);
}

class StoppingConformance : public testing::TestWithParam<std::string> {};

TEST_P(StoppingConformance, IsDocumentedAndRefusesNonsense) {
  const StoppingEntry& entry = *find_stopping(GetParam());
  EXPECT_FALSE(entry.summary.empty());
  EXPECT_FALSE(entry.source.empty());
  std::set<std::string> names;
  for (const auto& parameter : entry.parameters) {
    EXPECT_FALSE(parameter.description.empty());
    names.insert(parameter.name);
    for (const double bad : {-1.0, 0.0, std::nan("")}) {
      EXPECT_THROW((void)make_rule(GetParam(), {{parameter.name, bad}}), UserError) << parameter.name;
    }
  }
  EXPECT_TRUE(names.contains("every"));
  EXPECT_TRUE(names.contains("in_a_row"));
  EXPECT_EQ(make_rule(GetParam(), {{"every", 7}})->wants_objective(7), entry.needs_objective);
  EXPECT_FALSE(make_rule(GetParam(), {{"every", 7}})->wants_objective(8));
  EXPECT_EQ(find_stopping("no_such_rule"), nullptr);
}

/// Runs until it stops or is interrupted; the state is all that goes over.
TEST_P(StoppingConformance, ContinuesFromAStoredState) {
  const auto noise = ar1(0.3, 4000, 93);
  const auto look = [&](const StoppingRule& rule, Index step, std::vector<double>& state) {
    const double x = noise[static_cast<std::size_t>(step - 1)] / static_cast<double>(step) + 3;
    const std::vector<double> lambda{x, -x};
    return rule.stops({step, lambda, -x, {}}, state);
  };
  const auto first_stop = [&](Index interrupted) {
    std::vector<double> state(static_cast<std::size_t>(make_rule(GetParam(), {})->state_size(2)), 0.0);
    auto rule = make_rule(GetParam(), {});
    for (Index step = 1; step <= 4000; ++step) {
      if (step == interrupted) rule = make_rule(GetParam(), {});
      if (look(*rule, step, state)) return std::pair{step, state};
    }
    return std::pair{Index{0}, state};
  };
  const auto whole = first_stop(0);
  EXPECT_GT(whole.first, 100);
  EXPECT_EQ(first_stop(150), whole);
  EXPECT_EQ(first_stop(200), whole);
}

TEST_P(StoppingConformance, DoesNotHoldOnWhatIsNoNumber) {
  const auto rule = make_rule(GetParam(), {{"every", 1}, {"in_a_row", 1}});
  std::vector<double> state(static_cast<std::size_t>(rule->state_size(1)), 0.0);
  const std::vector<double> bad{std::nan("")};
  for (Index step = 1; step <= 500; ++step) EXPECT_FALSE(rule->stops({step, bad, std::nan(""), {}}, state));
}

INSTANTIATE_TEST_SUITE_P(Catalogue, StoppingConformance, testing::Values("relative_change", "elbo_window", "iterates"),
                         [](const auto& at) { return at.param; });

}  // namespace
}  // namespace variscope::optimizers
