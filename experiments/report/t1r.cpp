/// Table T1r: at which rate the variance of one call falls with its number of samples.
#include "experiments/report/t1r.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "engine/diagnostics/fisher.hpp"
#include "engine/diagnostics/moments.hpp"
#include "engine/diagnostics/variance.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/render.hpp"
#include "experiments/report/same_path.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::EstimatorSummary;
using diagnostics::LeaveOneOut;
using diagnostics::VarianceStatistics;
using diagnostics::Verdict;

constexpr std::size_t kFewestCells = 3;

/// One estimator at one point: log M and the variance there, in order of M.
struct Course {
  std::vector<double> log_samples;
  std::vector<VarianceStatistics> variance;
};

/// Slopes that a weighted sum of logarithms of variances makes: least squares over all, or the last two alone.
std::vector<double> least_squares(const std::vector<double>& x) {
  double mean = 0;
  double square = 0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  for (const double v : x) square += (v - mean) * (v - mean);
  std::vector<double> weights;
  for (const double v : x) weights.push_back((v - mean) / square);
  return weights;
}
std::vector<double> last_two(const std::vector<double>& x) {
  std::vector<double> weights(x.size(), 0.0);
  const double step = x.back() - x[x.size() - 2];
  weights[x.size() - 1] = 1 / step;
  weights[x.size() - 2] = -1 / step;
  return weights;
}

/// Nothing if a variance is zero with or without some batch.
template <class Pick>
std::optional<LeaveOneOut> slope(const Course& course, const std::vector<double>& weights, const Pick& pick) {
  LeaveOneOut sum;
  sum.without.assign(pick(course.variance[0]).without.size(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const LeaveOneOut& one = pick(course.variance[i]);
    sum.value += weights[i] * std::log(one.value);
    for (std::size_t b = 0; b < sum.without.size(); ++b) sum.without[b] += weights[i] * std::log(one.without[b]);
    if (weights[i] != 0) sum.tail = std::max(sum.tail, one.tail);
    if (one.value <= one.floor) return std::nullopt;
  }
  const bool finite = std::all_of(sum.without.begin(), sum.without.end(), [](double v) { return std::isfinite(v); });
  return finite && std::isfinite(sum.value) ? std::optional(sum) : std::nullopt;
}

/// The estimator at the point of this label and lambda in every cell; nothing where too few cells have it.
std::optional<Course> course_of(const std::map<Index, const CellSummary*>& by_samples, const PointRecord& point,
                                const std::string& estimator) {
  Course course;
  for (const auto& [samples, cell] : by_samples) {
    const int like = point_like(*cell->cell, point);
    if (like < 0) continue;
    const PointRecord& there = cell->cell->points[static_cast<std::size_t>(like)];
    const int place = place_of(there, estimator);
    if (place < 0) continue;
    const auto e = static_cast<std::size_t>(place);
    const EstimatorSummary& summary = cell->points[static_cast<std::size_t>(like)].estimators[e];
    if (summary.declared_biased || summary.bias.verdict != Verdict::unbiased) continue;
    const std::vector<double> floor = diagnostics::rounding_floor(there, diagnostics::is_mean_field(*cell->cell, there));
    VarianceStatistics variance = diagnostics::variance_statistics(there.estimators[e].moments, cell->cell->blocks, floor, {});
    if (!course.variance.empty() && course.variance[0].count != variance.count) continue;
    course.log_samples.push_back(std::log(static_cast<double>(samples)));
    course.variance.push_back(std::move(variance));
  }
  if (course.variance.size() < kFewestCells) return std::nullopt;
  return course;
}

std::optional<TableRow> row_of(const std::string& name, const Course& course, const CellRecord& cell,
                               const std::vector<std::string>& blocks, std::vector<Column>& columns) {
  const std::vector<double> all = least_squares(course.log_samples);
  const auto total = [](const VarianceStatistics& v) -> const LeaveOneOut& { return v.total; };
  const auto cell_of = [&](const std::optional<LeaveOneOut>& rate) {
    return rate ? estimate(diagnostics::jackknife_signed(*rate, course.variance[0].count)) : words("n/a");
  };
  const auto whole = slope(course, all, total);
  if (!whole) return std::nullopt;
  TableRow row{name, {}};
  RowBuilder build(columns, row, columns.empty());
  build.add("rate", "rate", "", 0, cell_of(whole));
  for (const std::string& block : blocks) {
    TableCell entry = absent();
    for (std::size_t k = 0; k < cell.blocks.size(); ++k) {
      if (cell.blocks[k].name != block) continue;
      entry = cell_of(slope(course, all, [&](const VarianceStatistics& v) -> const LeaveOneOut& { return v.trace[k]; }));
    }
    build.add("rate_" + block, title_of(block), "", 0, entry);
  }
  build.add("rate_last", "of the last two M", "", 0, cell_of(slope(course, last_two(course.log_samples), total)));
  build.add("rate_cells", "numbers of M", "", csv_only, number(static_cast<double>(course.log_samples.size())));
  return row;
}

}  // namespace

Table t1r(const std::vector<CellSummary>& cells, const ReportContext& context) {
  Table table;
  table.title = fmt::format("T1r rates in the number of samples: {}", context.study);
  table.panels = {"slope of log tr Var against log M; -1 is the rate of independent samples"};
  table.essential = {"rate", "rate_last"};
  std::vector<const CellRecord*> records;
  records.reserve(cells.size());
  for (const CellSummary& cell : cells) records.push_back(cell.cell);
  const std::vector<std::string> blocks = block_names(records);
  const auto free = [](const std::string& key) { return key == "estimators.samples"; };
  for (const auto& group : groups_of(cells, free)) {
    std::map<Index, const CellSummary*> by_samples;
    for (const CellSummary* cell : group) by_samples.emplace(cell->cell->samples, cell);
    const CellRecord& first = *group.front()->cell;
    if (by_samples.size() < kFewestCells || bounds_by_importance(first)) continue;
    std::set<std::string> differing = differing_settings(records);
    differing.erase("estimators.samples");
    std::string heading = heading_of(first, differing);
    const std::string of_first = fmt::format(", M = {}", first.samples);
    heading.erase(heading.find(of_first), of_first.size());
    std::string numbers;
    for (const auto& [samples, cell] : by_samples) numbers += fmt::format("{}{}", numbers.empty() ? "M = " : ", ", samples);
    for (const PointRecord& point : first.points) {
      TableSection section{first.id, heading, point.label, {}, {numbers}};
      for (const EstimatorRecord& e : point.estimators) {
        const auto course = course_of(by_samples, point, e.name);
        if (!course) continue;
        if (auto row = row_of(e.name, *course, first, blocks, table.columns)) section.rows.push_back(std::move(*row));
      }
      if (!section.rows.empty()) table.sections.push_back(std::move(section));
    }
  }
  table.caption =
      "rate: r where tr Var of one call goes like M^r, the slope of log tr Var against log M by least squares with equal weights; of all "
      "parameters, and block by block. Independent samples have -1; above it with minibatches, whose data noise more samples leave as it "
      "is, below it where a net integrates better than chance. of the last two M: between the two largest alone; where it differs from "
      "the rate, the law is not a power yet. Brackets: 95 % intervals, jackknife over batches of replicates that all M share. At equal "
      "evaluations the ratio of two estimators with different rates depends on M.";
  table.footnotes = mark_notes(table);
  return table;
}

}  // namespace variscope::experiments
