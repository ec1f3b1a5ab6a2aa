/// What studies of every kind begin and end with: teams, data, the run directory, segments that a manifest commits, and going on from them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/data/table.hpp"
#include "engine/store/bundle.hpp"
#include "engine/store/manifest.hpp"
#include "engine/store/run_directory.hpp"
#include "experiments/command/actions.hpp"
#include "experiments/command/progress.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/stop.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// What a session of a study is asked for.
struct SessionOptions : RunOptions {
  std::string part{};  ///< "3/8": the cells of this part of 8, in parts/3 of the run directory; empty: all
};

/// A kind of study implements work(), save() and finish(); this class does the rest, the same for a new run and one that goes on.
class StudyRun {
 public:
  virtual ~StudyRun() = default;
  StudyRun(const StudyRun&) = delete;
  StudyRun& operator=(const StudyRun&) = delete;

  /// Prints what the user is to see. Exit status: 0 the record is complete, kPausedStatus it was asked to stop and everything finished is
  /// saved. Collective.
  int run();

 protected:
  /// All that is to be computed and is not in manifest_ yet. Calls pace() between pieces; may throw Abandoned, on all ranks at the same
  /// place. Finished pieces are kept until save().
  virtual void work() = 0;
  /// Writes what this rank has finished since the last call as a segment: its entry, encoded; empty: nothing to write.
  virtual std::string save(Index checkpoint) = 0;
  /// Everything is committed: run.h5 and the report; ends with conclude() on rank 0.
  virtual void finish() = 0;

  /// What a damaged segment means. drop: its pieces are done again, the others stand by themselves. fall_back: segments build on one
  /// another, so that the checkpoint before is used.
  enum class Damaged { drop, fall_back };

  /// unit: of progress. Collective.
  StudyRun(const SessionOptions& options, const cluster::Communicator& world, Plan plan, const char* unit);
  /// Loads this rank's share of every data set by load(data), then makes the run directory: an error in the data leaves nothing on disk.
  /// A resumed run: checks that it is the same study, data and program, and that its segments are whole; manifest_ is then what was
  /// committed, on every rank. Collective.
  void open(const RunOptions& options, const std::function<data::Table(const DataPlan&)>& load, Damaged damaged = Damaged::drop);

  [[nodiscard]] const DataPlan* data_of(const PathPlan& path) const {
    return path.data < 0 ? nullptr : &plan_.data[static_cast<std::size_t>(path.data)];
  }
  /// Whether this run works on a cell, and on any cell of a path: it may be of a part alone.
  [[nodiscard]] bool works_on(const CellPlan& cell) const { return mine_[static_cast<std::size_t>(&cell - plan_.cells.data())]; }
  [[nodiscard]] bool works_on_path(std::size_t path) const;
  /// Units of progress that it has to do in all.
  [[nodiscard]] double planned_calls() const;
  [[nodiscard]] std::unique_ptr<models::Model> model_of(const PathPlan& path) const {
    return make_model(path.settings, path.data < 0 ? nullptr : &tables_[static_cast<std::size_t>(path.data)]);
  }

  /// Between two pieces of work: saves if it is time, saves and throws Abandoned if any rank was asked to stop. Seconds since the last call
  /// by rank 0's clock, the same on all ranks. Collective.
  double pace();
  /// Whether every piece of work is to be saved at once.
  [[nodiscard]] bool saves_always() const { return checkpoint_s_ == 0; }
  /// What save() writes becomes durable: segments first, then the manifest, which is the commit. Collective.
  void checkpoint();
  [[nodiscard]] double checkpoint_seconds() const { return checkpoint_s_; }
  /// Commits numbers that all ranks know, by name; rank 0 writes. What had that name before goes with the checkpoint after. Collective.
  void keep(const std::string& name, const store::Bundle& bundle);
  /// What keep() committed under this name, on every rank; empty: nothing (or it was damaged). Collective.
  [[nodiscard]] std::optional<store::Bundle> kept(const std::string& name);
  /// Where and when this run was worked on, one session a line; for the provenance.
  [[nodiscard]] const std::string& sessions() const { return manifest_.state.at("sessions"); }

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
  std::unique_ptr<store::RunDirectory> directory_;  ///< rank 0 alone
  store::Manifest manifest_;
  Work work_;

 private:
  void begin();
  /// Of a part: all that it had to do is committed, and stays in segments until the parts are put together.
  void end_part();
  void go_on(Damaged damaged);
  /// A line on standard error, --quiet or not.
  void warn(const std::string& text) const;
  void drop_damaged(Damaged damaged);
  void require_same(const std::map<std::string, std::string>& now) const;
  [[nodiscard]] std::map<std::string, std::string> identity() const;
  void add_session();
  void commit();
  /// status.json; rank 0 alone, and never the reason for a failure.
  void tell(const std::string& state, const std::string& reason);

  double checkpoint_s_;
  std::string part_;                            ///< "3/8"; empty: the whole study
  std::vector<bool> mine_;                      ///< [cell]
  std::string hosts_;                           ///< of this session's ranks
  std::map<std::string, std::string> retired_;  ///< file that a bundle's name stood for before, by that name; rank 0 alone
  double since_checkpoint_s_ = 0;
  double since_told_s_ = 0;
  Stopwatch pace_watch_;
  std::string last_checkpoint_;  ///< when
  std::string summary_;
  std::string hash_;
  std::string expected_;
};

/// Whether the run in options.output is complete; if so, what a kill at its very end left behind is removed, and its report is printed.
/// Collective.
bool conclude_complete(const RunOptions& options, const cluster::Communicator& world);

/// The spec that a run directory's manifest records, and the settings that go with it: `options` completed for going on with
/// options.output. Rank 0 reads, all ranks know. Throws UserError if there is nothing to go on with. Collective.
Spec recorded_spec(SessionOptions& options, const cluster::Communicator& world);

}  // namespace variscope::experiments
