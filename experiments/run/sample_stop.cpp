/// Draws to the ranks of their scalars, verdicts to all.
#include "experiments/run/sample_stop.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace variscope::experiments {

namespace {

constexpr int kTag = 71;

}  // namespace

SampleStop::SampleStop(const SampleSettings& settings, const store::TraceGroup& posterior, const cluster::Communicator& parts, int threads)
    : settings_(settings),
      posterior_(posterior),
      parts_(parts),
      threads_(threads),
      single_(settings.single_precision),
      draws_(static_cast<std::size_t>(scalars_of(parts.rank())),
             std::vector<std::vector<double>>(static_cast<std::size_t>(settings.count()))) {}

Range SampleStop::chains_of(Index part) const { return balanced_range(settings_.count(), parts_.size(), part); }

Index SampleStop::scalars_of(Index part) const {
  const Index width = posterior_.width();
  return part < width ? (width - part - 1) / parts_.size() + 1 : 0;
}

void SampleStop::put(Range chains, Range draws, Index scalar, const double* values) {
  for (Index c = chains.first; c < chains.last; ++c) {
    auto& chain = draws_[static_cast<std::size_t>(scalar)][static_cast<std::size_t>(c)];
    chain.resize(static_cast<std::size_t>(draws.first));
    for (Index i = 0; i < draws.size(); ++i, ++values)
      chain.push_back(single_ ? static_cast<double>(static_cast<float>(*values)) : *values);
  }
}

void SampleStop::add(Range draws, const std::vector<double>& values) {
  const Index width = posterior_.width();
  const Range own = chains_of(parts_.rank());
  const Index count = draws.size();
  // [scalar of the part][chain][draw]
  const auto of_part = [&](Index part) {
    std::vector<double> message;
    message.reserve(static_cast<std::size_t>(scalars_of(part) * own.size() * count));
    for (Index scalar = part; scalar < width; scalar += parts_.size()) {
      for (Index row = 0; row < own.size() * count; ++row) message.push_back(values[static_cast<std::size_t>(row * width + scalar)]);
    }
    return message;
  };
  std::vector<std::vector<double>> sent;
  const auto take = [&](Index from, const std::vector<double>& message) {
    const Range chains = chains_of(from);
    for (Index k = 0; k < scalars_of(parts_.rank()); ++k) put(chains, draws, k, message.data() + k * chains.size() * count);
  };
  for (Index part = 0; part < parts_.size(); ++part) {
    if (part == parts_.rank() || scalars_of(part) == 0) continue;
    sent.push_back(of_part(part));
    parts_.start_send(sent.back(), static_cast<int>(part), kTag);
  }
  take(parts_.rank(), of_part(parts_.rank()));
  for (Index part = 0; part < parts_.size() && scalars_of(parts_.rank()) > 0; ++part) {
    if (part == parts_.rank()) continue;
    std::vector<double> message(static_cast<std::size_t>(scalars_of(parts_.rank()) * chains_of(part).size() * count));
    parts_.receive(message, static_cast<int>(part), kTag);
    take(part, message);
  }
  if (!sent.empty()) parts_.wait_sends();
}

bool SampleStop::look(Index draws) {
  const bool before = std::exchange(held_, holds(draws));
  return before && held_;
}

bool SampleStop::recall(const std::function<void(const std::function<void(const store::TraceBlock&)>&)>& visit, Index last, Index before) {
  const Index width = posterior_.width();
  visit([&](const store::TraceBlock& block) {
    std::vector<double> column(static_cast<std::size_t>(block.chains.size() * block.draws.size()));
    for (Index k = 0; k < scalars_of(parts_.rank()); ++k) {
      const Index scalar = parts_.rank() + k * parts_.size();
      for (std::size_t row = 0; row < column.size(); ++row)
        column[row] = block.values[row * static_cast<std::size_t>(width) + static_cast<std::size_t>(scalar)];
      put(block.chains, block.draws, k, column.data());
    }
  });
  if (last < 0) return false;
  held_ = holds(last);
  return held_ && before >= 0 && holds(before);
}

bool SampleStop::holds(Index draws) const {
  std::vector<diagnostics::Mixing> of_scalars(draws_.size());
#pragma omp parallel for num_threads(threads_) schedule(dynamic, 1) if (threads_ > 1)
  for (std::size_t k = 0; k < draws_.size(); ++k) {
    std::vector<double> values;
    for (const auto& chain : draws_[k]) values.insert(values.end(), chain.begin(), chain.begin() + draws);
    of_scalars[k] = diagnostics::judge(settings_.stop, {values, settings_.count(), draws});
  }
  diagnostics::MixingOfAll verdicts;
  for (const diagnostics::Mixing verdict : of_scalars) verdicts.add(verdict);
  const bool unmet = parts_.maximum(verdicts.unmet() ? 1 : 0) > 0;
  const bool met = parts_.maximum(verdicts.met() ? 1 : 0) > 0;
  return met && !unmet;
}

}  // namespace variscope::experiments
