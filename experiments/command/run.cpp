/// `variscope run`, `plan` and `selftest`: from the command line to option structs.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "engine/error.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/launch.hpp"
#include "experiments/command/run_each.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/parts.hpp"
#include "experiments/spec/nearest.hpp"
#include "experiments/spec/spec.hpp"

namespace variscope::experiments {
namespace {

constexpr const char* layout_help =
    "How ranks divide over the axes (replicates, replicas, samples, shards), e.g. replicates=2,samples=1,shards=1; an axis left out is "
    "chosen by the program (replicas are 1 if the others are given)";

}  // namespace

LayoutRequest parse_layout(const std::string& text) {
  LayoutRequest layout;
  const std::map<std::string, Index LayoutRequest::*> axes = {{"replicates", &LayoutRequest::replicates},
                                                              {"replicas", &LayoutRequest::replicas},
                                                              {"samples", &LayoutRequest::samples},
                                                              {"shards", &LayoutRequest::shards}};
  std::string rest = text;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string part = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    const std::size_t equal = part.find('=');
    const std::string name = part.substr(0, equal);
    const auto axis = axes.find(name);
    if (axis == axes.end()) {
      throw UserError(fmt::format("--layout: unknown axis '{}' (axes: replicates, replicas, samples, shards).{}", name,
                                  suggest(name, {"replicates", "replicas", "samples", "shards"})));
    }
    const std::string count = equal == std::string::npos ? "" : part.substr(equal + 1);
    const bool digits = !count.empty() && count.size() <= 9 && count.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || std::stoll(count) < 1) {
      throw UserError(
          fmt::format("--layout: '{}' is not a count of ranks (must be a whole number of at least 1). Write {}=1.", part, name));
    }
    if (layout.*(axis->second) != 0) throw UserError(fmt::format("--layout: {} is given twice. Remove one.", name));
    layout.*(axis->second) = std::stoll(count);
  }
  return layout;
}

Range parse_chains(const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto whole = [&](const std::string& digits) {
    if (!digits.empty() && digits.size() <= 8 && digits.find_first_not_of("0123456789") == std::string::npos) return std::stoll(digits);
    throw UserError(fmt::format("--chains: '{}' names no chain (they are counted from 0). Write 37, or 8-15.", text));
  };
  const Index first = whole(text.substr(0, dash));
  const Index last = dash == std::string::npos ? first : whole(text.substr(dash + 1));
  if (last < first) throw UserError(fmt::format("--chains: '{}' ends before it begins. Write {}-{}.", text, last, first));
  return {first, last + 1};
}

void add_execution(CLI::App& app, RunOptions& options, std::string& layout) {
  app.add_option("--ranks", options.ranks, "MPI ranks; more than one starts mpirun (below mpirun or srun: left out)")
      ->check(CLI::Range(1, 1000000))
      ->option_text("N");
  app.add_option("--threads", options.threads, "OpenMP threads of each rank (default: OMP_NUM_THREADS, or cores / ranks)")
      ->check(CLI::Range(1, 4096))
      ->option_text("N");
  app.add_option("--layout", layout, layout_help);
  app.add_option("--checkpoint-seconds", options.checkpoint_s,
                 "Save about so often (0: after every piece of work); no result depends on it")
      ->check(CLI::Range(0.0, 1e6))
      ->option_text("S")
      ->capture_default_str();
  app.add_option("--stop-after", options.stop_after_s, "Save and leave after so many seconds, with status 85 (0: never)")
      ->check(CLI::Range(0.0, 1e9))
      ->option_text("S")
      ->capture_default_str();
  app.add_flag("--quiet", options.quiet, "No progress");
}

