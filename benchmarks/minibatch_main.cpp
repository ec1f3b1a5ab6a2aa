/// Question: what do 500 rows picked at random cost, beside 500 rows that lie together?
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/limits.hpp"
#include "benchmarks/logistic_data.hpp"
#include "benchmarks/program.hpp"
#include "engine/data/minibatch.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/simd/pack.hpp"
#include "experiments/run/density.hpp"

namespace variscope::benchmarks {
namespace {

constexpr Index kRows = 100000;
constexpr Index kBatch = 500;
constexpr int kRounds = 41;
constexpr int kCalls = 32;         // a round; each with rows of its own
constexpr Index kGroupBlocks = 4;  // lane blocks a study hands to the model at once

struct Setup {
  explicit Setup(Index dim)
      : table(logistic_table(kRows, dim)), model(table, 0.0, 1.0), streams(best_streams(table.design.data(), table.design.size())) {}
  data::Table table;
  models::LogisticRegression model;
  int streams;
};

const Setup& setup(Index dim) {
  static std::unique_ptr<Setup> kept;
  if (!kept || kept->model.dim() != dim) {
    kept.reset();
    kept = std::make_unique<Setup>(dim);
  }
  return *kept;
}

/// The sum of some rows, four side by side and the next eight asked for: what the memory can do at best with rows picked here and there.
/// Best or within the noise of the best of 1, 4 and 8 rows together and 0 to 32 ahead, on one AMD EPYC core at every D below.
template <class RowAt>
void sum_of_rows(const data::Table& table, RowAt row_at) {
  constexpr Index kTogether = 4;
  constexpr Index kAhead = 8;
  static_assert(kBatch % kTogether == 0);
  const Index width = table.width();
  simd::Pack sums[kTogether] = {};
  double tail = 0;
  for (Index n = 0; n < kBatch; n += kTogether) {
    const double* row[kTogether];
    const double* next[kTogether];
    for (Index i = 0; i < kTogether; ++i) {
      row[i] = table.row(row_at(n + i));
      next[i] = table.row(row_at(std::min(n + i + kAhead, kBatch - 1)));
    }
    Index d = 0;
    for (; d + simd::kWidth <= width; d += simd::kWidth) {
#pragma GCC unroll 4
      for (Index i = 0; i < kTogether; ++i) {
        __builtin_prefetch(next[i] + d);
        sums[i] += simd::load(row[i] + d);
      }
    }
    for (Index i = 0; i < kTogether; ++i) {
      __builtin_prefetch(next[i] + width - 1);  // a row need not begin with a line
      for (Index rest = d; rest < width; ++rest) tail += row[i][rest];
    }
  }
  keep(&sums);
  keep(&tail);
}

/// A round: some calls on fresh sorted random rows, as many on contiguous rows at random places, as many whole evaluations (tiles, fold,
/// prior) of random rows, and one pass over X, which also empties the caches.
void minibatch(benchmark::State& state) {
  const Index dim = state.range(0);
  const Index samples = state.range(1);
  const Setup& data = setup(dim);
  const tiles::Batch theta = positions(dim, samples);
  tiles::Batch out(1 + dim, samples);
  const auto serial = cluster::Communicator::serial();
  experiments::Work work;
  experiments::Density density(data.model, serial, cluster::Reduce::exact, 1, work);
  tiles::Batch folded;
  // What a plan makes of 1024-row tiles: leaves as coarse as still divides by a few shards.
  const Index row_tile = 2048;
  const experiments::RowTiles tiles{{(kRows + row_tile - 1) / row_tile, 1, 1}, row_tile};

  std::vector<std::vector<Index>> lists(kCalls);
  std::vector<Index> offsets(kCalls);
  data::MinibatchScratch scratch;
  std::uint32_t round = 0;
  const auto pick = [&] {
    ++round;
    for (std::uint32_t i = 0; i < kCalls; ++i) {
      const random::Stream stream{1, random::Purpose::testing, 6, round, i};
      data::draw_minibatch(stream, kRows, kBatch, data::Replacement::without, scratch, lists[i]);
      offsets[i] = static_cast<Index>(random::uniform_index({1, random::Purpose::testing, 7, round, i}, 0, kRows - kBatch));
    }
  };
  const auto evaluate = [&](const models::RowList& rows) {
    for (Index block = 0; block < theta.blocks(); block += kGroupBlocks) {
      const Index last = std::min(block + kGroupBlocks, theta.blocks());
      models::Evaluation evaluation{{true, true}, out.view().slice(block, last), {}};
      data.model.log_likelihood(rows, theta.view().slice(block, last), evaluation);
    }
    keep(out.data());
  };
  const auto random_rows = [&] {
    for (const auto& list : lists) evaluate({{}, list.data(), kBatch});
  };
  const auto contiguous_rows = [&] {
    for (const Index first : offsets) evaluate({{first, first + kBatch}});
  };
  const auto whole = [&] {
    for (const auto& list : lists) {
      const experiments::Segment segment{0, samples, false, list, static_cast<double>(kRows) / static_cast<double>(kBatch)};
      density.evaluate({.theta = theta.view()}, {&segment, 1}, tiles, {true, true}, true, folded);
      keep(folded.data());
    }
  };
  const auto sum_random = [&] {
    for (const auto& list : lists) sum_of_rows(data.table, [&](Index n) { return list[static_cast<std::size_t>(n)]; });
  };
  const auto sum_contiguous = [&] {
    for (const Index first : offsets) sum_of_rows(data.table, [&](Index n) { return first + n; });
  };
  const auto read = [&] { read_once(data.table.design.data(), data.table.design.size(), data.streams); };
  pick();
  random_rows();
  whole();
  Series random, contiguous, evaluations, picking, reading, random_sums, contiguous_sums;
  for (auto _ : state) {
    picking.add(seconds_of(pick));
    reading.add(seconds_of(read));
    const double seconds = seconds_of(random_rows);
    state.SetIterationTime(seconds);
    random.add(seconds);
    read();
    contiguous.add(seconds_of(contiguous_rows));
    read();
    evaluations.add(seconds_of(whole));
    read();
    random_sums.add(seconds_of(sum_random));
    read();
    contiguous_sums.add(seconds_of(sum_contiguous));
  }
  const double row_bytes = static_cast<double>(kBatch * dim) * sizeof(double);
  state.counters["random_us"] = random.median() / kCalls * 1e6;
  state.counters["contiguous_us"] = contiguous.median() / kCalls * 1e6;
  state.counters["ratio"] = random.over(contiguous);
  state.counters["limit_us"] = random_sums.median() / kCalls * 1e6;
  state.counters["limit_ratio"] = random_sums.over(contiguous_sums);
  state.counters["with_fold_us"] = evaluations.median() / kCalls * 1e6;
  state.counters["with_fold"] = evaluations.over(contiguous);
  state.counters["pick_us"] = picking.median() / kCalls * 1e6;
  state.counters["read_us"] = reading.median() * static_cast<double>(kBatch) / static_cast<double>(kRows) * 1e6;
  state.counters["GB/s"] = row_bytes * kCalls / random.median() / 1e9;
}
BENCHMARK(minibatch)
    ->ArgNames({"D", "S"})
    ->Args({10, 1})
    ->Args({10, 16})
    ->Args({10, 128})
    ->Args({100, 1})
    ->Args({100, 16})
    ->Args({100, 128})
    ->Args({500, 1})
    ->Args({500, 16})
    ->Args({500, 128})
    ->UseManualTime()
    ->Iterations(kRounds)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  benchmark::AddCustomContext("data", "N = 100000; 500 rows a call, value and gradient; Time: 32 calls");
  benchmark::AddCustomContext(
      "ratio",
      "random rows / contiguous rows, both the model alone; with_fold: the whole evaluation of random rows, "
      "tiles and tree included / contiguous; limit_us, limit_ratio: merely summing the random rows, and that / summing the "
      "contiguous ones; read_us: limit, 500 rows' share of one pass over X");
  return variscope::benchmarks::run_program(argc, argv);
}
