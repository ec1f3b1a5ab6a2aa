/// When a fit may stop.
#include "engine/optimizers/stopping.hpp"

#include <algorithm>
#include <cmath>

#include "engine/optimizers/arguments.hpp"
#include "engine/optimizers/iterates.hpp"

namespace variscope::optimizers {

void StoppingRule::record(const Look&, std::span<double>) const {}

bool StoppingRule::stops(const Look& look, std::span<double> state) const {
  record(look, state.subspan(1));
  if (!on_grid(look.steps)) return false;
  double& row = state[0];
  row = holds(look, state.subspan(1)) ? row + 1 : 0;
  return row >= static_cast<double>(in_a_row_);
}

namespace {

constexpr const char* kSection = "stopping";

struct Grid {
  Index every;
  Index in_a_row;
};

Grid grid_of(const Arguments& arguments) {
  return {whole_number(arguments, "every", 1, kSection), whole_number(arguments, "in_a_row", 1, kSection)};
}

/// |lambda - lambda of the last look| <= tolerance |lambda of the last look|, Euclidean. Kept: whether there was one, and it.
class RelativeChange final : public StoppingRule {
 public:
  RelativeChange(const Grid& grid, double tolerance) : StoppingRule(grid.every, grid.in_a_row), tolerance_(tolerance) {}

 private:
  [[nodiscard]] Index kept(Index parameters) const override { return 1 + parameters; }

  [[nodiscard]] bool holds(const Look& look, std::span<double> kept) const override {
    const auto last = kept.subspan(1);
    double change = 0;
    double size = 0;
    for (std::size_t i = 0; i < last.size(); ++i) {
      change += (look.lambda[i] - last[i]) * (look.lambda[i] - last[i]);
      size += last[i] * last[i];
    }
    const bool first = kept[0] == 0;
    kept[0] = 1;
    std::copy(look.lambda.begin(), look.lambda.end(), last.begin());
    return !first && std::isfinite(size) && std::sqrt(change) <= tolerance_ * std::sqrt(size);
  }

  double tolerance_;
};

StoppingEntry relative_change_entry() {
  StoppingEntry entry;
  entry.name = "relative_change";
  entry.summary = "the parameters have moved by less than `tolerance` of their length since the last look";
  entry.source = "definition; cf. PyMC, CheckParametersConvergence";
  entry.parameters = {{"every", "steps between looks", 100},
                      {"in_a_row", "looks at which it must hold one after the other", 2},
                      {"tolerance", "relative change, above 0", 1e-3}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<RelativeChange>(grid_of(arguments), number_above(arguments, "tolerance", 0, kSection));
  };
  return entry;
}

/// Kept: looks so far, the last objective, a ring of relative changes |(last - now) / now|. The objective before the first look counts as
/// 0, which makes the first change 1, and the median is the upper of two: as Stan has it, so that its traces are reproduced.
class ElboWindow final : public StoppingRule {
 public:
  ElboWindow(const Grid& grid, Index window, double tolerance)
      : StoppingRule(grid.every, grid.in_a_row), window_(window), tolerance_(tolerance) {}

 private:
  [[nodiscard]] Index kept(Index) const override { return 2 + window_; }
  [[nodiscard]] bool needs_objective() const override { return true; }

  [[nodiscard]] bool holds(const Look& look, std::span<double> kept) const override {
    // An estimate that is no number leaves no trace, but the row of looks is broken.
    if (!std::isfinite(look.objective)) return false;
    const auto place = static_cast<std::size_t>(static_cast<Index>(kept[0]) % window_);
    kept[2 + place] = std::abs((kept[1] - look.objective) / look.objective);
    kept[0] += 1;
    kept[1] = look.objective;
    const auto filled = static_cast<std::size_t>(std::min(static_cast<Index>(kept[0]), window_));
    std::vector<double> changes(kept.begin() + 2, kept.begin() + 2 + static_cast<std::ptrdiff_t>(filled));
    std::sort(changes.begin(), changes.end());
    double sum = 0;
    for (const double change : changes) sum += change;
    return std::min(sum / static_cast<double>(filled), changes[filled / 2]) < tolerance_;
  }

