/// Grouping cells by problem; statistics over repeats.
#include "experiments/report/fit_summaries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <set>

#include "engine/diagnostics/work.hpp"

namespace variscope::experiments {

namespace {

/// Settings that decide the optimum.
bool of_problem(const std::string& key) {
  for (const char* prefix : {"study.seed", "data.", "model.", "family.name", "family.rank", "family.components", "family.categories",
                             "family.point", "objective", "reference."}) {
    if (key.rfind(prefix, 0) == 0) return true;
  }
  return false;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Of these the settings that decide the posterior.
bool of_posterior(const std::string& key) { return of_problem(key) && !key.starts_with("family.") && key != "objective"; }

template <class Decides>
std::string key_of(const FitCellRecord& cell, Decides decides) {
  std::string key;
  for (const auto& [name, value] : cell.settings) {
    if (decides(name)) key += name + "=" + value + "\n";
  }
  return key;
}

/// Keys whose values are not the same in all the cells that have them: parameters of one optimizer among many do not differ.
std::set<std::string> differing(const std::vector<const FitCellRecord*>& cells) {
  std::map<std::string, std::set<std::string>> values;
  for (const FitCellRecord* cell : cells) {
    for (const auto& [key, value] : cell->settings) values[key].insert(value);
  }
  std::set<std::string> keys;
  for (const auto& [key, found] : values) {
    if (found.size() > 1) keys.insert(key);
  }
  return keys;
}

std::string words_of(const Pairs& settings, const std::set<std::string>& keys) {
  static const std::map<std::string, std::string> names = {
      {"estimators.samples", "M"}, {"estimators.batch_rows", "B"}, {"estimators.replicas", "R"}};
  std::string text;
  for (const auto& [key, value] : settings) {
    // Rows are named by their estimators, or by their method.
    if (!keys.contains(key) || key == "estimators.names" || key == "fit.method") continue;
    const auto found = names.find(key);
    const std::string name = found != names.end() ? found->second : key.rfind("fit.", 0) == 0 ? key.substr(4) : key;
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", key == "fit.optimizer" || key == "family.name" ? "" : name + " = ", value);
  }
  return text;
}

double setting(const FitCellRecord& cell, const std::string& key, double otherwise) {
  for (const auto& [name, value] : cell.settings) {
    if (name == key) return std::stod(value);
  }
  return otherwise;
}

/// decides: which settings the cells of one heading share.
template <class Decides>
std::string heading_of(const FitCellRecord& cell, const std::set<std::string>& of_study, const std::string& family, Decides decides) {
  std::string heading = fmt::format("{}{}", cell.model, family.empty() ? "" : ", " + family);
  if (cell.rows > 0) heading += fmt::format(", N = {}", cell.rows);
  std::set<std::string> keys;
  for (const std::string& key : of_study) {
    if (decides(key) && key != "model.name" && key != "family.name") keys.insert(key);
  }
  const std::string more = words_of(cell.settings, keys);
  return heading + (more.empty() ? "" : ", " + more);
}

/// Budget, seconds and optimum of a problem whose groups are complete.
void complete(FitProblem& problem) {
  problem.budget = INFINITY;
  problem.seconds = INFINITY;
  problem.optimum = -INFINITY;
  double longest = 0;
  double slowest = 0;
  for (const FitGroup& group : problem.groups) {
    for (Index r = 0; r < group.cell->repeats; ++r) {
      const FitRecord& fit = group.fit(r);
      const Index last = last_recorded(*group.cell, fit);
      if (fit.status == FitStatus::diverged || last < 0) continue;
      const auto at = static_cast<std::size_t>(last);
      problem.optimum = std::max(problem.optimum, fit.objective[at]);
      longest = std::max(longest, evaluations_at(*group.cell, fit, last));
      slowest = std::max(slowest, fit.seconds[at]);
      // One that ended of its own has its answer at any later time too.
      if (fit.ending != FitEnding::all_steps) continue;
      problem.budget = std::min(problem.budget, evaluations_at(*group.cell, fit, last));
      problem.seconds = std::min(problem.seconds, fit.seconds[at]);
    }
  }
  if (!std::isfinite(problem.budget)) problem.budget = longest;
  if (!std::isfinite(problem.seconds)) problem.seconds = slowest;
  const FitCellRecord& first = *problem.groups.front().cell;
  // A search that ended below what a fit reached has found no optimum.
  const double known = first.target.objective;
  problem.beaten =
      !first.target.method.empty() && problem.optimum > known + 5 * first.target.objective_error + 1e-6 * std::max(1.0, std::abs(known));
  problem.known = !first.target.method.empty() && !problem.beaten;
  if (problem.known) problem.optimum = known;
  problem.tolerance = setting(first, "fit.tolerance", 0.1);
}

/// Cells whose `decides` settings agree, in the order of the first of each.
template <class Decides>
std::vector<FitProblem> grouped(const std::vector<FitCellRecord>& cells, bool bounds_alone, Decides decides) {
  std::vector<std::vector<const FitCellRecord*>> by_problem;
  std::map<std::string, std::size_t> places;
  std::vector<const FitCellRecord*> all;
  for (const FitCellRecord& cell : cells) {
    if (bounds_alone && !cell.has_bound()) continue;
    const auto [place, fresh] = places.try_emplace(key_of(cell, decides), by_problem.size());
    if (fresh) by_problem.emplace_back();
    by_problem[place->second].push_back(&cell);
    all.push_back(&cell);
  }
  const std::set<std::string> of_study = differing(all);
  std::vector<FitProblem> problems;
  for (const auto& members : by_problem) {
    FitProblem problem;
    problem.cell = members.front()->id + (members.size() > 1 ? " to " + members.back()->id : "");
    problem.heading = heading_of(*members.front(), of_study, bounds_alone ? members.front()->family : "", decides);
    const std::set<std::string> variants = differing(members);
    // Estimators first: what is compared most stands side by side.
    std::vector<std::string> names;
    for (const FitCellRecord* cell : members) {
      for (const std::string& name : cell->estimators) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
      for (const Exclusion& e : cell->exclusions) {
        const auto same = [&](const Exclusion& o) { return o.estimator == e.estimator && o.reason == e.reason; };
        if (std::none_of(problem.exclusions.begin(), problem.exclusions.end(), same)) problem.exclusions.push_back(e);
      }
    }
    for (const std::string& name : names) {
      for (const FitCellRecord* cell : members) {
        const auto found = std::find(cell->estimators.begin(), cell->estimators.end(), name);
        if (found == cell->estimators.end()) continue;
        problem.groups.push_back({cell, static_cast<std::size_t>(found - cell->estimators.begin()), words_of(cell->settings, variants)});
      }
    }
    complete(problem);
    problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace

std::vector<FitProblem> summarise_fits(const std::vector<FitCellRecord>& cells) { return grouped(cells, true, of_problem); }

std::vector<FitProblem> summarise_posteriors(const std::vector<FitCellRecord>& cells) { return grouped(cells, false, of_posterior); }

Index last_recorded(const FitCellRecord& cell, const FitRecord& fit) {
  for (auto t = static_cast<Index>(cell.trace.size()); t-- > 0;) {
    if (std::isfinite(fit.objective[static_cast<std::size_t>(t)])) return t;
  }
  return -1;
}

double evaluations_at(const FitCellRecord& cell, const FitRecord& fit, Index trace) {
  return diagnostics::gradient_equivalents(fit.counts[static_cast<std::size_t>(trace)], cell.rows);
}

bool converged(const FitRecord& fit) {
  if (fit.status == FitStatus::diverged) return false;
  std::size_t last = fit.objective.size();
  while (last > 0 && !std::isfinite(fit.objective[last - 1])) --last;
  // Particles have no objective, and some searches none at their start.
  if (last == 0 || !std::isfinite(fit.objective.front())) return true;
  constexpr double kErrors = 5;
  const double error = std::hypot(fit.objective_error[last - 1], fit.objective_error.front());
  return fit.objective[last - 1] >= fit.objective.front() - kErrors * error;
}

diagnostics::Estimate over_repeats(const std::vector<double>& values) {
  diagnostics::Estimate result;
  double count = 0;
  double mean = 0;
  double square = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    count += 1;
    const double delta = value - mean;
    mean += delta / count;
    square += delta * (value - mean);
  }
  if (count == 0) return result;
  result.value = mean;
  result.reliability = diagnostics::Reliability::reliable;
  if (count < 2) return result;
  result.freedom = count - 1;
  result.error = std::sqrt(square / (count - 1) / count);
  const double reach = boost::math::quantile(boost::math::complement(boost::math::students_t(count - 1), 0.025)) * result.error;
  result.lower = mean - reach;
  result.upper = mean + reach;
  return result;
}

std::vector<double> of_converged(const FitGroup& group, const std::function<double(const FitRecord&)>& value) {
  std::vector<double> values;
  for (Index r = 0; r < group.cell->repeats; ++r) {
    if (converged(group.fit(r))) values.push_back(value(group.fit(r)));
  }
  return values;
}

diagnostics::Estimate median_of(std::vector<double> values) {
  diagnostics::Estimate result;
  values.erase(std::remove_if(values.begin(), values.end(), [](double v) { return std::isnan(v); }), values.end());
  if (values.empty()) return result;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  result.value = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  if (!std::isfinite(result.value)) return {};
  result.reliability = diagnostics::Reliability::reliable;
  if (values.size() > 1 && std::isfinite(values.back())) {
    result.lower = values.front();
    result.upper = values.back();
  }
  return result;
}

}  // namespace variscope::experiments
