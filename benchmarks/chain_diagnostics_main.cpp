/// Question: how long do R-hat, effective sizes and Monte Carlo errors of 1000 chains x 1000 draws take, a parameter, and what is it spent
/// on?
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/program.hpp"
#include "engine/diagnostics/chain_summary.hpp"
#include "engine/diagnostics/effective_size.hpp"
#include "engine/diagnostics/ranks.hpp"
#include "engine/random/stream.hpp"

namespace variscope::benchmarks {
namespace {

/// Autoregressions of lag-1 correlation `percent` / 100.
std::vector<double> draws_of(Index chains, Index draws, Index percent) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(chains * draws));
  const double phi = static_cast<double>(percent) / 100;
  for (Index c = 0; c < chains; ++c) {
    const random::Stream stream{1, random::Purpose::testing, 0, static_cast<std::uint32_t>(c), 0};
    double x = 0;
    for (Index i = 0; i < draws; ++i) {
      x = phi * x + random::normal(stream, static_cast<std::uint32_t>(i));
      values.push_back(x);
    }
  }
  return values;
}

void summary(benchmark::State& state) {
  const Index chains = state.range(0);
  const Index draws = state.range(1);
  const auto values = draws_of(chains, draws, state.range(2));
  const diagnostics::ChainDraws x{values, chains, draws};
  const diagnostics::NormalScores scores(diagnostics::split_draws(x));
  const std::vector<double> probabilities{0.05, 0.5, 0.95};
  Series whole, sort, ranks, size;
  for (auto _ : state) {
    whole.add(seconds_of([&] { keep(diagnostics::summarize_chains(values, 1, chains, draws, probabilities, 1).data()); }));
    state.SetIterationTime(whole.last());
    sort.add(seconds_of([&] { keep(diagnostics::SortedDraws(x).has_nan() ? nullptr : &x); }));
    const diagnostics::SortedDraws sorted(x);
    ranks.add(seconds_of([&] { keep(sorted.folded_rank_normalised(scores).values.data()); }));
    size.add(seconds_of([&] {
      const double ess = diagnostics::mean_effective_size(x);
      keep(&ess);
    }));
  }
  state.counters["all_ms"] = whole.median() * 1e3;
  state.counters["sort_ms"] = sort.median() * 1e3;
  state.counters["folded_ranks_ms"] = ranks.median() * 1e3;
  state.counters["one_ESS_ms"] = size.median() * 1e3;
}
BENCHMARK(summary)
    ->ArgNames({"chains", "draws", "correlation"})
    ->Args({1000, 1000, 0})
    ->Args({1000, 1000, 95})
    ->Args({4, 1000, 50})
    ->Args({4, 100000, 99})
    ->UseManualTime()
    ->Iterations(11)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  benchmark::AddCustomContext("one parameter",
                              "all_ms: R-hat bulk and folded, bulk and tail ESS, mean, sd, 3 quantiles with errors, one thread");
  return variscope::benchmarks::run_program(argc, argv);
}
