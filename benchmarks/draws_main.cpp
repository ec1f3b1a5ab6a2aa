/// Question: how fast are normals, exp and log over packs, beside the best vector exp there is?
#include <cmath>
#include <vector>

#include "benchmarks/interleaved.hpp"
#include "benchmarks/limits.hpp"
#include "benchmarks/program.hpp"
#include "engine/random/inverse_normal.hpp"
#include "engine/random/sobol.hpp"
#include "engine/random/stream.hpp"
#include "engine/simd/math.hpp"

namespace variscope::benchmarks {
namespace {

constexpr std::size_t kSize = 1024;  // stays in the first cache
constexpr int kRepeats = 200;
constexpr int kRounds = 41;

template <class Function>
double repeated(Function&& function) {
  return seconds_of([&] {
    for (int i = 0; i < kRepeats; ++i) function();
  });
}

/// Rounds of `body`, which makes `values` values a call, and of the better of two vector exps over kSize values.
template <class Body>
void against_exp(benchmark::State& state, double values, Body&& body) {
  std::vector<double> x(kSize);
  std::vector<double> y(kSize);
  for (std::size_t i = 0; i < kSize; ++i) x[i] = -20.0 * static_cast<double>(i) / kSize;
  const auto limit = [&](auto&& function) {
    return repeated([&] {
      function(x.data(), y.data(), kSize);
      keep(y.data());
    });
  };
  repeated(body);
  Series ours, exps;
  for (auto _ : state) {
    const double seconds = repeated(body);
    state.SetIterationTime(seconds);
    ours.add(seconds);
    exps.add(std::min(limit(vector_exp), limit(eigen_exp)));
  }
  state.counters["e8/s"] = values * kRepeats / ours.median() / 1e8;
  state.counters["ns"] = ours.median() / values / kRepeats * 1e9;
  state.counters["exp_e8/s"] = static_cast<double>(kSize) * kRepeats / exps.median() / 1e8;
  state.counters["of_exp"] = values / static_cast<double>(kSize) / ours.over(exps);
}

void normals(benchmark::State& state) {
  const Index dim = state.range(0);
  const Index samples = state.range(1);
  tiles::Batch out(dim, samples);
  std::vector<random::Stream> streams(static_cast<std::size_t>(out.blocks() * tiles::kLanes));
  for (std::size_t s = 0; s < streams.size(); ++s) streams[s] = {1, random::Purpose::testing, 0, 0, static_cast<std::uint32_t>(s)};
  against_exp(state, static_cast<double>(dim * samples), [&] {
    random::fill_normal(streams.data(), out.view());
    keep(out.data());
  });
}
BENCHMARK(normals)
    ->ArgNames({"D", "S"})
    ->ArgsProduct({{10, 100, 500}, {1, 8, 128}})
    ->UseManualTime()
    ->Iterations(kRounds)
    ->Unit(benchmark::kMicrosecond);

/// Normals of scrambled Sobol points and of independent draws in turns: nets of M points side by side, M columns or 128 in all.
/// of_normals: their rate / that of fill_normal. `first`: index of the batch's first point; if odd, lane blocks lie across nets.
void sobol_normals(benchmark::State& state) {
  const Index dim = state.range(0);
  const Index points = state.range(1);
  const Index first = state.range(2);
  const Index samples = std::max<Index>(points, 128);
  tiles::Batch out(dim, samples);
  std::vector<random::Stream> streams;
  for (Index s = first; s < first + samples; ++s) {
    const auto net = static_cast<std::uint32_t>(s / points);
    streams.push_back({1, random::Purpose::testing, 0, net, static_cast<std::uint32_t>(s % points)});
  }
  const random::ScrambledSobol sobol(dim, points);
  const int repeats = static_cast<int>(std::max<Index>(1, (Index{1} << 19) / (dim * samples)));
  const auto seconds = [&](auto&& fill) {
    return seconds_of([&] {
      for (int i = 0; i < repeats; ++i) {
        fill();
        keep(out.data());
      }
    });
  };
  const auto nets = [&] { sobol.fill_normal(streams.data(), out.view()); };
  const auto draws = [&] { random::fill_normal(streams.data(), out.view()); };
  seconds(nets);
  Series ours, normals;
  for (auto _ : state) {
    ours.add(seconds(nets));
    state.SetIterationTime(ours.last());
    normals.add(seconds(draws));
  }
  const double values = static_cast<double>(dim * samples * repeats);
  state.counters["e8/s"] = values / ours.median() / 1e8;
  state.counters["ns"] = ours.median() / values * 1e9;
  state.counters["normals_ns"] = normals.median() / values * 1e9;
  state.counters["of_normals"] = 1 / ours.over(normals);
}
BENCHMARK(sobol_normals)
    ->ArgNames({"D", "M", "first"})
    ->ArgsProduct({{30, 100, 1000}, {16, 64, 1024}, {0, 3}})
    ->UseManualTime()
    ->Iterations(kRounds)
    ->Unit(benchmark::kMicrosecond);

template <class Function>
void packs(benchmark::State& state, double first, double last, Function&& function) {
  std::vector<double> x(kSize);
  std::vector<double> y(kSize);
  for (std::size_t i = 0; i < kSize; ++i) x[i] = first + (last - first) * static_cast<double>(i) / kSize;
  against_exp(state, kSize, [&] {
    for (std::size_t i = 0; i < kSize; i += simd::kWidth) simd::store(y.data() + i, function(simd::load(x.data() + i)));
    keep(y.data());
  });
}

void exp_nonpositive(benchmark::State& state) {
  packs(state, -20, 0, [](simd::Pack x) { return simd::exp_nonpositive(x); });
}
void log_positive(benchmark::State& state) {
  packs(state, 1e-3, 1, [](simd::Pack x) { return simd::log_positive(x); });
}
void log1p_nonnegative(benchmark::State& state) {
  packs(state, 0, 100, [](simd::Pack x) { return simd::log1p_nonnegative(x); });
}
void inverse_normal(benchmark::State& state) {
  std::vector<double> uniforms(kSize);
  for (std::size_t i = 0; i < kSize; ++i)
    uniforms[i] = random::uniform({1, random::Purpose::testing, 0, 0, 0}, static_cast<std::uint32_t>(i));
  std::vector<double> values(kSize);
  against_exp(state, kSize, [&] {
    values = uniforms;
    random::inverse_normal(values.data(), kSize);
    keep(values.data());
  });
}
BENCHMARK(inverse_normal)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMicrosecond);
BENCHMARK(exp_nonpositive)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMicrosecond);
BENCHMARK(log_positive)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMicrosecond);
BENCHMARK(log1p_nonnegative)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace variscope::benchmarks

int main(int argc, char** argv) {
  benchmark::AddCustomContext(
      "limit", "the better of glibc's and Eigen's vector exp over 1024 values in the first cache; of_exp: our rate / its rate");
  return variscope::benchmarks::run_program(argc, argv);
}
