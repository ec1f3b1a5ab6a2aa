/// What studies of every kind begin and end with.
#include "experiments/run/study_run.hpp"

#include <fmt/format.h>

#include <utility>

#include "engine/store/segments.hpp"
#include "experiments/run/identity.hpp"
#include "experiments/run/output.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/run/threads.hpp"

namespace variscope::experiments {

StudyRun::StudyRun(const RunOptions& options, const cluster::Communicator& world, Plan plan, const char* unit)
    : world_(world),
      reduce_(options.reduce),
      plan_(std::move(plan)),
      team_(replicate_team(world, plan_.layout)),
      whole_(whole_team(world, plan_.layout)),
      progress_(world.rank() == 0 && !options.quiet, unit) {
  if (world.size() == 1) pin_threads(plan_.threads);
  check_identities(world);
}

void StudyRun::open(const RunOptions& options, const std::function<data::Table(const DataPlan&)>& load) {
  for (const DataPlan& data : plan_.data) tables_.push_back(load(data));
  // No rank has found an error in its data: only now does anything appear on disk.
  world_.barrier();
  if (world_.rank() == 0)
    directory_ = open_run_directory(plan_.directory, options.overwrite, static_cast<Index>(2.1 * plan_.file_bytes) + (1 << 20));
  manifest_.run_id = fmt::format("{} {}", plan_.name, utc_now());
  world_.barrier();
}

void StudyRun::commit_entry(const std::string& entry) {
  for (const std::string& text : world_.all_gather(entry)) {
    if (!text.empty()) manifest_.segments.push_back(store::decode_segment_entry(text));
  }
  if (world_.rank() == 0) store::write_manifest(plan_.directory, manifest_);
  world_.barrier();
}

void StudyRun::conclude(const std::string& report, const std::string& hash) {
  summary_ = report + fmt::format("\nresults hash {}\nrun file     {}\nreport       {}\n", hash, directory_->run_file().string(),
                                  (directory_->path() / "report").string());
}

}  // namespace variscope::experiments
