/// Registers the exponential on either side of a bound.
#include "engine/transforms/positive_log.hpp"

#include <memory>

namespace variscope::transforms {
namespace {

void check(double bound, const char* name) {
  if (!std::isfinite(bound)) throw UserError(fmt::format("{}: not finite (a bound that is none). Give a finite number.", name));
}

}  // namespace

LowerLogMap::LowerLogMap(double lower) : lower_(lower) { check(lower, "lower"); }

UpperLogMap::UpperLogMap(double upper) : upper_(upper) { check(upper, "upper"); }

Entry positive_log_entry() {
  Entry entry;
  entry.name = "positive_log";
  entry.summary = "numbers above a bound, x = lower + exp(u)";
  entry.source = "Stan Reference Manual 2.32, Constraint transforms: lower bounded scalar";
  entry.size = "numbers";
  entry.parameters = {{"lower", "what every number exceeds", 0.0}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<PositiveLog>(arguments.size, LowerLogMap(arguments.number("lower")));
  };
  entry.smoke = {{1, {{"lower", 0.0}}}, {3, {{"lower", -1.5}}}};
  return entry;
}

Entry upper_log_entry() {
  Entry entry;
  entry.name = "upper_log";
  entry.summary = "numbers below a bound, x = upper - exp(u)";
  entry.source = "Stan Reference Manual 2.32, Constraint transforms: upper bounded scalar";
  entry.size = "numbers";
  entry.parameters = {{"upper", "what every number stays below", 0.0}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<UpperLog>(arguments.size, UpperLogMap(arguments.number("upper")));
  };
  entry.smoke = {{1, {{"upper", 0.0}}}, {3, {{"upper", 2.5}}}};
  return entry;
}

}  // namespace variscope::transforms
