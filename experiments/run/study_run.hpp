/// What studies of every kind begin and end with: teams, data, the run directory, and segments that a manifest commits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/data/table.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_directory.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/progress.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

class StudyRun {
 public:
  /// What the user is shown; rank 0 only.
  [[nodiscard]] const std::string& summary() const { return summary_; }

 protected:
  /// unit: of progress. Collective.
  StudyRun(const RunOptions& options, const cluster::Communicator& world, Plan plan, const char* unit);
  /// Loads this rank's share of every data set by load(data), then makes the run directory: an error in the data leaves nothing on disk.
  /// Collective.
  void open(const RunOptions& options, const std::function<data::Table(const DataPlan&)>& load);

  [[nodiscard]] const DataPlan* data_of(const PathPlan& path) const {
    return path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
  }
  [[nodiscard]] std::unique_ptr<models::Model> model_of(const PathPlan& path) const {
    return make_model(path.settings, path.data < 0 ? nullptr : &tables_[static_cast<std::size_t>(path.data)]);
  }

  /// What `write(number of the checkpoint)` wrote becomes durable: segments first, then the manifest, which is the commit. It returns the
  /// entry of this rank's segment, encoded; empty: it has none. Collective.
  template <class Write>
  void commit(Write write) {
    ++manifest_.checkpoint;
    commit_entry(write(manifest_.checkpoint));
  }
  /// Makes the summary: `report` is what the report says.
  void conclude(const std::string& report, const std::string& hash);

  const cluster::Communicator& world_;
  cluster::Reduce reduce_;
  Stopwatch total_watch_;
  Plan plan_;
  cluster::Team team_;
  cluster::Team whole_;
  Progress progress_;
  std::vector<data::Table> tables_;
  std::unique_ptr<store::RunDirectory> directory_;
  store::Manifest manifest_;
  Work work_;

 private:
  void commit_entry(const std::string& entry);

  std::string summary_;
};

}  // namespace variscope::experiments
