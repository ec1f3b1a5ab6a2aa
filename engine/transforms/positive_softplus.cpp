/// Registers the softplus.
#include "engine/transforms/positive_softplus.hpp"

#include <memory>

namespace variscope::transforms {

SoftplusMap::SoftplusMap(double lower) : lower_(lower) {
  if (!std::isfinite(lower)) throw UserError("lower: not finite (a bound that is none). Give a finite number.");
}

Entry positive_softplus_entry() {
  Entry entry;
  entry.name = "positive_softplus";
  entry.summary = "numbers above a bound, x = lower + log(1 + exp(u))";
  entry.source = "Dugas, Bengio, Bélisle, Nadeau, Garcia 2001, NeurIPS 13: softplus";
  entry.size = "numbers";
  entry.parameters = {{"lower", "what every number exceeds", 0.0}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<PositiveSoftplus>(arguments.size, SoftplusMap(arguments.number("lower")));
  };
  entry.smoke = {{1, {{"lower", 0.0}}}, {3, {{"lower", -1.5}}}};
  return entry;
}

}  // namespace variscope::transforms
