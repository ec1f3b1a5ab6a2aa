/// `variscope data synth`: tables of any size, every row a function of seed and row number alone.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/error.hpp"
#include "engine/random/stream.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/values.hpp"
#include "engine/tiles/batch.hpp"
#include "experiments/dataset/commands.hpp"
#include "experiments/dataset/output.hpp"

namespace variscope::experiments {
namespace {

/// Doubles of design generated before they are written: fits the second-level cache.
constexpr Index kBlockNumbers = Index{1} << 16;

random::Stream row_stream(const SynthOptions& options, Index row) {
  const auto n = static_cast<std::uint64_t>(row);
  return {options.seed, random::Purpose::data_generation, 0, static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32)};
}

/// Lanes 2j and 2j+1 share a block, and two normals share both its uniforms: the response starts a block of its own.
std::uint32_t response_lane(const SynthOptions& options) { return static_cast<std::uint32_t>((options.columns + 1) / 2 * 2); }

double draw_response(const SynthOptions& options, const random::Stream& stream, double eta) {
  if (options.model == SynthModel::linear) return eta + options.noise_sd * random::normal(stream, response_lane(options));
  return random::uniform(stream, response_lane(options)) < 1.0 / (1.0 + std::exp(-eta)) ? 1.0 : 0.0;
}

std::vector<std::string> column_names(Index columns) {
  std::vector<std::string> names;
  for (Index c = 0; c < columns; ++c) names.push_back(fmt::format("x{}", c));
  return names;
}

std::string model_name(SynthModel model) {
  switch (model) {
    case SynthModel::logistic:
      return "logistic";
    case SynthModel::linear:
      return "linear";
    case SynthModel::columnwise_normal:
      return "columnwise_normal";
  }
  return "";
}

bool has_response(const SynthOptions& options) { return options.model != SynthModel::columnwise_normal; }

/// Runs on every rank; if any throws, all throw: the first rank's own error, as a UserError if it was one.
template <class Step>
void agreed(const cluster::Communicator& ranks, const Step& step) {
  std::string mine;
  try {
    step();
  } catch (const UserError& error) {
    mine = std::string("U") + error.what();
  } catch (const std::exception& error) {
    mine = std::string("S") + error.what();
  }
  for (const std::string& text : ranks.all_gather(mine)) {
    if (text.empty()) continue;
    if (text.front() == 'U') throw UserError(text.substr(1));
    throw SystemError(text.substr(1));
  }
}

}  // namespace

void check_synth(const SynthOptions& options) {
  const std::string place = "data synth";
  if (options.rows < 1) throw UserError(fmt::format("{}: {} rows (there must be at least one). Set --rows.", place, options.rows));
  if (options.columns < 1 || options.columns > (Index{1} << 31)) {
    throw UserError(fmt::format("{}: {} columns (1 to 2147483648 are possible). Set --columns.", place, options.columns));
  }
  if (!std::isfinite(options.signal) || options.signal < 0.0) {
    throw UserError(fmt::format("{}: signal {} (a standard deviation, finite and not negative). Set --signal.", place, options.signal));
  }
  if (!std::isfinite(options.noise_sd) || options.noise_sd < 0.0) {
    throw UserError(fmt::format("{}: noise {} (a standard deviation, finite and not negative). Set --noise-sd.", place, options.noise_sd));
  }
  if (!std::isfinite(options.intercept)) {
    throw UserError(fmt::format("{}: intercept {} (it must be finite). Set --intercept.", place, options.intercept));
  }
  detail::check_output(options.output, options.overwrite);
}

std::vector<double> synth_truth(const SynthOptions& options) {
  const random::Stream stream{options.seed, random::Purpose::data_truth, 0, 0, 0};
  if (!has_response(options)) {
    std::vector<double> moments;
    for (Index c = 0; c < 2 * options.columns; ++c) {
      const double z = random::normal(stream, static_cast<std::uint32_t>(c));
      moments.push_back(c < options.columns ? options.intercept + options.signal * z : options.noise_sd * std::exp(0.5 * z));
    }
    return moments;
  }
  const double scale = options.signal / std::sqrt(static_cast<double>(options.columns));
  std::vector<double> truth;
  truth.reserve(static_cast<std::size_t>(options.columns) + 1);
  for (Index c = 0; c < options.columns; ++c) truth.push_back(scale * random::normal(stream, static_cast<std::uint32_t>(c)));
  truth.push_back(options.intercept);
  return truth;
}

