/// Nets that are cut short, and entropies that are sampled.
#include "experiments/report/sampling_notes.hpp"

#include <fmt/format.h>

#include <bit>
#include <set>

#include "engine/estimators/formulas.hpp"
#include "experiments/report/dependence.hpp"

namespace variscope::experiments {

namespace {

bool power_of_two(Index points) { return std::has_single_bit(static_cast<std::uint64_t>(points)); }

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// Whether its line of mathematics has the entropy's gradient, or that of a divergence, as it is.
bool adds_entropy(const std::string& estimator) {
  const std::string formula = estimators::formula(estimator);
  return formula.starts_with("pw_cfe") || formula.find("grad H") != std::string::npos || formula.find("grad KL") != std::string::npos;
}

}  // namespace

std::string net_note(const CellRecord& cell) {
  std::set<std::string> nets;
  for (const PointRecord& point : cell.points) {
    for (const EstimatorRecord& e : point.estimators) {
      if (dependence_of(e.name).net) nets.insert(e.name);
    }
  }
  const bool split = cell.noise_policy == "split_net" && cell.replicas > 1;
  const Index points = split ? cell.samples * cell.replicas : cell.samples;
  if (nets.empty() || power_of_two(points)) return "";
  const std::string number = split ? fmt::format("R M = {} x {} = {}", cell.replicas, cell.samples, points) : fmt::format("M = {}", points);
  const std::string pieces = !split                       ? ""
                             : power_of_two(cell.samples) ? ", of which every replica has a whole smaller net"
                                                          : ", and no replica has a whole net either";
  return fmt::format(
      "{}: {} is no power of two, so that the samples are the beginning of a Sobol net and not a whole one{}; unbiased all the same, but "
      "the variance need not fall faster than that of independent samples (take {} or {})",
      joined(nets), number, pieces, std::bit_floor(static_cast<std::uint64_t>(points)), std::bit_ceil(static_cast<std::uint64_t>(points)));
}

std::string entropy_note(const std::vector<CellSummary>& cells) {
  std::set<std::string> sampled;
  std::set<std::string> closed;
  for (const CellSummary& cell : cells) {
    if (cell.cell->objective != "elbo" || cell.points.empty()) continue;
    std::set<std::string> scores;
    std::set<std::string> others;
    for (const auto& e : cell.points.front().estimators) {
      if (e.declared_biased) continue;
      if (e.name.starts_with("sf_")) scores.insert(e.name);
      if (adds_entropy(e.name)) others.insert(e.name);
    }
    if (scores.empty() || others.empty()) continue;
    sampled.merge(scores);
    closed.merge(others);
  }
  if (sampled.empty()) return "";
  return fmt::format(
      "Objective elbo: {} sample the entropy's gradient together with that of log p, and its noise is in their variance; {} add it in "
      "closed form. objective = \"expectation\" compares them without it.",
      joined(sampled), joined(closed));
}

}  // namespace variscope::experiments
