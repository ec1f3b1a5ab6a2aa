/// Trace points.
#include "experiments/run/fit_course.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace variscope::experiments {

FitCourse::FitCourse(const std::vector<Index>& trace, const FitExtents& extents, const Work& work, Value value)
    : trace_(trace),
      parameters_(static_cast<std::size_t>(extents.parameters)),
      work_(work),
      value_(std::move(value)),
      before_(work.counts) {
  record.resize(extents);
}

void FitCourse::enter(std::span<const double> answer, const std::array<double, 2>& value, const models::Counts& own) {
  std::copy(answer.begin(), answer.end(), record.lambda.begin() + static_cast<std::ptrdiff_t>(next_ * parameters_));
  record.objective[next_] = value[0];
  record.objective_error[next_] = value[1];
  record.seconds[next_] = seconds_;
  record.counts[next_] = own;
  ++next_;
}

bool FitCourse::observe(std::span<const double> answer) {
  seconds_ += watch_.lap();
  const models::Counts so_far = own();
  std::array<double, 2> value{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  const bool valued = value_ && !answer.empty();
  if (valued) apart([&] { value = value_(answer, record.steps); });
  enter(answer, value, so_far);
  return !valued || std::isfinite(value[0]);
}

bool FitCourse::resume(const std::vector<Index>& trace, const FitRecord& from, bool mine) {
  const FitState& state = from.state;
  const auto known = static_cast<std::size_t>(state.recorded);
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < trace_.size() && trace_[i] < from.steps; ++i) {
    const auto found = std::find(trace.begin(), trace.begin() + static_cast<std::ptrdiff_t>(known), trace_[i]);
    if (found == trace.begin() + static_cast<std::ptrdiff_t>(known)) return false;
    places.push_back(static_cast<std::size_t>(found - trace.begin()));
  }
  if (value_ && !places.empty()) {
    const models::Counts before = work_.counts;
    const auto last = static_cast<std::ptrdiff_t>(places.back());
    const auto width = static_cast<std::ptrdiff_t>(parameters_);
    const auto again = value_({from.lambda.begin() + last * width, from.lambda.begin() + (last + 1) * width}, trace_[places.size() - 1]);
    before_ += work_.counts - before;
    if (std::bit_cast<std::uint64_t>(again[0]) != std::bit_cast<std::uint64_t>(from.objective[places.back()])) return false;
  }
  const models::Counts nothing;
  for (const std::size_t j : places) {
    std::copy_n(from.lambda.begin() + static_cast<std::ptrdiff_t>(j * parameters_), parameters_,
                record.lambda.begin() + static_cast<std::ptrdiff_t>(next_ * parameters_));
    record.objective[next_] = from.objective[j];
    record.objective_error[next_] = from.objective_error[j];
    record.seconds[next_] = from.seconds[j];
    record.counts[next_] = mine ? from.counts[j] : nothing;
    ++next_;
  }
  record.steps = from.steps;
  record.refused = from.refused;
  record.step_size = from.step_size;
  seconds_ = state.seconds;
  if (mine) {
    evaluation_ = state.evaluation;
    before_ = before_ - state.own - state.evaluation;
  }
  watch_.lap();
  return true;
}

FitState FitCourse::marked() const {
  FitState state;
  state.recorded = static_cast<Index>(mark_.next);
  state.seconds = mark_.seconds;
  state.own = mark_.own;
  state.evaluation = mark_.evaluation;
  return state;
}

bool FitCourse::settle(std::span<const double> answer) {
  if (next_ == trace_.size()) return true;
  const bool finite = observe(answer);
  const std::size_t last = next_ - 1;
  while (next_ < trace_.size()) enter(answer, {record.objective[last], record.objective_error[last]}, record.counts[last]);
  return finite;
}

void FitCourse::finish() {
  for (; next_ < trace_.size(); ++next_) record.counts[next_] = own();
  record.evaluation = evaluation_;
}

}  // namespace variscope::experiments
