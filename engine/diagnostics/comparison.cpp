/// Predicted against measured: what variance components say about another setting, and whether replicates there agree.
#include "engine/diagnostics/comparison.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>

namespace variscope::diagnostics {

namespace {

/// Welch-Satterthwaite. An error without degrees of freedom counts as known.
double joint_freedom(double a, double a_freedom, double b, double b_freedom) {
  const double whole = (a * a + b * b) * (a * a + b * b);
  const double parts = (a_freedom > 0 ? a * a * a * a / a_freedom : 0.0) + (b_freedom > 0 ? b * b * b * b / b_freedom : 0.0);
  return parts > 0 ? whole / parts : std::numeric_limits<double>::infinity();
}

double quantile_of(double freedom, double two_sided) {
  constexpr double nearly_normal = 1e8;
  const boost::math::students_t student(std::clamp(freedom, 1.0, nearly_normal));
  return boost::math::quantile(boost::math::complement(student, two_sided / 2));
}

bool logarithmic(const Estimate& estimate) { return estimate.value > 0 && std::isfinite(estimate.log_error); }

double error_of(const Estimate& estimate) { return estimate.reliability == Reliability::zero ? estimate.floor : estimate.error; }

bool trusted(const Estimate& estimate) { return estimate.reliable() || estimate.reliability == Reliability::zero; }

Reliability worse(Reliability a, Reliability b) { return a == Reliability::reliable ? b : a; }

}  // namespace

std::string to_text(Agreement agreement) {
  switch (agreement) {
    case Agreement::agrees:
      return "agrees";
    case Agreement::above:
      return "above";
    case Agreement::below:
      return "below";
    case Agreement::undecided:
      return "undecided";
  }
  return "undecided";
}

Comparison compare(const Estimate& predicted, const Estimate& measured, Index comparisons) {
  Comparison result;
  result.predicted = predicted;
  result.measured = measured;
  result.z = std::numeric_limits<double>::quiet_NaN();
  if (!predicted.defined() || !measured.defined()) {
    return result;
  }
  const bool logs = logarithmic(predicted) && logarithmic(measured);
  const double own = logs ? predicted.log_error : error_of(predicted);
  const double other = logs ? measured.log_error : error_of(measured);
  const double difference = logs ? std::log(measured.value / predicted.value) : measured.value - predicted.value;
  const double error = std::sqrt(own * own + other * other);
  if (!std::isfinite(error) || !std::isfinite(difference) || (error == 0 && difference != 0)) {
    return result;
  }
  result.z = difference == 0 ? 0.0 : difference / error;
  result.freedom = joint_freedom(own, predicted.freedom, other, measured.freedom);
  result.threshold = quantile_of(result.freedom, comparison_false_alarm_rate / static_cast<double>(std::max<Index>(comparisons, 1)));
  if (!trusted(predicted) || !trusted(measured)) {
    return result;
  }
  const bool beyond = std::abs(result.z) > result.threshold;
  result.agreement = !beyond ? Agreement::agrees : (result.z > 0 ? Agreement::above : Agreement::below);
  return result;
}

Estimate ratio_of_independent(const Estimate& numerator, const Estimate& denominator) {
  Estimate ratio;
  if (!logarithmic(numerator) || !logarithmic(denominator)) {
    return ratio;
  }
  ratio.value = numerator.value / denominator.value;
  ratio.log_error = std::hypot(numerator.log_error, denominator.log_error);
  ratio.error = ratio.value * ratio.log_error;
  ratio.freedom = joint_freedom(numerator.log_error, numerator.freedom, denominator.log_error, denominator.freedom);
  const double reach = quantile_of(ratio.freedom, 0.05) * ratio.log_error;
  ratio.lower = ratio.value * std::exp(-reach);
  ratio.upper = ratio.value * std::exp(reach);
  ratio.reliability = worse(numerator.reliability, denominator.reliability);
  return ratio;
}

}  // namespace variscope::diagnostics
