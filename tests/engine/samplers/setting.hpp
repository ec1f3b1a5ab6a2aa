/// Chains of a catalogued sampler on a target, as the tests run them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/models/model.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/meetings.hpp"
#include "engine/samplers/start.hpp"

namespace variscope::test {

inline std::unique_ptr<samplers::Sampler> make_sampler(const std::string& name, const models::Model& model,
                                                       const std::map<std::string, double>& numbers = {},
                                                       const std::map<std::string, std::string>& words = {}) {
  const samplers::Entry& entry = *samplers::find(name);
  return entry.make(samplers::arguments_of(entry, numbers, words), model);
}

/// Draws and records of a run: [chain][iteration][...].
struct Trace {
  std::vector<std::vector<std::vector<double>>> draws;
  std::vector<std::vector<std::vector<double>>> records;

  explicit Trace(std::size_t chains) : draws(chains), records(chains) {}
  [[nodiscard]] samplers::Observe observer() {
    return [this](Index place, const samplers::Chain& chain, std::span<const double> record) {
      draws[static_cast<std::size_t>(place)].push_back(chain.position);
      records[static_cast<std::size_t>(place)].emplace_back(record.begin(), record.end());
    };
  }
};

/// Place of a statistic in a record.
inline std::size_t place_of(const samplers::Sampler& sampler, const std::string& name) {
  const auto all = samplers::recorded_statistics(sampler);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name == name) return i;
  }
  return all.size();
}

/// Chains `range` of a run of `last` iterations, from uniform starts.
struct Chains {
  Chains(const samplers::Sampler& sampler, const models::Model& model, const samplers::Run& run, Range range, Index last, int threads = 1,
         const samplers::Start& start = {})
      : density(approximations::density_of(model)),
        chains(samplers::start_chains(sampler, density, model, run, start, range)),
        trace(chains.size()),
        shared(static_cast<std::size_t>(sampler.shared_size())) {
    sampler.start_shared(shared);
    samplers::Schedule schedule(sampler, density, run, threads);
    samplers::run_chains(sampler, run, schedule, chains, last, shared, trace.observer(), samplers::fold_here(range.size()));
    traffic = schedule.traffic();
  }
  approximations::Density density;
  std::vector<samplers::Chain> chains;
  Trace trace;
  std::vector<double> shared;
  samplers::Traffic traffic;
};

}  // namespace variscope::test
