/// Spec, revision, compiler, libraries, CPU, topology, random keys.
#include "experiments/run/provenance.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <set>

#include "experiments/command/version.hpp"
#include "experiments/run/fingerprint.hpp"

namespace variscope::experiments {

std::string utc_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

std::map<std::string, std::string> provenance(const Plan& plan, const cluster::Communicator& world, const std::string& reduce) {
  std::map<std::string, std::string> p = build_provenance();
  const Identity identity = this_identity();
  p["program_sha256"] = identity.program;
  p["cpu_model"] = identity.cpu_model;
  p["cpu_features_sha256"] = identity.cpu_features;
  p["glibc"] = gnu_get_libc_version();
  if (const char* tunables = std::getenv("GLIBC_TUNABLES")) p["glibc_tunables"] = tunables;
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  p["host"] = host.data();
  p["spec_file"] = plan.spec.file;
  p["spec_path"] = escape_bytes(std::filesystem::absolute(plan.spec.file).lexically_normal().string());
  p["data"] = fingerprint(plan);
  // What else decides how a program runs: modules, OpenMP, the message-passing library, the job.
  std::string environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    for (const char* prefix : {"OMP_", "GOMP_", "OMPI_MCA_", "LOADEDMODULES=", "SLURM_JOB_ID=", "PBS_JOBID=", "LSB_JOBID=", "JOB_ID="}) {
      if (text.starts_with(prefix)) environment += escape_bytes(text) + "\n";
    }
  }
  if (!environment.empty()) p["environment"] = environment;
  p["spec_text"] = plan.spec.text;
  p["study"] = plan.name;
  p["ranks"] = std::to_string(world.size());
  p["threads_per_rank"] = std::to_string(plan.threads);
  p["layout"] = plan.layout.text();
  p["reduce"] = reduce;
  std::set<std::uint64_t> seeds;
  for (const CellPlan& cell : plan.cells) seeds.insert(cell.settings.study.seed);
  std::string excluded;
  for (const ExcludedCell& cell : plan.spec.excluded) {
    std::string values;
    for (const auto& [key, value] : cell.swept) values += fmt::format("{}{} = {}", values.empty() ? "" : ", ", key, value);
    excluded += fmt::format("{}: {}\n", values, cell.reason);
  }
  if (!excluded.empty()) p["excluded_cells"] = excluded;
  std::string rows;
  for (const DataPlan& data : plan.data) {
    rows += fmt::format("{}: {} in the file, {} dropped for a missing value, {} held out, {} used\n", data.settings.file,
                        data.dataset.file.rows, data.dataset.dropped_rows, data.dataset.test_rows, data.rows);
  }
  if (!rows.empty()) p["data_rows"] = rows;
  p["random_generator"] = "Philox4x32-10 (Random123); key = seed; counter = (block, minor, major, purpose << 24 | task)";
  p["random_keys"] = fmt::format("seed: {}", fmt::join(seeds, ", "));
  p["random_purposes"] =
      plan.of_chains() ? "chain_* 24 to 33; task: chain; major: iteration; minor: place within it"
      : plan.of_fits() ? "fit_noise 19, fit_rows 20, fit_evaluation 21, posterior_draw 22, particle_start 23; task: repeat; major: step; "
                         "minor: sample, draw or "
                         "particle"
                       : "path_noise 3, path_rows 4, replicate_noise 5, replicate_rows 6, reference_noise 7, optimum_noise 8; task: point; "
                         "major: replicate or step; minor: sample";
  return p;
}

}  // namespace variscope::experiments