void synth_rows(const SynthOptions& options, const std::vector<double>& truth, Range rows, double* design, double* response) {
  const Index count = rows.size();
  const Index width = options.columns;
  std::vector<random::Stream> streams;
  for (Index row = rows.first; row < rows.last; ++row) streams.push_back(row_stream(options, row));
  tiles::Batch batch(width, count);
  random::fill_normal(streams.data(), batch.view());
  const tiles::BatchView view = batch.view();
  if (!has_response(options)) {
    for (Index r = 0; r < count; ++r) {
      for (Index d = 0; d < width; ++d)
        design[r * width + d] = truth[static_cast<std::size_t>(d)] + truth[static_cast<std::size_t>(width + d)] * view(d, r);
    }
    return;
  }
  for (Index b = 0; b < view.blocks(); ++b) {
    const double* block = view.block(b);
    const Index first = b * tiles::kLanes;
    const Index live = std::min(tiles::kLanes, count - first);
    std::array<double, tiles::kLanes> eta{};
    eta.fill(truth.back());
    for (Index d = 0; d < width; ++d) {
      const double* lanes = block + d * tiles::kLanes;
      const double coefficient = truth[static_cast<std::size_t>(d)];
      for (std::size_t lane = 0; lane < eta.size(); ++lane) eta[lane] += lanes[lane] * coefficient;
    }
    for (Index lane = 0; lane < live; ++lane) {
      double* row = design + (first + lane) * width;
      for (Index d = 0; d < width; ++d) row[d] = block[d * tiles::kLanes + lane];
      response[first + lane] = draw_response(options, streams[static_cast<std::size_t>(first + lane)], eta[static_cast<std::size_t>(lane)]);
    }
  }
}

void create_synth(const SynthOptions& options) {
  check_synth(options);
  store::TableHeader header;
  header.rows = options.rows;
  header.columns = column_names(options.columns);
  if (has_response(options))
    header.response_name = std::string("y");  // assigning the literal makes g++ 12 warn of an overlap that cannot be
  header.provenance = {{"source", "variscope data synth"},
                       {"synth_model", model_name(options.model)},
                       {"synth_seed", fmt::format("{}", options.seed)},
                       {"synth_signal", fmt::format("{}", options.signal)},
                       {"synth_intercept", fmt::format("{}", options.intercept)}};
  if (options.model != SynthModel::logistic) header.provenance["synth_noise_sd"] = fmt::format("{}", options.noise_sd);
  store::ParallelTableWriter::create(options.output, header);
  const std::vector<double> truth = synth_truth(options);
  store::Handle file = store::open_file(store::unfinished(options.output), store::Access::write);
  store::Handle dataset = store::write_doubles(file, "truth", {truth.size()}, truth.data());
  store::write_attribute(dataset, "long_name",
                         has_response(options) ? "coefficients the data were made with; the intercept is last"
                                               : "means of the columns, then their standard deviations");
  dataset.close();
  file.close();
}

void write_synth_share(const SynthOptions& options, Range rows) {
  const std::vector<double> truth = synth_truth(options);
  const Index block = std::max(tiles::kLanes, kBlockNumbers / options.columns / tiles::kLanes * tiles::kLanes);
  const auto most = static_cast<std::size_t>(std::min(block, rows.size()));
  std::vector<double> design(most * static_cast<std::size_t>(options.columns));
  std::vector<double> response(most);
  store::ParallelTableWriter writer(options.output);
  for (Index first = rows.first; first < rows.last; first += block) {
    const Range part{first, std::min(first + block, rows.last)};
    synth_rows(options, truth, part, design.data(), response.data());
    writer.write(part, design.data(), has_response(options) ? response.data() : nullptr);
  }
  writer.close();
}

void finish_synth(const SynthOptions& options) { store::ParallelTableWriter::finish(options.output); }

void synth_data(const SynthOptions& options, const cluster::Communicator& ranks) {
  const bool first = ranks.rank() == 0;
  agreed(ranks, [&] { check_synth(options); });
  try {
    agreed(ranks, [&] {
      if (first) create_synth(options);
    });
    agreed(ranks, [&] { write_synth_share(options, balanced_range(options.rows, ranks.size(), ranks.rank())); });
    agreed(ranks, [&] {
      if (first) finish_synth(options);
    });
  } catch (...) {
    if (first) detail::discard_unfinished(options.output);
    throw;
  }
}

}  // namespace variscope::experiments