void add_run(CLI::App& program, Action& chosen, const Words& words) {
  auto* app = program.add_subcommand("run", "Run a study: every cell of a spec, on any number of ranks and threads, with the same bits");
  auto options = std::make_shared<RunOptions>();
  auto layout = std::make_shared<std::string>();
  auto specs = std::make_shared<std::vector<std::string>>();
  app->add_option("SPEC", *specs, "The study's .toml file; several are run one after the other, each on as many of --ranks as divide it")
      ->required()
      ->type_name("FILE");
  add_execution(*app, *options, *layout);
  app->add_option("--output", options->output, "Run directory (default: output.directory of the spec, or runs/<study.name>)");
  app->add_flag("--overwrite", options->overwrite, "Replace a run that is there");
  auto chains = std::make_shared<std::string>();
  auto part = std::make_shared<std::string>();
  app->add_option("--chains", *chains,
                  "Of a study of chains only these, counted from 0, with the bits they have among all: 37, or 8-15. Run directory: that of "
                  "the study with _chain_37 behind it");
  app->add_option("--part", *part,
                  "Only the cells of one part, counted from 0, in a run directory below that of the study (RUN/parts/3): 3/8 of eight. "
                  "`variscope resume RUN` puts the parts together, to the hash of the study in one run")
      ->option_text("K/N");
  app->add_option(
      "--continue", options->continued,
      "A finished run of the same fits with fewer steps (its directory or run.h5): they go on from where they ended, to the same "
      "bits as if begun anew");
  add_choice<Reduce>(*app, "--reduce", options->reduce, {{"exact", Reduce::exact}, {"fast", Reduce::fast}},
                     "exact: same bits on any number of ranks; fast: plain allreduce");
  app->footer(
      "Examples:\n"
      "  variscope run experiments/specs/breast_cancer_variance.toml --ranks 2\n"
      "  variscope run study.toml --ranks 4 --threads 2 --layout replicates=2,shards=2 --output runs/try --overwrite\n"
      "  variscope run experiments/specs/seeds/*.toml --ranks 2\n"
      "  srun -n 64 variscope run study.toml          (below a launcher it just runs)\n\n"
      "Exit status: 0 done, 1 failure, 2 an error in the spec, the data or this command, 85 asked to stop (SIGTERM, SIGINT, SIGUSR1,\n"
      "SIGUSR2, --stop-after): everything finished is saved, and `variscope resume` goes on.\n"
      "VARISCOPE_MPIRUN_OUTPUT=all shows everything that mpirun writes.");
  app->callback([&chosen, options, layout, chains, part, specs, &words] {
    chosen = [options, layout, chains, part, specs, &words] {
      options->layout = parse_layout(*layout);
      options->spec = specs->front();
      if (!chains->empty()) options->chains = parse_chains(*chains);
      if (!part->empty()) (void)parse_part("--part", *part);
      if (!part->empty() && !chains->empty()) throw UserError("--part: is of whole cells, --chains of some chains. Leave one out.");
      if (specs->size() > 1) return run_each(*specs, *options, words);
      // Errors of the spec, of its data's shape and of the layout need no ranks. What memory other hosts have is not known here.
      if (options->ranks > 1 && !started_by_launch()) {
        if (find_placement() == Placement::local)
          make_plan(options->spec, options->ranks, resolve_threads(options->threads, options->ranks), options->layout, options->output,
                    options->chains);
        else
          read_spec(options->spec);
      }
      return on_ranks(options->ranks, options->threads, words, [options, part] { return run_study_part(*options, *part); });
    };
  });
}

void add_plan(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("plan", "Print what a study would do: cells, tiles, evaluations, memory, file size");
  auto options = std::make_shared<PlanOptions>();
  auto layout = std::make_shared<std::string>();
  app->add_option("SPEC", options->spec, "The study's .toml file")->required()->type_name("FILE");
  app->add_option("--ranks", options->ranks, "Ranks to pretend; none is started")
      ->check(CLI::Range(1, 10000000))
      ->option_text("N")
      ->capture_default_str();
  app->add_option("--threads", options->threads, "Threads of each rank to pretend")->check(CLI::Range(1, 4096))->option_text("N");
  app->add_option("--layout", *layout, layout_help);
  app->add_option("--output", options->output, "Run directory to check for room");
  app->add_flag("--time", options->time, "Predict the seconds too: time the study's calls here, on its first 256 MiB of rows");
  app->footer(
      "Examples:\n"
      "  variscope plan study.toml\n"
      "  variscope plan study.toml --ranks 2 --time\n"
      "  variscope plan study.toml --ranks 4096 --layout shards=64");
  app->callback([&chosen, options, layout] {
    chosen = [options, layout] {
      options->layout = parse_layout(*layout);
      return print_plan(*options);
    };
  });
}

void add_selftest(CLI::App& program, Action& chosen, const Words& words) {
  auto* app = program.add_subcommand("selftest", "Compare measured variances with closed forms and quadrature, in a table");
  auto options = std::make_shared<SelftestOptions>();
  app->add_option("--only", options->only, "Only the checks whose name contains this");
  app->add_option("--seed", options->seed, "Seed of the draws; every row must pass under any")->capture_default_str();
  app->add_option("--threads", options->threads, "OpenMP threads (default: OMP_NUM_THREADS, or the cores)")
      ->check(CLI::Range(1, 4096))
      ->option_text("N");
  app->footer(
      "Examples:\n"
      "  variscope selftest\n"
      "  variscope selftest --only gaussian\n\n"
      "Exit status 1 if a check fails.");
  app->callback([&chosen, options, &words] {
    chosen = [options, &words] { return on_ranks(0, options->threads, words, [options] { return selftest(*options); }); };
  });
}

}  // namespace variscope::experiments
