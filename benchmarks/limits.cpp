#include "benchmarks/limits.hpp"

#include <Eigen/Core>
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

void vector_exp(const double* x, double* y, std::size_t n);

double fma_rate() {
  using Packet = Eigen::internal::packet_traits<double>::type;
  constexpr std::size_t kWidth = Eigen::internal::unpacket_traits<Packet>::size;
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

double read_bandwidth(double bytes) {
  // Several streams keep more lines in flight than one; the best number differs between cores.
  using Array = Eigen::Map<const Eigen::VectorXd>;
  const auto size = static_cast<Eigen::Index>(bytes / sizeof(double)) / 64 * 64;
  const Eigen::VectorXd data = Eigen::VectorXd::Constant(size, 1.0);
  double best = 0;
  for (const Eigen::Index streams : {1, 2, 4, 8}) {
    const Eigen::Index part = size / streams;
    constexpr Eigen::Index kChunk = 512;
    double total = 0;
    const Times times = measure([&] {
      for (Eigen::Index at = 0; at + kChunk <= part; at += kChunk) {
        for (Eigen::Index s = 0; s < streams; ++s) total += Array(data.data() + s * part + at, kChunk).sum();
      }
      keep(&total);
    });
    best = std::max(best, static_cast<double>(size) * sizeof(double) / times.best());
  }
  return best;
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
  return std::max(rate([&] { vector_exp(x.data(), y.data(), kSize); }), rate([&] { y = x.exp(); }));
}

double dgemm_rate(int order) {
  openblas_set_num_threads(1);
  const auto size = static_cast<std::size_t>(order) * static_cast<std::size_t>(order);
  const std::vector<double> a(size, 0.5);
  const std::vector<double> b(size, 0.25);
  std::vector<double> c(size, 0.0);
  constexpr int kColumnMajor = 102;
  constexpr int kPlain = 111;
  const Times times = measure(
      [&] {
        cblas_dgemm(kColumnMajor, kPlain, kPlain, order, order, order, 1.0, a.data(), order, b.data(), order, 0.0, c.data(), order);
        keep(c.data());
      },
      2.0);
  return 2.0 * static_cast<double>(size) * order / times.best();
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

}  // namespace variscope::benchmarks
