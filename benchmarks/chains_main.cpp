/// Question: what do chains cost beside their densities: switching, packing, leapfrog steps and trees?
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/logistic_data.hpp"
#include "benchmarks/program.hpp"
#include "engine/models/logistic_regression.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/samplers/meetings.hpp"
#include "engine/samplers/start.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::benchmarks {
namespace {

/// A standard normal, as few instructions as a density can have: reads the columns once, writes value and gradient once.
void standard_normal(tiles::ConstBatchView theta, const models::Wanted& wanted, tiles::ConstBatchView, tiles::BatchView out) {
  for (Index b = 0; b < theta.blocks(); ++b) {
    const double* x = theta.block(b);
    double* to = out.block(b);
    for (Index lane = 0; lane < tiles::kLanes; lane += simd::kWidth) {
      simd::Pack square{};
      for (Index d = 0; d < theta.dim; ++d) {
        const simd::Pack at = simd::load(x + d * tiles::kLanes + lane);
        square = simd::fma(at, at, square);
        if (wanted.gradient) simd::store(to + (1 + d) * tiles::kLanes + lane, -at);
      }
      simd::store(to + lane, -0.5 * square);
    }
  }
}

/// A target without data whose density is standard_normal.
class Trivial final : public models::Model {
 public:
  explicit Trivial(Index dim) : dim_(dim) {}
  [[nodiscard]] Index dim() const override { return dim_; }
  void log_prior(tiles::ConstBatchView, models::Evaluation&) const override {}

 private:
  Index dim_;
};

/// Chains of a sampler with a fixed step size, started and past the first iterations.
struct Bench {
  Bench(const std::string& name, const models::Model& model, const approximations::Density& target, Index count, double step_size)
      : density(target), sampler(make(name, model, step_size)), schedule(*sampler, density, run) {
    chains = samplers::start_chains(*sampler, density, model, run, {.radius = 0.1}, {0, count});
    advance(20);
  }
  static std::unique_ptr<samplers::Sampler> make(const std::string& name, const models::Model& model, double step_size) {
    const samplers::Entry& entry = *samplers::find(name);
    return entry.make(samplers::arguments_of(entry, {{"step_size", step_size}}, {}), model);
  }
  void advance(Index iterations) {
    schedule.run(chains, chains.front().iteration + iterations, {}, [](Index, const samplers::Chain&, std::span<const double>) {});
  }
  const approximations::Density& density;
  samplers::Run run;
  std::unique_ptr<samplers::Sampler> sampler;
  samplers::Schedule schedule;
  std::vector<samplers::Chain> chains;
};

/// A round: 16 chains for a while on the trivial target; as many of its densities alone; 16 copies of two vectors in and out by memcpy.
void overhead(benchmark::State& state, const std::string& name) {
  const Index dim = state.range(0);
  const Index count = state.range(1);
  const Trivial model(dim);
  const approximations::Density density{dim, standard_normal, false};
  Bench bench(name, model, density, count, 0.3 / std::sqrt(std::sqrt(static_cast<double>(dim))));
  tiles::Batch theta(dim, count);
  tiles::Batch out(dim + 1, count);
  const models::Wanted wanted{.value = true, .gradient = bench.sampler->uses_gradient()};
  Series whole, alone;
  double fullness = 0;
  for (auto _ : state) {
    const samplers::Traffic before = bench.schedule.traffic();
    double start = thread_s();
    bench.advance(50);
    const double seconds = thread_s() - start;
    const samplers::Traffic& after = bench.schedule.traffic();
    const auto requests = static_cast<double>(after.columns - before.columns);
    start = thread_s();
    for (Index b = before.batches; b < after.batches; ++b) {
      standard_normal(theta.view(), wanted, {}, out.view());
      keep(out.data());
    }
    state.SetIterationTime(seconds);
    whole.add(seconds / requests);
    alone.add((thread_s() - start) / requests);
    fullness = requests / static_cast<double>((after.batches - before.batches) * count);
  }
  state.counters["request_ns"] = whole.median() * 1e9;
  state.counters["density_ns"] = alone.median() * 1e9;
  state.counters["beside_ns"] = (whole.median() - alone.median()) * 1e9;
  state.counters["width/chains"] = fullness;
}

/// A round: 16 chains on logistic regression, N rows, D = 100; and the seconds spent inside its densities.
void share(benchmark::State& state, const std::string& name) {
  constexpr Index kDim = 100;
  const data::Table table = logistic_table(state.range(0), kDim);
  const models::LogisticRegression model(table, 0.0, 1.0);
  approximations::Density density = approximations::density_of(model);
  double inside = 0;
  // Asking for the time costs some itself, once within what it measures and once beside it.
  constexpr int kCalls = 1000;
  double clock = thread_s();
  for (int i = 0; i < kCalls; ++i) keep(&(clock += 0 * thread_s()));
  clock = (thread_s() - clock) / kCalls;
  double calls = 0;
  density.evaluate = [&inside, &calls, right = density.evaluate](tiles::ConstBatchView theta, const models::Wanted& wanted,
                                                                 tiles::ConstBatchView direction, tiles::BatchView out) {
    const double start = thread_s();
    right(theta, wanted, direction, out);
    inside += thread_s() - start;
    ++calls;
  };
  Bench bench(name, model, density, 16, 2.0 / std::sqrt(static_cast<double>(table.rows)));
  Series whole, kernel;
  for (auto _ : state) {
    inside = calls = 0;
    const double start = thread_s();
    bench.advance(10);
    const double seconds = thread_s() - start;
    state.SetIterationTime(seconds);
    whole.add(seconds - 2 * clock * calls);
    kernel.add(inside - clock * calls);
  }
  const samplers::Traffic& traffic = bench.schedule.traffic();
  state.counters["outside/%"] = 100 * (1 - 1 / whole.over(kernel));
  state.counters["width/live"] = static_cast<double>(traffic.columns) / static_cast<double>(traffic.live);
  state.counters["mean_width"] = static_cast<double>(traffic.columns) / static_cast<double>(traffic.batches);
}

void register_all() {
  for (const std::string name : {"random_walk_metropolis", "mala", "hmc", "nuts"}) {
    auto* trivial = benchmark::RegisterBenchmark(("overhead/" + name).c_str(), overhead, name);
    trivial->ArgNames({"dim", "chains"})->UseManualTime()->Unit(benchmark::kMicrosecond);
    for (const Index dim : {10, 100, 1000}) trivial->Args({dim, 16});
    trivial->Args({100, 1});
    trivial->Args({100, 256});
    benchmark::RegisterBenchmark(("share/" + name).c_str(), share, name)
        ->ArgNames({"rows"})
        ->Args({1000})
        ->Args({10000})
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  benchmark::AddCustomContext("request", "one density of one chain; beside: what a request costs above the density alone");
  variscope::benchmarks::register_all();
  return variscope::benchmarks::run_program(argc, argv);
}
