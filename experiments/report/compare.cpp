/// Two runs side by side: which results differ beyond their noise, and which timings moved.
#include "experiments/report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "engine/diagnostics/comparison.hpp"
#include "engine/diagnostics/moments.hpp"
#include "engine/diagnostics/summary.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::Estimate;

/// One number held against its counterpart.
struct Test {
  std::size_t section = 0;
  std::size_t row = 0;
  double p = 1;        ///< two-sided, before correction
  bool judged = true;  ///< false: an interval that cannot be trusted
  bool same = false;   ///< equal to the last bit
};

double two_sided(double t, double freedom) {
  if (!std::isfinite(t)) return 0;
  if (!(freedom > 0)) return 1;
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(freedom), std::abs(t)));
}

/// Mean of differences over its standard error; 0 where nothing differs.
double paired_t(const std::vector<double>& difference) {
  const auto n = static_cast<double>(difference.size());
  const double mean = std::accumulate(difference.begin(), difference.end(), 0.0) / n;
  double square = 0;
  for (const double d : difference) square += (d - mean) * (d - mean);
  const double error = std::sqrt(square / (n * (n - 1)));
  if (error > 0) return mean / error;
  return mean == 0 ? 0.0 : std::numeric_limits<double>::infinity();
}

/// Settings that say how often, not what: runs that differ in these measure the same.
bool says_how_often(const std::string& key) {
  static const std::vector<std::string> keys = {"study.seed",         "replicates.count", "replicates.batches", "fit.repeats",
                                                "components.designs", "sampler.chains",   "sampler.draws",      "sampler.thin"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

using Settings = std::vector<std::pair<std::string, std::string>>;

Settings what_of(const Settings& settings) {
  Settings kept;
  for (const auto& setting : settings) {
    if (!says_how_often(setting.first)) kept.push_back(setting);
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

/// Largest difference of two parameter vectors, relative to 1 + their size; infinite if they are of different lengths.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]) / (1 + std::max(std::abs(a[i]), std::abs(b[i]))));
  return largest;
}

/// Points count as the same up to this: what two machines' rounding makes of one path, not two paths.
constexpr double same_point = 1e-6;

class Comparer {
 public:
  RunComparison take(const store::RunRecord& a, const store::RunRecord& b) {
    result_.same_bits = !a.results_hash.empty() && a.results_hash == b.results_hash;
    match(a.cells, b.cells, [this](const CellRecord& x, const CellRecord& y) { cells(x, y); });
    match(a.fits, b.fits, [this](const FitCellRecord& x, const FitCellRecord& y) { fits(x, y); });
    match(a.chains, b.chains, [this](const ChainCellRecord& x, const ChainCellRecord& y) { chains(x, y); });
    judge();
    return std::move(result_);
  }

 private:
  template <class Cell, class Compare>
  void match(const std::vector<Cell>& first, const std::vector<Cell>& second, const Compare& compare) {
    std::vector<bool> taken(second.size(), false);
    for (const Cell& x : first) {
      std::optional<std::size_t> found;
      for (std::size_t k = 0; k < second.size() && !found; ++k) {
        if (!taken[k] && what_of(x.settings) == what_of(second[k].settings)) found = k;
      }
      if (!found) {
        result_.apart.push_back(
            fmt::format("{} of the first run has no counterpart with the same settings in the second{}", x.id, unlike(x, second)));
        continue;
      }
      taken[*found] = true;
      compare(x, second[*found]);
    }
    for (std::size_t k = 0; k < second.size(); ++k) {
      if (!taken[k])
        result_.apart.push_back(fmt::format("{} of the second run has no counterpart with the same settings in the first", second[k].id));
    }
  }

  /// " (its cell_000 differs in model.prior_sd: 1 / 2)", of the cell with the same id.
  template <class Cell>
  static std::string unlike(const Cell& x, const std::vector<Cell>& others) {
    const auto same = std::find_if(others.begin(), others.end(), [&](const Cell& y) { return y.id == x.id; });
    if (same == others.end()) return "";
    std::string text;
    for (const auto& [key, value] : x.settings) {
      if (says_how_often(key)) continue;
      const auto found =
          std::find_if(same->settings.begin(), same->settings.end(), [&name = key](const auto& s) { return s.first == name; });
      const std::string other = found == same->settings.end() ? "unset" : found->second;
      if (other != value) text += fmt::format("{}{}: {} / {}", text.empty() ? "" : ", ", key, value, other);
    }
    return text.empty() ? "" : fmt::format(" (its {} differs in {})", x.id, text);
  }

  void open(const std::string& id, const std::string& heading, const std::string& point) {
    result_.results.sections.push_back({id, heading, point, {}, {}});
    result_.timings.sections.push_back({id, heading, point, {}, {}});
  }

  /// value: of both; ratio: what the verdict is about, in words; test: without its place.
  void add(const std::string& name, const std::string& quantity, const TableCell& a, const TableCell& b, const TableCell& change,
           Test test) {
    TableSection& section = result_.results.sections.back();
    test.section = result_.results.sections.size() - 1;
    test.row = section.rows.size();
    section.rows.push_back({name, {words(quantity), a, b, change, number(test.p), words("")}, {}});
    tests_.push_back(test);
  }

  void timing(const std::string& name, double a, double b) {
    if (!(a > 0) || !(b > 0)) return;
    result_.timings.sections.back().rows.push_back({name, {number(a), number(b), number(b / a)}, {}});
  }

  void cells(const CellRecord& a, const CellRecord& b) {
    const std::string heading = fmt::format("{}, {}, M = {}, B = {}, N = {}", a.model, a.family, a.samples,
                                            a.batch_rows == 0 ? "all rows" : std::to_string(a.batch_rows), a.rows);
    for (const PointRecord& x : a.points) {
      const auto y = std::find_if(b.points.begin(), b.points.end(), [&](const PointRecord& p) { return p.label == x.label; });
      const std::string place = fmt::format("{}, point {}", a.id, x.label);
      if (y == b.points.end()) {
        result_.apart.push_back(place + ": not in the second run");
        continue;
      }
      const double moved = distance(x.lambda, y->lambda);
      if (!(moved <= same_point)) {
        result_.apart.push_back(fmt::format("{}: not compared, the parameters differ by {} (another path); a variance belongs to its point",
                                            place, format_number(moved)));
        continue;
      }
      open(a.id, heading, x.label);
      for (const EstimatorRecord& e : x.estimators) {
        const auto f = std::find_if(y->estimators.begin(), y->estimators.end(), [&](const EstimatorRecord& r) { return r.name == e.name; });
        if (f == y->estimators.end()) {
          result_.apart.push_back(fmt::format("{}: {} was not run in the second run", place, e.name));
          continue;
        }
        estimators(a, x, e, *y, *f);
      }
    }
  }

  void estimators(const CellRecord& cell, const PointRecord& x, const EstimatorRecord& e, const PointRecord& y, const EstimatorRecord& f) {
    const bool paired = e.moments.count == f.moments.count && e.moments.parameters == f.moments.parameters;
    // Both as estimators of one point, under names that no catalogue knows, so that one summary pairs them.
    PointRecord both = x;
    both.estimators = {e, f};
    both.estimators[0].name = "first";
    both.estimators[1].name = "second";
    diagnostics::SummaryOptions options;
    options.baseline = "first";
    Estimate first;
    Estimate second;
    Estimate ratio;
    if (paired) {
      const diagnostics::PointSummary summary = diagnostics::summarise(cell, both, options);
      first = summary.estimators[0].total;
      second = summary.estimators[1].total;
      ratio = summary.estimators[1].ratio;
    } else {
      PointRecord one = both;
      one.estimators.pop_back();
      first = diagnostics::summarise(cell, one, options).estimators[0].total;
      one.estimators = {both.estimators[1]};
      second = diagnostics::summarise(cell, one, options).estimators[0].total;
      ratio = diagnostics::ratio_of_independent(second, first);
    }
    Test test;
    test.same = paired && e.moments.sum == f.moments.sum && e.moments.square == f.moments.square;
    const bool zeros = first.reliability == diagnostics::Reliability::zero && second.reliability == diagnostics::Reliability::zero;
    test.judged = test.same || zeros || ratio.reliable();
    if (!test.same && ratio.reliable()) {
      test.p = ratio.log_error > 0 ? two_sided(std::log(ratio.value) / ratio.log_error, ratio.freedom) : (ratio.value == 1 ? 1.0 : 0.0);
    }
    add(e.name, "tr Var", estimate(first), estimate(second), ratio.defined() ? estimate(ratio) : words("n/a"), test);
    means(x, e, y, f, paired, test.same);
    timing(e.name, e.seconds_per_call, f.seconds_per_call);
  }

  /// The largest standardised difference of a coordinate of the mean gradient.
  void means(const PointRecord& x, const EstimatorRecord& e, const PointRecord& y, const EstimatorRecord& f, bool paired, bool same) {
    const auto parameters = static_cast<std::size_t>(e.moments.parameters);
    if (f.moments.parameters != e.moments.parameters || parameters == 0) return;
    double largest = 0;
    double freedom = 0;
    const diagnostics::PooledMoments p = diagnostics::pool(e.moments);
    const diagnostics::PooledMoments q = diagnostics::pool(f.moments);
    for (std::size_t d = 0; d < parameters; ++d) {
      const double shift = y.reference[d] - x.reference[d];
      double t = 0;
      if (paired) {
        std::vector<double> difference;
        for (std::size_t b = 0; b < e.moments.count.size(); ++b) {
          if (e.moments.count[b] == 0) continue;
          difference.push_back((f.moments.sum[b * parameters + d] - e.moments.sum[b * parameters + d]) / e.moments.count[b] + shift);
        }
        if (difference.size() < 2) return;
        t = paired_t(difference);
        freedom = static_cast<double>(difference.size()) - 1;
      } else {
        const double error = std::sqrt(p.variance[d] / p.count + q.variance[d] / q.count);
        const double moved = q.deviation[d] - p.deviation[d] + shift;
        t = moved == 0 ? 0.0 : moved / error;
        freedom = std::min(p.count, q.count) - 1;
      }
      largest = std::max(largest, std::abs(t));
    }
    Test test;
    test.same = same && x.reference == y.reference;
    // Differences of rounding alone (another machine's order of sums) are beyond any noise of paired runs, and no finding.
    double scale = 0;
    double moved = 0;
    for (std::size_t d = 0; d < parameters; ++d) {
      scale = std::max(scale, std::sqrt(std::max(p.mean_square[d], q.mean_square[d])) + std::abs(x.reference[d]));
      moved = std::max(moved, std::abs(q.deviation[d] + y.reference[d] - p.deviation[d] - x.reference[d]));
    }
    const bool rounding = moved <= 1e-10 * scale;
    test.p = test.same || rounding ? 1.0 : std::min(1.0, static_cast<double>(parameters) * two_sided(largest, freedom));
    add(e.name, "mean gradient", words("-"), words("-"), number(moved, rounding ? " (rounding)" : ""), test);
  }

  void fits(const FitCellRecord& a, const FitCellRecord& b) {
    open(a.id, fmt::format("{}, {}, {}", a.model, a.family, a.method), "end of the fits");
    for (std::size_t k = 0; k < a.estimators.size(); ++k) {
      const auto other = std::find(b.estimators.begin(), b.estimators.end(), a.estimators[k]);
      if (other == b.estimators.end()) {
        result_.apart.push_back(fmt::format("{}: {} was not run in the second run", a.id, a.estimators[k]));
        continue;
      }
      const auto l = static_cast<std::size_t>(other - b.estimators.begin());
      fits_of(a, k, b, l);
    }
  }

  static std::vector<double> last_objectives(const FitCellRecord& cell, std::size_t estimator) {
    std::vector<double> values;
    for (Index r = 0; r < cell.repeats; ++r)
      values.push_back(cell.fit(estimator, r).objective.empty() ? std::nan("") : cell.fit(estimator, r).objective.back());
    return values;
  }

  void fits_of(const FitCellRecord& a, std::size_t k, const FitCellRecord& b, std::size_t l) {
    const auto seconds_of = [](const FitCellRecord& cell, std::size_t estimator) {
      double sum = 0;
      for (Index r = 0; r < cell.repeats; ++r) sum += cell.fit(estimator, r).seconds.empty() ? 0 : cell.fit(estimator, r).seconds.back();
      return sum / static_cast<double>(cell.repeats);
    };
    compare_samples(a.estimators[k], "objective at the end", last_objectives(a, k), last_objectives(b, l));
    if (a.variable_names == b.variable_names) {
      for (std::size_t v = 0; v < a.variable_names.size(); ++v) {
        const auto means = [v](const FitCellRecord& cell, std::size_t estimator) {
          std::vector<double> values;
          for (Index r = 0; r < cell.repeats; ++r) {
            const FitRecord& fit = cell.fit(estimator, r);
            values.push_back(v < fit.mean.size() ? fit.mean[v] : std::nan(""));
          }
          return values;
        };
        compare_samples(a.estimators[k], "mean of " + a.variable_names[v], means(a, k), means(b, l));
      }
    }
    timing(a.estimators[k], seconds_of(a, k), seconds_of(b, l));
  }

  /// One number a repeat: paired where there are as many, by Welch's test otherwise.
  void compare_samples(const std::string& name, const std::string& quantity, const std::vector<double>& a, const std::vector<double>& b) {
    const auto mean_of = [](const std::vector<double>& x) {
      return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
    };
    Test test;
    test.same = a == b;
    const double first = mean_of(a);
    const double second = mean_of(b);
    test.judged = test.same || (std::isfinite(first) && std::isfinite(second) && a.size() > 1 && b.size() > 1);
    if (test.judged && !test.same) {
      if (a.size() == b.size()) {
        std::vector<double> difference;
        for (std::size_t r = 0; r < a.size(); ++r) difference.push_back(b[r] - a[r]);
        test.p = two_sided(paired_t(difference), static_cast<double>(a.size()) - 1);
      } else {
        const auto square_error = [&](const std::vector<double>& x, double mean) {
          double sum = 0;
          for (const double value : x) sum += (value - mean) * (value - mean);
          const auto n = static_cast<double>(x.size());
          return sum / (n * (n - 1));
        };
        const double p = square_error(a, first);
        const double q = square_error(b, second);
        const double freedom = (p + q) * (p + q) / (p * p / static_cast<double>(a.size() - 1) + q * q / static_cast<double>(b.size() - 1));
        test.p = p + q > 0 ? two_sided((second - first) / std::sqrt(p + q), freedom) : (first == second ? 1.0 : 0.0);
      }
      const double scale = std::max(std::abs(first), std::abs(second));
      if (std::abs(second - first) <= 1e-10 * scale) test.p = 1;
    }
    const auto shown = [](double value) { return std::isfinite(value) ? number(value) : words("n/a"); };
    add(name, quantity, shown(first), shown(second), shown(second - first), test);
  }

  void chains(const ChainCellRecord& a, const ChainCellRecord& b) {
    open(a.id, fmt::format("{}, chains of {} and {} draws", a.model, a.draws, b.draws), "posterior");
    for (const ChainsRecord& x : a.samplers) {
      const auto y = std::find_if(b.samplers.begin(), b.samplers.end(), [&](const ChainsRecord& r) { return r.sampler == x.sampler; });
      if (y == b.samplers.end()) {
        result_.apart.push_back(fmt::format("{}: {} was not run in the second run", a.id, x.sampler));
        continue;
      }
      if (a.scalar_names != b.scalar_names) {
        result_.apart.push_back(fmt::format("{}: {} stored other variables in the second run", a.id, x.sampler));
        continue;
      }
      for (std::size_t v = 0; v < a.scalar_names.size(); ++v) {
        for (const char* figure : {"mean", "sd"}) scalars(x, *y, v, figure, a.scalar_names[v]);
      }
      timing(x.sampler, x.seconds, y->seconds);
    }
  }

  /// A moment of two independent posteriors' draws, in Monte Carlo standard errors of both; not judged where chains have not mixed.
  void scalars(const ChainsRecord& x, const ChainsRecord& y, std::size_t v, const std::string& figure, const std::string& name) {
    const std::size_t value = place_of(scalar_figures, figure);
    const std::size_t rhat = place_of(scalar_figures, "rhat_bulk");
    const double first = x.scalar(v, value);
    const double second = y.scalar(v, value);
    const double error = std::hypot(x.scalar(v, value + 1), y.scalar(v, value + 1));
    Test test;
    test.same = x.trace_hash == y.trace_hash;
    const bool mixed = x.scalar(v, rhat) < 1.01 && y.scalar(v, rhat) < 1.01;
    test.judged = test.same || (mixed && std::isfinite(first) && std::isfinite(second) && error > 0);
    // Effective sizes are the freedom of these errors; at the hundreds that R-hat below 1.01 takes, the normal law serves.
    if (test.judged && !test.same) test.p = std::erfc(std::abs(second - first) / error / std::sqrt(2.0));
    const auto shown = [](double number_shown) { return std::isfinite(number_shown) ? number(number_shown) : words("n/a"); };
    add(x.sampler, figure + " of " + name, shown(first), shown(second), shown(second - first), test);
  }

  /// Holm: the smallest p against rate / n, the next against rate / (n - 1), until one passes.
  void judge() {
    std::vector<std::size_t> order;
    for (std::size_t k = 0; k < tests_.size(); ++k) {
      if (tests_[k].judged) order.push_back(k);
    }
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return tests_[i].p < tests_[j].p; });
    std::vector<bool> differs(tests_.size(), false);
    for (std::size_t k = 0; k < order.size(); ++k) {
      if (tests_[order[k]].p > compare_false_alarm_rate / static_cast<double>(order.size() - k)) break;
      differs[order[k]] = true;
    }
    for (std::size_t k = 0; k < tests_.size(); ++k) {
      const Test& test = tests_[k];
      auto& cells = result_.results.sections[test.section].rows[test.row].cells;
      cells.back() = words(!test.judged ? "not judged" : test.same ? "same bits" : differs[k] ? "DIFFERS" : "agrees");
      if (!test.judged) cells[4] = words("-");
      result_.compared += test.judged ? 1 : 0;
      result_.not_judged += test.judged ? 0 : 1;
      result_.differing += differs[k] ? 1 : 0;
    }
    Table& results = result_.results;
    results.title = "Results of two runs";
    results.panels = {"first and second run"};
    results.columns = {{"quantity", "quantity", "", 0}, {"first", "first", "", 0}, {"second", "second", "", 0},
                       {"change", "change", "", 0},     {"p", "p", "", 0},         {"verdict", "verdict", "", 0}};
    results.caption = fmt::format(
        "change: of tr Var second / first, paired batch by batch where both runs have the same batches; of the mean gradient the largest "
        "difference of a coordinate; of fits the difference of means over repeats, of chains of posterior moments (independent of each "
        "other; not judged where R-hat is above 1.01). p: two-sided, uncorrected. DIFFERS: at a family-wise "
        "rate of "
        "{:.0f} % over everything compared here (Holm). not judged: an interval that cannot be trusted.",
        100 * compare_false_alarm_rate);
    Table& timings = result_.timings;
    timings.title = "Timings of two runs";
    timings.panels = {"seconds"};
    timings.columns = {{"first", "first", "s", 0}, {"second", "second", "s", 0}, {"ratio", "second / first", "", 0}};
    timings.caption = "Seconds a call (of fits: a fit). Timings carry no interval: compare runs of one machine, more than once.";
    std::erase_if(timings.sections, [](const TableSection& section) { return section.rows.empty(); });
  }

  RunComparison result_;
  std::vector<Test> tests_;
};

}  // namespace

RunComparison compare_runs(const store::RunRecord& a, const store::RunRecord& b) { return Comparer().take(a, b); }

}  // namespace variscope::experiments
