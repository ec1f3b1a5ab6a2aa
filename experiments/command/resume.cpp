/// `variscope resume`, `status` and `rerun`: what can be done with a run directory.
#include <filesystem>
#include <memory>

#include "engine/error.hpp"
#include "engine/store/run_file.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/parts.hpp"

namespace variscope::experiments {

void add_resume(CLI::App& program, Action& chosen, const Words& words) {
  auto* app = program.add_subcommand("resume", "Go on with a run that was stopped or killed, on any number of ranks, to the same bits");
  auto options = std::make_shared<RunOptions>();
  auto layout = std::make_shared<std::string>();
  auto part = std::make_shared<std::string>();
  options->resume = true;
  app->add_option("RUN", options->output, "Run directory")->required();
  add_execution(*app, *options, *layout);
  app->add_option("--extend", options->extend, "Of a complete study: go on to so many replicates, or, of fits, steps")
      ->check(CLI::Range(2, 2000000000))
      ->option_text("COUNT");
  app->add_option("--part", *part, "One part of a study that runs in parts (RUN/parts/3)")->option_text("K/N");
  app->add_flag("--take-over", options->take_over,
                "Remove the lock of another process (by itself a lock counts as stale when its process is dead, or silent for a minute on "
                "another host)");
  app->footer(
      "Examples:\n"
      "  variscope resume runs/breast_cancer_variance\n"
      "  variscope resume runs/breast_cancer_variance --ranks 4 --stop-after 3500\n"
      "  variscope resume runs/breast_cancer_variance --extend 4000\n\n"
      "The spec is the one recorded in the run directory. Of a study in parts: puts them together and goes on. Exit status as of `run`; 0 "
      "at once if the run is complete.");
  app->callback([&chosen, options, layout, part, &words] {
    chosen = [options, layout, part, &words] {
      options->layout = parse_layout(*layout);
      if (!part->empty()) (void)parse_part("--part", *part);
      return on_ranks(options->ranks, options->threads, words, [options, part] { return run_study_part(*options, *part); });
    };
  });
}

void add_rerun(CLI::App& program, Action& chosen, const Words& words) {
  auto* app = program.add_subcommand("rerun", "Run the study that a run.h5 records again, and compare the results' hashes");
  auto asked = std::make_shared<RunOptions>();
  auto run = std::make_shared<std::string>();
  auto layout = std::make_shared<std::string>();
  app->add_option("RUN", *run, "Run directory, or its run.h5")->required();
  add_execution(*app, *asked, *layout);
  app->add_option("--output", asked->output, "Run directory of the new run (default: RUN with -rerun at its end)");
  app->add_flag("--overwrite", asked->overwrite, "Replace a run that is there");
  app->footer("Exit status: 0 the same results hash, 1 another one or a failure, 2 an error of this command, 85 asked to stop.");
  app->callback([&chosen, asked, run, layout, &words] {
    chosen = [asked, run, layout, &words] {
      RunOptions options = rerun_options(*run);
      options.ranks = asked->ranks;
      options.threads = asked->threads;
      options.layout = parse_layout(*layout);
      options.checkpoint_s = asked->checkpoint_s;
      options.stop_after_s = asked->stop_after_s;
      options.quiet = asked->quiet;
      options.overwrite = asked->overwrite;
      if (!asked->output.empty()) options.output = asked->output;
      return on_ranks(options.ranks, options.threads, words, [&] { return run_study(options); });
    };
  });
}

void add_status(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("status", "Say how far a run is, how it was left, and what goes on with it");
  auto options = std::make_shared<StatusOptions>();
  app->add_option("RUN", options->run, "Run directory")->required();
  app->add_flag("--json", options->json, "For programs");
  app->footer("Exit status: 0; of what is running, paused or killed too.");
  app->callback([&chosen, options] { chosen = [options] { return print_status(*options); }; });
}

void add_collect(CLI::App& program, Action& chosen) {
  auto* app = program.add_subcommand("collect", "Put what an unfinished run has committed into one file that reads like a run.h5");
  auto options = std::make_shared<CollectOptions>();
  app->add_option("RUN", options->run, "Run directory; it may be running, or have been killed")->required();
  app->add_option("--output", options->output, "File to write (default: partial.h5 in RUN)");
  app->callback([&chosen, options] { chosen = [options] { return collect(*options); }; });
}

RunOptions rerun_options(const std::string& run) {
  std::filesystem::path file = run;
  if (std::filesystem::is_directory(file)) file /= "run.h5";
  const auto recorded = store::read_provenance(file);
  RunOptions options;
  const auto text = [&](const char* key) {
    const auto found = recorded.find(key);
    return found == recorded.end() ? std::string() : found->second;
  };
  options.spec_text = text("spec_text");
  if (options.spec_text.empty()) throw UserError(file.string() + ": records no spec. Run the study from its spec.");
  options.spec = text("spec_path").empty() ? text("spec_file") : unescape_bytes(text("spec_path"));
  options.reduce = text("reduce") == "fast" ? Reduce::fast : Reduce::exact;
  options.expected = text("results_hash");
  auto directory = std::filesystem::absolute(file).parent_path();
  options.output = directory.string() + "-rerun";
  return options;
}

}  // namespace variscope::experiments
