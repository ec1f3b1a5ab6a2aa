/// Question: how near are the logistic log density and its gradient, on all data, to matrix product, memory and exp limits?
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/limits.hpp"
#include "benchmarks/logistic_data.hpp"
#include "benchmarks/program.hpp"
#include "engine/models/logistic_regression.hpp"
#include "experiments/run/density.hpp"

namespace variscope::benchmarks {
namespace {

constexpr Index kRows = 100000;

/// The data of one width; benchmarks of a width follow each other, so one is kept.
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

struct Case {
  models::Wanted wanted;
  Index row_tile;
  Index dim;
  Index samples;

  [[nodiscard]] double flop() const {
    return (wanted.gradient ? 4.0 : 2.0) * static_cast<double>(kRows) * static_cast<double>(dim) * static_cast<double>(samples);
  }
  /// About two seconds, at least seven rounds.
  [[nodiscard]] int rounds() const { return std::clamp(static_cast<int>(2.0 / (flop() / 60e9 + 0.1)), 7, 15); }
};

/// One round: the whole evaluation as studies do it (row tiles, tree fold, prior), dgemm, one pass over X, exp.
void logistic(benchmark::State& state, const Case& at) {
  const Setup& data = setup(at.dim);
  const tiles::Batch theta = positions(at.dim, at.samples);
  const experiments::RowTiles tiles{{(kRows + at.row_tile - 1) / at.row_tile, 1, 1}, at.row_tile};
  const experiments::Segment segment{0, at.samples, true, {}};
  const auto serial = cluster::Communicator::serial();
  experiments::Work work;
  experiments::Density density(data.model, serial, cluster::Reduce::exact, 1, work);
  tiles::Batch out;
  static Dgemm dgemm;
  const std::vector<double> x(1024, -0.7);
  std::vector<double> y(x.size());
  constexpr int kExpRounds = 1000;

  const auto kernel_call = [&] {
    density.evaluate({.theta = theta.view()}, {&segment, 1}, tiles, at.wanted, true, out);
    keep(out.data());
  };
  const auto exp_call = [&](auto&& function) {
    return seconds_of([&] {
      for (int i = 0; i < kExpRounds; ++i) {
        function(x.data(), y.data(), x.size());
        keep(y.data());
      }
    });
  };
  kernel_call();
  Series kernel, product, read, exps;
  for (auto _ : state) {
    const double seconds = seconds_of(kernel_call);
    state.SetIterationTime(seconds);
    kernel.add(seconds);
    product.add(seconds_of([&] { dgemm.run(); }));
    read.add(seconds_of([&] { read_once(data.table.design.data(), entries(data.table), data.streams); }));
    exps.add(std::min(exp_call(vector_exp), exp_call(eigen_exp)));
  }
  const double bytes = static_cast<double>(entries(data.table)) * sizeof(double);
  state.counters["GFLOP/s"] = at.flop() / kernel.median() / 1e9;
  state.counters["dgemm"] = dgemm.flop() / product.median() / 1e9;
  state.counters["of_dgemm"] = at.flop() / dgemm.flop() / kernel.over(product);
  state.counters["X_GB/s"] = bytes / kernel.median() / 1e9;
  state.counters["read_GB/s"] = bytes / read.median() / 1e9;
  state.counters["of_read"] = 1 / kernel.over(read);
  const double pairs = static_cast<double>(kRows * at.samples);
  state.counters["ns/pair"] = kernel.median() / pairs * 1e9;
  // One exp and the products at the rate of dgemm.
  state.counters["limit_ns"] =
      (exps.median() / (static_cast<double>(x.size()) * kExpRounds) + at.flop() / pairs * product.median() / dgemm.flop()) * 1e9;
}

void register_all() {
  const std::pair<const char*, models::Wanted> wanted[] = {
      {"value+gradient", {true, true}}, {"gradient", {false, true}}, {"value", {true, false}}};
  for (const Index dim : {10, 100, 500}) {
    for (const auto& [name, what] : wanted) {
      for (const Index row_tile : {256, 1024}) {
        for (const Index samples : {1, 4, 8, 16, 64, 128}) {
          const Case at{what, row_tile, dim, samples};
          const std::string title = fmt::format("{}/tile:{}/D:{}/S:{}", name, row_tile, dim, samples);
          benchmark::RegisterBenchmark(title.c_str(), [at](benchmark::State& state) { logistic(state, at); })
              ->UseManualTime()
              ->Iterations(at.rounds())
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
  }
}

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  using namespace variscope::benchmarks;
  const std::string core_type = use_best_core_type(VARISCOPE_LIMITS, argv);
  benchmark::AddCustomContext("data", "N = 100000, one thread; 4 N D S flop with the gradient, 2 N D S without; pair: one row and sample");
  benchmark::AddCustomContext("dgemm", "OpenBLAS, order 1536, core type " + core_type);
  register_all();
  return run_program(argc, argv);
}
