/// Question: how near are log density and gradient of generalised linear models, unknown scales included, to the matrix product?
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/limits.hpp"
#include "benchmarks/logistic_data.hpp"
#include "benchmarks/program.hpp"
#include "engine/models/glm.hpp"
#include "engine/models/logistic_regression.hpp"

namespace variscope::benchmarks {
namespace {

constexpr Index kRows = 100000;
constexpr Index kDim = 100;
constexpr Index kRowTile = 1024;

/// 0 or 1 suits every likelihood.
const data::Table& table() {
  static const data::Table made = logistic_table(kRows, kDim);
  return made;
}

std::unique_ptr<models::Model> model(const std::string& likelihood) {
  models::Arguments arguments = models::glm_entry().smoke;
  arguments.table = &table();
  arguments.words["likelihood"] = likelihood;
  arguments.lists["prior"] = {};
  return std::make_unique<models::Glm>(arguments);
}

/// One round: value and gradient over all rows in tiles, the same of logistic_regression, dgemm.
void glm(benchmark::State& state, const std::string& likelihood, Index samples) {
  const auto tested = model(likelihood);
  const models::LogisticRegression logistic(table(), 0.0, 1.0);
  static Dgemm dgemm;
  const auto call = [](const models::Model& of, const tiles::Batch& theta, tiles::Batch& out) {
    models::Evaluation evaluation{{true, true}, out.view(), {}};
    of.log_prior(theta.view(), evaluation);
    for (Index first = 0; first < kRows; first += kRowTile)
      of.log_likelihood({{first, std::min(kRows, first + kRowTile)}, nullptr, 0}, theta.view(), evaluation);
    keep(out.data());
  };
  const tiles::Batch theta = positions(tested->dim(), samples);
  const tiles::Batch plain = positions(kDim, samples);
  tiles::Batch out(1 + tested->dim(), samples);
  tiles::Batch plain_out(1 + kDim, samples);
  call(*tested, theta, out);
  Series kernel, sister, product;
  for (auto _ : state) {
    const double seconds = seconds_of([&] { call(*tested, theta, out); });
    state.SetIterationTime(seconds);
    kernel.add(seconds);
    sister.add(seconds_of([&] { call(logistic, plain, plain_out); }));
    product.add(seconds_of([&] { dgemm.run(); }));
  }
  const double flop = 4.0 * static_cast<double>(kRows * kDim * samples);
  state.counters["GFLOP/s"] = flop / kernel.median() / 1e9;
  state.counters["dgemm"] = dgemm.flop() / product.median() / 1e9;
  state.counters["of_dgemm"] = flop / dgemm.flop() / kernel.over(product);
  state.counters["logistic"] = flop / dgemm.flop() / sister.over(product);
}

void register_all() {
  for (const char* likelihood : {"gaussian", "bernoulli", "poisson", "negative_binomial", "student_t"}) {
    for (const Index samples : {8, 64}) {
      benchmark::RegisterBenchmark(fmt::format("{}/S:{}", likelihood, samples).c_str(),
                                   [=](benchmark::State& state) { glm(state, likelihood, samples); })
          ->UseManualTime()
          ->Iterations(9)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  using namespace variscope::benchmarks;
  const std::string core_type = use_best_core_type(VARISCOPE_LIMITS, argv);
  benchmark::AddCustomContext("data", "N = 100000, D = 100, one thread, row tiles of 1024; 4 N D S flop");
  benchmark::AddCustomContext("dgemm", "OpenBLAS, order 1536, core type " + core_type);
  register_all();
  return run_program(argc, argv);
}
