/// A fit under way: what of it is recorded as it goes, and which work is its own.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "engine/fit_record.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

class FitCourse {
 public:
  /// Objective and its error at an answer after so many steps. None where there is no objective.
  using Value = std::function<std::array<double, 2>(std::span<const double> answer, Index step)>;

  /// trace and work outlive the object.
  FitCourse(const std::vector<Index>& trace, const FitExtents& extents, const Work& work, Value value);

  /// Told by the method: record.steps is the number of steps taken so far.
  FitRecord record;

  /// Takes up a fit whose state is `from.state` and whose entries stand for the steps `trace`; its work so far is this process's if `mine`
  /// (one of a team holds all of it). Before anything is observed. False: the steps to be recorded before that state are not all among
  /// them, or the objective at the last of them is not, to the bit, what it was; nothing has changed then.
  [[nodiscard]] bool resume(const std::vector<Index>& trace, const FitRecord& from, bool mine);
  /// Remembers this place: what has been recorded and done so far.
  void mark() { mark_ = {next_, seconds_ + watch_.passed(), own(), evaluation_}; }
  /// The marked place, but for what the optimizer knows of it. Counts are this process's.
  [[nodiscard]] FitState marked() const;

  /// Whether the step it has come to is recorded.
  [[nodiscard]] bool due() const { return next_ < trace_.size() && trace_[next_] == record.steps; }
  /// Records what the fit would answer with; empty: nothing yet. False: the objective is not finite.
  bool observe(std::span<const double> answer);
  /// What is left of the trace repeats this answer, at the work done so far. False: its objective is not finite.
  bool settle(std::span<const double> answer);
  /// f(); its work is not the fit's.
  template <class F>
  void apart(F f) {
    const models::Counts before = work_.counts;
    f();
    evaluation_ += work_.counts - before;
    watch_.lap();
  }
  /// The record: work of the whole fit where nothing was recorded, and of what was done apart from it.
  void finish();

 private:
  struct Mark {
    std::size_t next = 0;
    double seconds = 0;
    models::Counts own;
    models::Counts evaluation;
  };

  void enter(std::span<const double> answer, const std::array<double, 2>& value, const models::Counts& own);
  [[nodiscard]] models::Counts own() const { return work_.counts - before_ - evaluation_; }

  const std::vector<Index>& trace_;
  std::size_t parameters_;
  const Work& work_;
  Value value_;
  models::Counts before_;
  models::Counts evaluation_;
  double seconds_ = 0;
  std::size_t next_ = 0;
  Stopwatch watch_;
  Mark mark_;
};

}  // namespace variscope::experiments
