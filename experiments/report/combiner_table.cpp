/// Distances of combined moments from those of all rows, and what both took.
#include "experiments/report/combiner_table.hpp"

#include <fmt/format.h>

#include <cmath>

#include "engine/combiners/combiner.hpp"
#include "experiments/report/entries.hpp"

namespace variscope::experiments {

namespace {

constexpr double kLargestRhat = 1.01;

TableCell or_words(double value) { return std::isfinite(value) ? number(value) : words("n/a"); }
TableCell or_nothing(double value) { return std::isfinite(value) ? number(value) : absent(); }

/// Root mean squares over coordinates, in sds of the posterior of all rows.
struct Distance {
  double mean = 0;
  double mean_noise = 0;  ///< what it would be by Monte Carlo error alone
  double mean_z = 0;      ///< largest in size
  double sd_log = 0;      ///< of log ratios
  double sd_noise = 0;
  double sd_z = 0;
  double sd_ratio = 0;  ///< geometric mean
};

Distance distance(const CombinedRecord& combined) {
  Distance d;
  const std::size_t count = combined.coordinates.size() / combined_figures.size();
  for (std::size_t c = 0; c < count; ++c) {
    const auto figure = [&](const char* name) { return combined.coordinate(c, place_of(combined_figures, name)); };
    const double shift = figure("mean") - figure("full_mean");
    const double mean_noise = std::hypot(figure("mean_error"), figure("full_mean_error"));
    const double ratio = std::log(figure("sd") / figure("full_sd"));
    const double sd_noise = std::hypot(figure("sd_error") / figure("sd"), figure("full_sd_error") / figure("full_sd"));
    d.mean += std::pow(shift / figure("full_sd"), 2);
    d.mean_noise += std::pow(mean_noise / figure("full_sd"), 2);
    d.mean_z = std::max(d.mean_z, std::abs(shift / mean_noise));
    d.sd_log += ratio * ratio;
    d.sd_noise += sd_noise * sd_noise;
    d.sd_z = std::max(d.sd_z, std::abs(ratio / sd_noise));
    d.sd_ratio += ratio;
  }
  const auto n = static_cast<double>(count);
  for (double* square : {&d.mean, &d.mean_noise, &d.sd_log, &d.sd_noise}) *square = std::sqrt(*square / n);
  d.sd_ratio = std::exp(d.sd_ratio / n);
  return d;
}

TableRow row_of(const CombinedRecord& combined, std::vector<Column>& columns) {
  TableRow row{combined.combiner, {}, fmt::format("of {}", combined.sampler)};
  RowBuilder build(columns, row, columns.empty());
  const Distance d = distance(combined);
  const auto figure = [&](const char* name) { return combined.figures[place_of(combination_figures, name)]; };
  build.add("mean_error", "mean error", "", 0, or_words(d.mean));
  build.add("mean_error_floor", "MCSE", "", 0, or_words(d.mean_noise));
  build.add("mean_error_z", "largest in s.e.", "", 0, or_words(d.mean_z));
  build.add("sd_ratio", "sd ratio", "", 0, or_words(d.sd_ratio));
  build.add("sd_error", "log sd error", "", 0, or_words(d.sd_log));
  build.add("sd_error_floor", "MCSE", "", 0, or_words(d.sd_noise));
  build.add("sd_error_z", "largest in s.e.", "", 0, or_words(d.sd_z));
  build.add("draws", "draws", "", 1, or_words(figure("draws")));
  build.add("acceptance", "acceptance", "", 1, or_nothing(figure("acceptance")));
  build.add("rhat", "R-hat", "", 1, or_nothing(figure("rhat")));
  build.add("shard_rhat", "shards' R-hat", "", 1, or_words(figure("shard_rhat")));
  build.add("gradients", "gradients", "", 2, or_words(figure("shard_gradients")));
  build.add("gradients_longest", "of one shard", "", 2, or_words(figure("shard_longest")));
  build.add("seconds", "combining", "s", 2, or_words(combined.seconds));
  build.add("shard_seconds", "slowest shard", "s", 2, or_nothing(combined.shard_seconds));
  build.add("full_seconds", "all rows", "s", 2, or_nothing(combined.full_seconds));
  return row;
}

std::string heading_of(const ChainCellRecord& cell) { return fmt::format("{}, N = {}, {} shards", cell.model, cell.rows, cell.row_shards); }

}  // namespace

Table combiner_table(const std::vector<ChainCellRecord>& cells, const std::string& study) {
  Table table;
  table.title = fmt::format("C1 combined posteriors: {}", study);
  table.panels = {"moments against the posterior of all rows", "the combination", "what it took"};
  table.place = "";
  table.essential = {"mean_error", "mean_error_floor", "sd_ratio", "sd_error", "seconds"};
  for (const ChainCellRecord& cell : cells) {
    if (cell.combined.empty()) continue;
    TableSection section{cell.id, heading_of(cell), "All coordinates", {}, {}};
    for (const CombinedRecord& combined : cell.combined) {
      section.rows.push_back(row_of(combined, table.columns));
      const auto figure = [&](const char* name) { return combined.figures[place_of(combination_figures, name)]; };
      const std::string label = section.rows.back().label();
      if (figure("shard_failed") > 0)
        section.notes.push_back(fmt::format("WARNING: {}: {:.0f} chains of shards failed and are left out", label, figure("shard_failed")));
      if (figure("rhat") > kLargestRhat) {
        section.notes.push_back(fmt::format("WARNING: {}: R-hat of the combiner's own chains is {:.2f} (> {}): they have not mixed", label,
                                            figure("rhat"), kLargestRhat));
      }
      if (figure("joint") == 0) section.notes.push_back(fmt::format("{}: marginals alone, no joint draws", label));
    }
    table.sections.push_back(std::move(section));
  }
  table.caption =
      "Posteriors of shards of the rows, each by chains of its own, put together; on the unconstrained scale. mean error: root mean square "
      "over coordinates of the distance from the mean of all rows, in sds of the posterior of all rows; log sd error: likewise of the log "
      "ratio of sds; MCSE: what either would be by the Monte Carlo error of both alone (combined: batches of draws; it does not "
      "know the combiner's bias); largest in s.e.: of any coordinate. R-hat: of combiners that are Markov chains; shards' R-hat: the "
      "largest of any shard. gradients: warm-up included, in units of one of all rows, of all shards together and of the one that took "
      "most. Seconds are wall time; shards ran one after the other, each on all ranks.";
  return table;
}

}  // namespace variscope::experiments
