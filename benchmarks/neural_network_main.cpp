/// Question: how near does a small Bayesian neural network come to the rate of its matrix products, and to the exp rate?
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/limits.hpp"
#include "benchmarks/logistic_data.hpp"
#include "benchmarks/program.hpp"
#include "engine/models/neural_network.hpp"

namespace variscope::benchmarks {
namespace {

constexpr Index kRows = 1000;
constexpr Index kUnits = 50;
constexpr int kRounds = 41;
constexpr int kCalls = 16;  // of the network in a round, a few milliseconds each
/// Forward 2 for each weight; backward 2 more, and 2 for each weight of the output in the derivative of its input.
constexpr double kFlop = 4.0 * kUnits + 6.0 * kUnits;

models::NetworkShape shape(models::dense::Activation activation) {
  models::NetworkShape of;
  of.layers = {kUnits};
  of.activation = activation;
  return of;
}

/// A round: the network's value and gradient, the exps of one per hidden unit, row and sample, dgemm.
void network(benchmark::State& state, models::dense::Activation activation, Index samples) {
  static const data::Table table = logistic_table(kRows, 1);
  const models::NeuralNetwork model(table, shape(activation));
  static Dgemm dgemm;
  const tiles::Batch theta = positions(model.dim(), samples);
  tiles::Batch out(1 + model.dim(), samples);
  std::vector<double> x(1024);
  std::vector<double> y(1024);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = -0.01 * static_cast<double>(i);
  const double values = static_cast<double>(kRows * kUnits * samples) * kCalls;
  const auto call = [&] {
    for (int i = 0; i < kCalls; ++i) {
      models::Evaluation evaluation{{true, true}, out.view(), {}};
      model.log_likelihood({{0, kRows}, nullptr, 0}, theta.view(), evaluation);
      keep(out.data());
    }
  };
  const auto exps = [&](auto&& f) {
    for (double done = 0; done < values / 8; done += static_cast<double>(x.size())) {
      f(x.data(), y.data(), x.size());
      keep(y.data());
    }
  };
  call();
  Series kernel, product, exp;
  for (auto _ : state) {
    const double seconds = seconds_of(call);
    state.SetIterationTime(seconds);
    kernel.add(seconds);
    product.add(seconds_of([&] { dgemm.run(); }));
    exp.add(8 * std::min(seconds_of([&] { exps(vector_exp); }), seconds_of([&] { exps(eigen_exp); })));
  }
  const double flop = kFlop * static_cast<double>(kRows * samples) * kCalls;
  const double product_seconds = product.median() * flop / dgemm.flop();
  state.counters["GFLOP/s"] = flop / kernel.median() / 1e9;
  state.counters["dgemm"] = dgemm.flop() / product.median() / 1e9;
  state.counters["of_dgemm"] = flop / dgemm.flop() / kernel.over(product);
  state.counters["ns_a_unit"] = kernel.median() / values * 1e9;
  state.counters["ns_an_exp"] = exp.median() / values * 1e9;
  // What the products and one exp a unit would reach, one after the other.
  state.counters["exp_limit"] = product_seconds / (product_seconds + exp.median());
}

void register_all() {
  using models::dense::Activation;
  const std::pair<const char*, Activation> all[] = {
      {"relu", Activation::relu}, {"tanh", Activation::tanh}, {"softplus", Activation::softplus}};
  for (const auto& one : all) {
    for (const Index samples : {8, 64}) {
      const Activation activation = one.second;
      benchmark::RegisterBenchmark(fmt::format("{}/S:{}", one.first, samples).c_str(),
                                   [=](benchmark::State& state) { network(state, activation, samples); })
          ->UseManualTime()
          ->Iterations(kRounds)
          ->Unit(benchmark::kMillisecond);
    }
  }
}

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  using namespace variscope::benchmarks;
  const std::string core_type = use_best_core_type(VARISCOPE_LIMITS, argv);
  benchmark::AddCustomContext("data", "1-50-1, 1000 rows, one thread, value and gradient; 500 flop a row and sample; Time: 16 calls");
  benchmark::AddCustomContext("dgemm", "OpenBLAS, order 1536, core type " + core_type);
  register_all();
  return run_program(argc, argv);
}
