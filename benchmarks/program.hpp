/// The main of a Google Benchmark program: one table of counters, and a word on how its numbers were taken.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace variscope::benchmarks {

/// Prints nothing: every rank but the first.
class Silent final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

/// Returns the process's exit status. `silent`: run, but say nothing.
inline int run_program(int argc, char** argv, bool silent = false) {
  std::vector<char*> arguments(argv, argv + argc);
  std::string tabular = "--benchmark_counters_tabular=true";
  std::string plain = "--benchmark_color=false";  // ranks write to a pipe
  arguments.insert(arguments.begin() + 1, {tabular.data(), plain.data()});
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::AddCustomContext("clock",
                              "thread time (fold: wall time); a round takes kernel and limits in turns, counters are medians over rounds");
  benchmark::AddCustomContext("framework",
                              "Debian's libbenchmark is a debug build (its warning); it costs nanoseconds a round, outside our clock");
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  if (silent) {
    Silent reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
  } else {
    benchmark::RunSpecifiedBenchmarks();
  }
  benchmark::Shutdown();
  return 0;
}

}  // namespace variscope::benchmarks
