#include "benchmarks/limits.hpp"

#include <unistd.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "benchmarks/timing.hpp"

extern "C" {
void cblas_dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha, const double* a, int lda, const double* b,
                 int ldb, double beta, double* c, int ldc);
void openblas_set_num_threads(int threads);
char* openblas_get_corename();
}

namespace variscope::benchmarks {

double fma_rate() {
  using Packet = Eigen::internal::packet_traits<double>::type;
  constexpr std::size_t kWidth = sizeof(Packet) / sizeof(double);
  constexpr std::size_t kChains = 12;  // latency times throughput of recent cores, within their registers
  constexpr int kRounds = 100000;
  const auto a = Eigen::internal::pset1<Packet>(0.999999);
  const auto b = Eigen::internal::pset1<Packet>(1e-9);
  std::array<double, kWidth> sink{};
  const Times times = measure([&] {
    Packet c0 = b, c1 = b, c2 = b, c3 = b, c4 = b, c5 = b, c6 = b, c7 = b, c8 = b, c9 = b, c10 = b, c11 = b;
    for (int i = 0; i < kRounds; ++i) {
      for (Packet* c : {&c0, &c1, &c2, &c3, &c4, &c5, &c6, &c7, &c8, &c9, &c10, &c11}) *c = Eigen::internal::pmadd(*c, a, b);
    }
    Packet sum = b;
    for (const Packet& c : {c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11}) sum = Eigen::internal::padd(sum, c);
    Eigen::internal::pstoreu(sink.data(), sum);
    keep(sink.data());
  });
  return 2.0 * kRounds * static_cast<double>(kChains * kWidth) / times.best();
}

double read_once(const double* data, std::size_t size, int streams) {
  // Several streams keep more lines in flight than one; the best number differs between cores and with what runs beside.
  using Array = Eigen::Map<const Eigen::VectorXd>;
  constexpr Eigen::Index kChunk = 512;
  const auto all = static_cast<Eigen::Index>(size);
  const Eigen::Index part = all / streams / kChunk * kChunk;
  double total = 0;
  for (Eigen::Index at = 0; at < part; at += kChunk) {
    for (Eigen::Index s = 0; s < streams; ++s) total += Array(data + s * part + at, kChunk).sum();
  }
  total += Array(data + streams * part, all - streams * part).sum();
  keep(&total);
  return total;
}

int best_streams(const double* data, std::size_t size) {
  int best = 1;
  double fastest = 0;
  for (const int streams : {1, 2, 4, 8}) {
    const Times times = measure([&] { read_once(data, size, streams); }, 0.1);
    if (best == 1 && fastest == 0) fastest = times.best();
    if (times.best() < fastest) {
      fastest = times.best();
      best = streams;
    }
  }
  return best;
}

double read_bandwidth(double bytes) {
  const std::vector<double> data(static_cast<std::size_t>(bytes / sizeof(double)), 1.0);
  double best = 0;
  for (const int streams : {1, 2, 4, 8}) {
    const Times times = measure([&] { read_once(data.data(), data.size(), streams); });
    best = std::max(best, static_cast<double>(data.size()) * sizeof(double) / times.best());
  }
  return best;
}

void eigen_exp(const double* x, double* y, std::size_t n) {
  const auto size = static_cast<Eigen::Index>(n);
  Eigen::Map<Eigen::ArrayXd>(y, size) = Eigen::Map<const Eigen::ArrayXd>(x, size).exp();
}

double exp_rate() {
  constexpr std::size_t kSize = 1024;
  constexpr int kRounds = 200;
  Eigen::ArrayXd x = Eigen::ArrayXd::LinSpaced(kSize, -20.0, 20.0);
  Eigen::ArrayXd y(kSize);
  const auto rate = [&](auto&& body) {
    const Times times = measure([&] {
      for (int i = 0; i < kRounds; ++i) {
        body();
        keep(y.data());
      }
    });
    return static_cast<double>(kSize) * kRounds / times.best();
  };
  return std::max(rate([&] { vector_exp(x.data(), y.data(), kSize); }), rate([&] { eigen_exp(x.data(), y.data(), kSize); }));
}

Dgemm::Dgemm(int order) : order_(order) {
  openblas_set_num_threads(1);
  const auto size = static_cast<std::size_t>(order) * static_cast<std::size_t>(order);
  a_.assign(size, 0.5);
  b_.assign(size, 0.25);
  c_.assign(size, 0.0);
}

void Dgemm::run() {
  constexpr int kColumnMajor = 102;
  constexpr int kPlain = 111;
  cblas_dgemm(kColumnMajor, kPlain, kPlain, order_, order_, order_, 1.0, a_.data(), order_, b_.data(), order_, 0.0, c_.data(), order_);
  keep(c_.data());
}

double Dgemm::flop() const { return 2.0 * static_cast<double>(order_) * order_ * order_; }

double dgemm_rate(int order) {
  Dgemm dgemm(order);
  return dgemm.flop() / measure([&] { dgemm.run(); }, 2.0).best();
}

DgemmLimit best_dgemm(const std::string& program, bool report) {
  DgemmLimit best;
  for (const std::string core : {"", "Haswell", "Zen", "SkylakeX", "Cooperlake"}) {
    const std::string setting = core.empty() ? "env -u OPENBLAS_CORETYPE" : "env OPENBLAS_CORETYPE=" + core;
    const std::string command = setting + " '" + program + "' --dgemm";
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) continue;
    std::array<char, 64> name{};
    double rate = 0;
    // A core type that this CPU or this OpenBLAS lacks ends the child: it then reports nothing and is passed over.
    const bool answered = std::fscanf(pipe, "%63s %lf", name.data(), &rate) == 2;
    const bool ended_well = pclose(pipe) == 0;
    if (!answered || !ended_well) continue;
    if (report)
      std::printf("  dgemm, core type %-10s (runs as %s): %.1f GFLOP/s\n", core.empty() ? "automatic" : core.c_str(), name.data(),
                  rate / 1e9);
    if (rate > best.rate) best = {name.data(), rate};
  }
  return best;
}

std::string use_best_core_type(const std::string& limits, char** argv) {
  constexpr const char* kChosen = "VARISCOPE_BENCHMARK_CORE_TYPE";
  if (const char* chosen = getenv(kChosen); chosen != nullptr) return chosen;
  const DgemmLimit best = best_dgemm(limits, false);
  setenv(kChosen, best.core_type.c_str(), 1);
  setenv("OPENBLAS_CORETYPE", best.core_type.c_str(), 1);
  execv("/proc/self/exe", argv);
  return openblas_get_corename();  // could not start anew: what there is
}

}  // namespace variscope::benchmarks
