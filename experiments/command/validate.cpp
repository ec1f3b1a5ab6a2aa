/// `variscope validate`: do the samplers of a study draw from the posteriors of its models?
#include <fmt/format.h>
#include <omp.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include "cluster/communicator/communicator.hpp"
#include "engine/error.hpp"
#include "engine/samplers/calibration.hpp"
#include "engine/samplers/catalogue.hpp"
#include "experiments/command/subcommands.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/load.hpp"

namespace variscope::experiments {

namespace {

struct ValidateOptions {
  std::string spec;
  std::string only;
  Index replications = 200;
  Index draws = 99;
  Index thin = 10;
  Index steps = 1000;
  double false_alarm = 1e-3;
  int threads = 0;
};

/// One cell's model under one of its samplers.
struct Subject {
  const CellPlan& cell;
  const ChainsPlan& chains;
  samplers::CalibrationTarget target;
  samplers::Start start;
};

std::string judged(const samplers::RankVerdict& verdict) {
  const std::string worst = fmt::format("p = {:.2g} of {}", verdict.p_values[verdict.worst()], verdict.names[verdict.worst()]);
  if (verdict.failed > 0) return fmt::format("FAILED: {} chains found no place, or met one without density ({})", verdict.failed, worst);
  return fmt::format("{} ({}, the least of {}; bound {:.2g})", verdict.calibrated() ? "ok" : "FAILED", worst, verdict.names.size(),
                     verdict.bound);
}

/// The bias that a rule leaves, as calibration sees it: how far mean ranks are from the middle.
std::string shift_words(const samplers::Calibration& found, Index draws) {
  double largest = 0;
  std::size_t of = 0;
  for (std::size_t q = 0; q < found.ranks.size(); ++q) {
    double sum = 0;
    for (const Index rank : found.ranks[q]) sum += (static_cast<double>(rank) + 0.5) / static_cast<double>(draws + 1) - 0.5;
    const double shift = sum / static_cast<double>(std::max<std::size_t>(found.ranks[q].size(), 1));
    if (std::abs(shift) > std::abs(largest)) {
      largest = shift;
      of = q;
    }
  }
  const double error = std::sqrt(1 / (12.0 * static_cast<double>(std::max<std::size_t>(found.ranks.front().size(), 1))));
  return fmt::format("mean rank is off by {:+.3f} of {} at the most (standard error {:.3f}, the largest of {})", largest, found.names[of],
                     error, found.names.size());
}

/// False if a test failed.
bool validate(const Subject& subject, const ValidateOptions& options) {
  const samplers::Entry& entry = *samplers::find(subject.chains.sampler);
  fmt::print("{}, {}\n", subject.cell.id, entry.name);
  const std::uint64_t seed = subject.chains.settings.seed;
  const double false_alarm = options.false_alarm / (subject.chains.settings.stop.active() ? 3 : 2);
  bool passed = true;
  if (!entry.capabilities.exact) {
    fmt::print("  one step       left out: its iterations do not leave the posterior as it is, or draw from more than the position\n");
  } else {
    const samplers::OneStepSettings settings{seed,        options.steps,         19,           subject.chains.settings.adapting(),
                                             false_alarm, omp_get_max_threads(), subject.start};
    const auto found = samplers::one_step_invariance(subject.target, settings);
    fmt::print("  one step       {}; {:.0f} % of chains moved\n", judged(found), 100 * found.moved);
    passed = found.calibrated();
  }
  samplers::CalibrationSettings settings;
  settings.seed = seed;
  settings.replications = options.replications;
  settings.draws = options.draws;
  settings.thin = options.thin;
  settings.warmup = subject.chains.settings.adapting();
  settings.false_alarm = false_alarm;
  settings.threads = omp_get_max_threads();
  settings.start = subject.start;
  const auto found = samplers::simulation_based_calibration(subject.target, settings);
  fmt::print("  whole chains   {}; effective size {:.0f} % of the draws\n", judged(found), 100 * found.effective_share);
  if (found.effective_share < 0.5)
    fmt::print("                 Draws depend on their neighbours, so that ranks crowd at the ends: use a --thin above {}.\n",
               options.thin);
  passed = passed && found.calibrated();
  const diagnostics::StoppingRule& rule = subject.chains.settings.stop;
  if (!rule.active()) return passed;
  // As long as the study's own, so that their effective sizes are what the rule asks for.
  samplers::CalibrationSettings stopping = settings;
  stopping.stop = rule;
  stopping.chains = subject.chains.settings.chains;
  stopping.longest = subject.chains.settings.draws;
  stopping.thin = subject.chains.settings.thin;
  const auto stopped = samplers::simulation_based_calibration(subject.target, stopping);
  fmt::print("  stopped chains {}; {:.0f} % of {} stopped, after {:.0f} draws on average; effective size {:.0f} % of the ranked\n",
             judged(stopped), 100 * stopped.stopped_share, options.replications, stopped.iterations, 100 * stopped.effective_share);
  fmt::print("                 {}\n", shift_words(stopped, options.draws));
  return passed && stopped.calibrated();
}

int validate(const ValidateOptions& options) {
  const Plan plan = make_plan(options.spec, 1, omp_get_max_threads(), {}, "");
  if (!plan.of_chains()) throw UserError("validate: this is no study of chains. Give study.kind = \"sample\" and samplers.");
  const auto alone = cluster::Communicator::serial();
  int failures = 0;
  int tried = 0;
  for (const CellPlan& cell : plan.cells) {
    const PathPlan& path = plan.paths[static_cast<std::size_t>(cell.path)];
    if (path.data < 0) {
      throw UserError(
          fmt::format("validate: the model of {} has no data that could be simulated. Its posterior is what the spec says.", cell.id));
    }
    const data::Table table = load_share(plan.data[static_cast<std::size_t>(path.data)], alone);
    for (const ChainsPlan& chains : cell.chains) {
      if (chains.sampler.find(options.only) == std::string::npos) continue;
      if (samplers::find(chains.sampler)->capabilities.weighted) {
        fmt::print("{}, {}: left out: ranks do not know its draws' weights\n", cell.id, chains.sampler);
        continue;
      }
      samplers::CalibrationTarget target;
      target.table = &table;
      target.model = [&settings = path.settings](const data::Table& data) { return make_model(settings, &data); };
      target.sampler = [&chains](const models::Model& model) {
        const samplers::Entry& entry = *samplers::find(chains.sampler);
        return entry.make(samplers::arguments_of(entry, chains.settings.numbers, chains.settings.words), model);
      };
      samplers::Start start = chains.settings.start;
      // Values that fit one data set are no start for others.
      if (start.kind == samplers::StartKind::given) start = {.kind = samplers::StartKind::prior};
      start.chains_per_start = 1;
      ++tried;
      failures += validate({cell, chains, target, start}, options) ? 0 : 1;
    }
  }
  if (tried == 0) throw UserError(fmt::format("--only: no sampler of the study has '{}' in its name. Leave it out.", options.only));
  return failures > 0 ? 1 : 0;
}

}  // namespace

void add_validate(CLI::App& program, Action& chosen, const Words& words) {
  auto* app = program.add_subcommand("validate", "Test whether a study's samplers draw from its models' posteriors, on simulated data");
  auto options = std::make_shared<ValidateOptions>();
  app->add_option("SPEC", options->spec, "The .toml file of a study of chains")->required()->type_name("FILE");
  app->add_option("--only", options->only, "Only the samplers whose name contains this");
  app->add_option("--replications", options->replications, "Data sets of the test of whole chains")
      ->check(CLI::Range(10, 1000000))
      ->option_text("N")
      ->capture_default_str();
  app->add_option("--draws", options->draws, "Draws that ranks are among, of each")
      ->check(CLI::Range(4, 4000))
      ->option_text("N")
      ->capture_default_str();
  app->add_option("--thin", options->thin, "Iterations a draw")->check(CLI::Range(1, 1000000))->option_text("N")->capture_default_str();
  app->add_option("--steps", options->steps, "Data sets of the test of one step")
      ->check(CLI::Range(10, 1000000))
      ->option_text("N")
      ->capture_default_str();
  app->add_option("--false-alarm", options->false_alarm, "Chance of a false alarm, of each sampler of each cell")
      ->check(CLI::Range(1e-12, 0.5))
      ->capture_default_str();
  app->add_option("--threads", options->threads, "OpenMP threads (default: OMP_NUM_THREADS, or the cores)")
      ->check(CLI::Range(1, 4096))
      ->option_text("N");
  app->footer(
      "Parameters are drawn from the prior and responses simulated from them, for the covariates of the spec's data.\n"
      "One step: an adapted iteration must leave such parameters distributed as the prior is. Whole chains: simulation-based calibration,\n"
      "warm-up and starts included. Stopped chains: the same of chains that sampler.stop ends, whose choice of the moment is a bias that\n"
      "fixed lengths do not show. All rank every parameter and the log likelihood, and take as long as that many short studies.\n"
      "Exit status: 0 all passed, 1 a test failed, 2 the study cannot be simulated.\n"
      "Example: variscope validate study.toml --only nuts");
  app->callback([&chosen, options, &words] {
    chosen = [options, &words] { return on_ranks(0, options->threads, words, [options] { return validate(*options); }); };
  });
}

}  // namespace variscope::experiments