  Index window_;
  double tolerance_;
};

StoppingEntry elbo_window_entry() {
  StoppingEntry entry;
  entry.name = "elbo_window";
  entry.summary = "mean or median of the objective's relative changes over the last looks is below `tolerance`";
  entry.source = "Kucukelbir et al. 2017, JMLR 18(14); Stan, stan/variational/advi.hpp (eval_elbo 100, tol_rel_obj 0.01)";
  entry.needs_objective = true;
  entry.parameters = {{"every", "steps between looks", 100},
                      {"in_a_row", "looks at which it must hold one after the other (Stan: 1)", 2},
                      {"window", "looks in the window (Stan: a tenth of the most, at least 2)", 10},
                      {"tolerance", "relative change, above 0", 0.01}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<ElboWindow>(grid_of(arguments), whole_number(arguments, "window", 1, kSection),
                                        number_above(arguments, "tolerance", 0, kSection));
  };
  return entry;
}

struct IterateLimits {
  double rhat;
  double mcse;
  double least_size;
};

/// Kept: iterates recorded, and a ring of the last `window`, parameter by parameter.
class Iterates final : public StoppingRule {
 public:
  Iterates(const Grid& grid, Index window, Index thin, const IterateLimits& limits)
      : StoppingRule(grid.every, grid.in_a_row), window_(window), thin_(thin), limits_(limits) {}

 private:
  [[nodiscard]] Index kept(Index parameters) const override { return 1 + window_ * parameters; }

  void record(const Look& look, std::span<double> kept) const override {
    if (look.steps % thin_ != 0) return;
    const auto place = static_cast<std::size_t>(static_cast<Index>(kept[0]) % window_);
    const auto length = static_cast<std::size_t>(window_);
    for (std::size_t i = 0; i < look.lambda.size(); ++i) kept[1 + i * length + place] = look.lambda[i];
    kept[0] += 1;
  }

  [[nodiscard]] bool holds(const Look& look, std::span<double> kept) const override {
    if (kept[0] < static_cast<double>(window_)) return false;
    const auto oldest = static_cast<std::ptrdiff_t>(static_cast<Index>(kept[0]) % window_);
    const auto length = static_cast<std::size_t>(window_);
    std::vector<double> sequence(length);
    for (std::size_t i = 0; i < look.lambda.size(); ++i) {
      const auto ring = kept.subspan(1 + i * length, length);
      std::rotate_copy(ring.begin(), ring.begin() + oldest, ring.end(), sequence.begin());
      if (!(split_rhat(sequence) <= limits_.rhat)) return false;
      const double unit = look.scale.empty() ? 1.0 : look.scale[i];
      if (!(mean_error(sequence) <= limits_.mcse * unit)) return false;
      if (!(effective_size(sequence) >= limits_.least_size)) return false;
    }
    return true;
  }

  Index window_;
  Index thin_;
  IterateLimits limits_;
};

StoppingEntry iterates_entry() {
  StoppingEntry entry;
  entry.name = "iterates";
  entry.summary = "the last iterates are stationary (split R-hat) and their mean is known to `mcse`: for averages of iterates";
  entry.source = "Dhaka et al. 2020 (NeurIPS), algorithm 1; Welandawe, Andersen, Vehtari, Huggins 2022, arXiv:2203.15945 (RABVI)";
  entry.parameters = {{"every", "steps between looks", 100},
                      {"in_a_row", "looks at which it must hold one after the other", 2},
                      {"window", "iterates kept, 20 or more", 200},
                      {"thin", "every which step is kept", 1},
                      {"rhat", "most split R-hat of any parameter, above 1", 1.1},
                      {"mcse", "most standard error of any parameter's mean, in units of its scale, above 0", 0.02},
                      {"effective_size", "least effective number of iterates, above 0", 20}};
  entry.make = [](const Arguments& arguments) {
    const IterateLimits limits{number_above(arguments, "rhat", 1, kSection), number_above(arguments, "mcse", 0, kSection),
                               number_above(arguments, "effective_size", 0, kSection)};
    return std::make_unique<Iterates>(grid_of(arguments), whole_number(arguments, "window", 20, kSection),
                                      whole_number(arguments, "thin", 1, kSection), limits);
  };
  return entry;
}

}  // namespace

const std::vector<StoppingEntry>& stopping_catalogue() {
  static const std::vector<StoppingEntry> entries = {relative_change_entry(), elbo_window_entry(), iterates_entry()};
  return entries;
}

const StoppingEntry* find_stopping(const std::string& name) {
  for (const StoppingEntry& entry : stopping_catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::optimizers
