/// Trace points.
#include "experiments/run/fit_course.hpp"

#include <algorithm>
#include <cmath>
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
