/// What the subcommands do: option structs filled by the command line, and the functions that take them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/topology/fold_across.hpp"
#include "engine/index.hpp"
#include "experiments/dataset/commands.hpp"

namespace variscope::experiments {

/// `--layout replicates=2,replicas=1,samples=1,shards=1`: how ranks divide over the four axes. 0: chosen by the program; but replicas are 1
/// where all others are given, as they are when a layout is printed.
struct LayoutRequest {
  Index replicates = 0;
  Index samples = 0;
  Index shards = 0;
  Index replicas = 0;
  friend bool operator==(const LayoutRequest&, const LayoutRequest&) = default;
};

/// Throws UserError naming the unknown axis or the bad count.
LayoutRequest parse_layout(const std::string& text);

/// "37", or "8-15": [37, 38), [8, 16). Throws UserError.
Range parse_chains(const std::string& text);

/// exact: the plan's tree, the same bits on any number of ranks. fast: the library's allreduce.
using cluster::Reduce;
enum class ReportFormat { text, markdown, csv, latex, html };

/// `variscope run`. When run_study is called the ranks exist already: it only has to take Communicator::world().
struct RunOptions {
  std::string spec;
  int ranks = 0;    ///< as asked for; 0: not said. Agrees with the communicator's size when run_study is called.
  int threads = 0;  ///< per rank, already set as OpenMP's number of threads
  LayoutRequest layout;
  std::string output;  ///< empty: output.directory of the spec
  bool overwrite = false;
  Range chains{};         ///< of a study of chains, those to run; empty: all
  std::string continued;  ///< a run of shorter fits, from whose ends this study's go on; empty: none
  Reduce reduce = Reduce::exact;
  bool quiet = false;
  double checkpoint_s = 30;  ///< at most so long between checkpoints, while work can be cut there
  double stop_after_s = 0;   ///< checkpoint and leave then; 0: never
  bool resume = false;       ///< go on with the unfinished run in `output`; its spec is the one recorded there
  Index extend = 0;          ///< of a resumed run that is complete: go on to so many replicates; 0: no
  bool take_over = false;    ///< of a resumed run: remove another process's lock
  std::string spec_text{};   ///< of a spec that is not read from a file; `spec` then only says where it stood
  std::string expected{};    ///< results hash that the run is to end with; another is a failure. Empty: any
};

/// `variscope status`.
struct StatusOptions {
  std::string run;  ///< run directory
  bool json = false;
};

/// `variscope plan`: for pretended ranks.
struct PlanOptions {
  std::string spec;
  int ranks = 1;
  int threads = 0;
  LayoutRequest layout;
  std::string output;
  bool time = false;  ///< read the first rows and time the study's calls on them
};

/// `variscope report`.
struct ReportOptions {
  std::vector<std::string> runs;  ///< run directories, or their run.h5; of several one table
  ReportFormat format = ReportFormat::text;
  std::string output;       ///< file to write; empty: standard output
  std::string table;        ///< "t1", ...; empty: all that the run has
  std::string quantity;     ///< of several runs: the one to show; empty: those that are read first
  bool any_budget = false;  ///< of several runs: methods with other budgets side by side
  bool partial = false;     ///< of an unfinished run: what it has committed
};

/// `variscope data synth`. Like run: the ranks exist already.
struct SynthRequest {
  SynthOptions data;
  int ranks = 0;
  int threads = 0;
};

/// Of the self-test's draws, unless another is asked for. No row's verdict leans on it.
inline constexpr std::uint64_t kSelftestSeed = 20260101;

/// `variscope selftest`.
struct SelftestOptions {
  std::string only;  ///< run the checks whose name contains this; empty: all
  std::uint64_t seed = kSelftestSeed;
  int threads = 0;
};

/// Each returns the exit status, or throws UserError (status 2) or anything else (status 1).
int run_study(const RunOptions& options);
/// `variscope collect`: what an unfinished run has committed, as one file that reads like a run.h5.
struct CollectOptions {
  std::string run;
  std::string output;  ///< empty: partial.h5 in the run directory
};
int collect(const CollectOptions& options);
int print_status(const StatusOptions& options);
/// The options that run the study of a run.h5 again, in another directory, and expect its results hash.
RunOptions rerun_options(const std::string& run);
int print_plan(const PlanOptions& options);
int print_report(const ReportOptions& options);
int selftest(const SelftestOptions& options);
int write_synthetic(const SynthRequest& request);

/// `variscope list [models|estimators|families|keys]`; topic empty: everything but the keys.
struct ListOptions {
  std::string topic;
  bool json = false;
  std::string markdown;  ///< directory to write a page for every entry into; empty: none
};
int print_list(const ListOptions& options);

/// What `variscope new` writes a starting point for.
enum class NewKind { spec, model, estimator, sampler };

/// `variscope new`.
struct NewOptions {
  NewKind kind = NewKind::spec;
  std::string name;
  std::string output;      ///< directory; empty: the current one, of estimators and samplers the source tree's root
  bool overwrite = false;  ///< replace files that are there
};
int write_new(const NewOptions& options);

/// `variscope doctor`: returns 1 if a check failed.
int doctor();

/// The whole program: parses the command line, acts, and turns every exception into one line on standard error.
int run_program(int argc, char** argv);

}  // namespace variscope::experiments
