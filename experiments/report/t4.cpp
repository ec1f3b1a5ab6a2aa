/// Table T4: how near to the optimum fits came, and at what cost.
#include "experiments/report/t4.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/diagnostics/work.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"

namespace variscope::experiments {

namespace {

constexpr int objective_panel = 0;
constexpr int work_panel = 1;
constexpr std::array<double, 3> kShares = {0.01, 0.1, 1};

/// optimum - objective at the last recorded step whose `position` is within `limit`; NaN if there is none.
template <class Position>
double gap_within(const FitProblem& problem, const FitGroup& group, const FitRecord& fit, double limit, Position position) {
  double gap = NAN;
  const Index last = last_recorded(*group.cell, fit);
  for (Index t = 0; t <= last; ++t) {
    if (position(t) <= limit * (1 + 1e-12)) gap = problem.optimum - fit.objective[static_cast<std::size_t>(t)];
  }
  return gap;
}

/// The first recorded position from which on the fit stays within the tolerance; infinite if it does not come there.
template <class Position>
double arrival(const FitProblem& problem, const FitGroup& group, const FitRecord& fit, Position position) {
  double arrived = INFINITY;
  for (Index t = last_recorded(*group.cell, fit); t >= 0; --t) {
    if (!(problem.optimum - fit.objective[static_cast<std::size_t>(t)] <= problem.tolerance)) break;
    arrived = position(t);
  }
  return arrived;
}

TableCell or_words(const diagnostics::Estimate& value, const std::string& text) { return value.defined() ? estimate(value) : words(text); }

/// Fits that their stopping rule, or their search, ended before their steps did.
Index ended_early(const FitGroup& group) {
  Index count = 0;
  for (Index r = 0; r < group.cell->repeats; ++r) {
    const FitEnding ending = group.fit(r).ending;
    count += ending == FitEnding::stopped || ending == FitEnding::converged ? 1 : 0;
  }
  return count;
}

TableRow row_of(const FitProblem& problem, const FitGroup& group, std::vector<Column>& columns) {
  const FitCellRecord& cell = *group.cell;
  TableRow row{group.name(), {}, group.variant};
  RowBuilder build(columns, row, columns.empty());
  const auto evaluations = [&](const FitRecord& fit) { return [&](Index t) { return evaluations_at(cell, fit, t); }; };
  const auto seconds = [&](const FitRecord& fit) { return [&](Index t) { return fit.seconds[static_cast<std::size_t>(t)]; }; };
  const auto gaps = [&](auto gap) { return or_words(over_repeats(of_converged(group, gap)), "n/a"); };

  const auto settled = static_cast<Index>(of_converged(group, [](const FitRecord&) { return 0.0; }).size());
  build.add("diverged", "diverged", "", objective_panel, words(fmt::format("{} of {}", cell.repeats - settled, cell.repeats)));
  build.add("diverged_share", "share diverged", "", csv_only,
            number(static_cast<double>(cell.repeats - settled) / static_cast<double>(cell.repeats)));
  build.add("gap", "gap at the end", "", objective_panel, gaps([&](const FitRecord& fit) {
              return problem.optimum - fit.objective[static_cast<std::size_t>(last_recorded(cell, fit))];
            }));
  for (const double share : kShares) {
    const std::string percent = fmt::format("{:g} %", 100 * share);
    build.add(fmt::format("gap_evaluations_{:g}", 100 * share), "at " + percent + " of b", "", objective_panel,
              gaps([&](const FitRecord& fit) { return gap_within(problem, group, fit, share * problem.budget, evaluations(fit)); }));
  }
  for (const double share : {0.1, 1.0}) {
    const std::string percent = fmt::format("{:g} %", 100 * share);
    build.add(fmt::format("gap_seconds_{:g}", 100 * share), "at " + percent + " of t", "", objective_panel,
              gaps([&](const FitRecord& fit) { return gap_within(problem, group, fit, share * problem.seconds, seconds(fit)); }));
  }
  build.add("objective", "objective at the end", "nat", csv_only,
            gaps([&](const FitRecord& fit) { return fit.objective[static_cast<std::size_t>(last_recorded(cell, fit))]; }));

  const auto arrivals = [&](auto position) {
    std::vector<double> values;
    for (Index r = 0; r < cell.repeats; ++r) {
      const FitRecord& fit = group.fit(r);
      values.push_back(converged(fit) ? arrival(problem, group, fit, position(fit)) : INFINITY);
    }
    return values;
  };
  const std::vector<double> reached = arrivals(evaluations);
  const auto arrived = std::count_if(reached.begin(), reached.end(), [](double v) { return std::isfinite(v); });
  build.add("reached", "came there", "", work_panel, words(fmt::format("{} of {}", arrived, cell.repeats)));
  build.add("reached_share", "share that came there", "", csv_only,
            number(static_cast<double>(arrived) / static_cast<double>(cell.repeats)));
  build.add("evaluations_to_tolerance", "evals", "", work_panel, or_words(median_of(reached), "not reached"));
  build.add("seconds_to_tolerance", "seconds", "", work_panel, or_words(median_of(arrivals(seconds)), "not reached"));
  const auto all_steps = [&](auto value) {
    std::vector<double> values;
    for (Index r = 0; r < cell.repeats; ++r) values.push_back(value(group.fit(r)));
    return over_repeats(values);
  };
  const auto per_step = [&](const FitRecord& fit, double whole) { return fit.steps > 0 ? whole / static_cast<double>(fit.steps) : NAN; };
  build.add("steps", "steps", "", work_panel,
            number(all_steps([&](const FitRecord& fit) { return static_cast<double>(fit.steps); }).value));
  build.add("evaluations_per_step", "evals/step", "", work_panel,
            number(all_steps([&](const FitRecord& fit) {
                     return per_step(fit, evaluations_at(cell, fit, static_cast<Index>(cell.trace.size()) - 1));
                   }).value));
  build.add("seconds_per_step", "s/step", "", work_panel,
            number(all_steps([&](const FitRecord& fit) {
                     const Index last = last_recorded(cell, fit);
                     // The trace of a fit that ended early repeats its end.
                     const Index steps = last > 0 ? std::min(fit.steps, cell.trace[static_cast<std::size_t>(last)]) : 0;
                     return steps > 0 ? fit.seconds[static_cast<std::size_t>(last)] / static_cast<double>(steps) : NAN;
                   }).value));
  build.add("ended_early", "ended early", "", work_panel, words(fmt::format("{} of {}", ended_early(group), cell.repeats)));
  build.add("refused", "refused steps", "", work_panel,
            number(all_steps([](const FitRecord& fit) { return static_cast<double>(fit.refused); }).value));
  return row;
}

}  // namespace

Table t4(const std::vector<FitProblem>& problems, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T4 optimisation: {}", context.study);
  table.panels = {"gap: optimum minus objective, in nats", "work to come within the tolerance"};
  table.place = "";
  table.essential = {"diverged", "gap", "gap_evaluations_10", "reached", "evaluations_to_tolerance", "seconds_to_tolerance"};
  for (const FitProblem& problem : problems) {
    TableSection section{problem.cell, problem.heading, "All fits", {}, {}};
    const FitTarget& target = problem.groups.front().cell->target;
    section.notes.push_back(fmt::format(
        "optimum {} ({}), tolerance {} nats, b = {} evaluations, t = {} s", format_number(problem.optimum, 6),
        problem.known    ? fmt::format("{}, length of the gradient there {}", target.method, format_number(target.gradient_norm, 2))
        : problem.beaten ? fmt::format("the best objective that any of these fits found; the search for the optimum ended below it, at {}",
                                       format_number(target.objective, 6))
                         : std::string("the best objective that any of these fits found"),
        format_number(problem.tolerance), format_number(problem.budget), format_number(problem.seconds)));
    for (const FitGroup& group : problem.groups) section.rows.push_back(row_of(problem, group, table.columns));
    for (const Exclusion& e : problem.exclusions) section.notes.push_back(fmt::format("without {}: {}", e.estimator, e.reason));
    table.sections.push_back(std::move(section));
  }
  table.caption = fmt::format(
      "Fits of the same start, each repeated with random numbers of its own; estimators of one repeat share theirs. gap: mean over the "
      "repeats that did not diverge, in brackets a 95 % interval of that mean (Student's t); where the optimum is the best that was found, "
      "its own error is not in the interval. at x % of b, of t: at the last recorded step within x % of the evaluations, or seconds, that "
      "the shortest of these fits took, those that ended early left aside. diverged: ended by a parameter beyond its bound or an objective "
      "that is not finite, or ended "
      "below its start. came there: repeats that stayed within the tolerance from some recorded step on; evals, seconds: of that step, "
      "median over all repeats, in brackets the lowest and the highest; no upper end where some never came there, not reached where half "
      "did not. evals: work in gradients of one sample over all rows (of the density, without rows); a value counts 1/{:g}, a "
      "Hessian-vector product {:g}, an exact expectation 1. Objectives along the fit and posterior draws are not counted, unless "
      "sampled for a stopping rule or a search over step sizes. ended early: by a stopping rule, or since a search (L-BFGS: a step is an "
      "evaluation "
      "of what it maximises) converged. Fits whose intervals overlap are not told apart.",
      diagnostics::gradient_pass_cost, diagnostics::hessian_pass_cost / diagnostics::gradient_pass_cost);
  return table;
}

}  // namespace variscope::experiments
