/// The combiners that specs can name. A combiner is one file and one line here.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/combiners/combiner.hpp"
#include "engine/error.hpp"

namespace variscope::combiners {

namespace {

void check(std::span<const dense::Matrix> shards) {
  if (shards.empty()) throw UserError("combiner: no shards (there is nothing to combine). Give at least one.");
  for (std::size_t m = 0; m < shards.size(); ++m) {
    const dense::Matrix& shard = shards[m];
    if (shard.columns < 1 || shard.columns != shards.front().columns) {
      throw UserError(fmt::format("combiner: shard {} has {} parameters (the first has {}). Combine posteriors of one model.", m,
                                  shard.columns, shards.front().columns));
    }
    if (shard.rows < shard.columns + 3) {
      throw UserError(fmt::format("combiner: shard {} has {} draws of {} parameters (their covariance needs {}). Draw more.", m, shard.rows,
                                  shard.columns, shard.columns + 3));
    }
    if (!std::all_of(shard.values.begin(), shard.values.end(), [](double value) { return std::isfinite(value); })) {
      throw UserError(fmt::format("combiner: shard {} has draws that are not finite. Look at its chains, or leave it out.", m));
    }
  }
}

std::vector<Entry> checked(std::vector<Entry> entries) {
  for (Entry& entry : entries) {
    entry.combine = [inner = std::move(entry.combine)](std::span<const dense::Matrix> shards, const Arguments& arguments) {
      check(shards);
      return inner(shards, arguments);
    };
  }
  return entries;
}

}  // namespace

const std::vector<Entry>& catalogue() {
  static const std::vector<Entry> entries =
      checked({consensus_entry(), parametric_entry(), nonparametric_entry(), semiparametric_entry(), wasp_entry(), wasp_marginals_entry(),
               wasp_location_scatter_entry(), m_posterior_entry()});
  return entries;
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : catalogue()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace variscope::combiners
