/// Registers the logistic map onto an interval.
#include "engine/transforms/bounded.hpp"

#include <memory>

namespace variscope::transforms {

LogitMap::LogitMap(double lower, double upper) : lower_(lower), upper_(upper), width_(upper - lower), log_width_(std::log(upper - lower)) {
  if (!std::isfinite(lower) || !std::isfinite(upper) || !(lower < upper) || !std::isfinite(width_)) {
    throw UserError(
        fmt::format("lower, upper: {} and {} bound no interval of finite width. Give finite numbers, lower < upper.", lower, upper));
  }
}

Entry bounded_entry() {
  Entry entry;
  entry.name = "bounded";
  entry.summary = "numbers between two bounds, x = lower + (upper - lower) / (1 + exp(-u))";
  entry.source = "Stan Reference Manual 2.32, Constraint transforms: lower and upper bounded scalar";
  entry.size = "numbers";
  entry.parameters = {{"lower", "what every number exceeds", 0.0}, {"upper", "what every number stays below", 1.0}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Bounded>(arguments.size, LogitMap(arguments.number("lower"), arguments.number("upper")));
  };
  entry.smoke = {{1, {{"lower", 0.0}, {"upper", 1.0}}}, {3, {{"lower", -2.0}, {"upper", 5.0}}}};
  return entry;
}

}  // namespace variscope::transforms
