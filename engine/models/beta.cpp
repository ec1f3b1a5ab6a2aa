/// Beta: its constant, draws by Boost's quantile, and the way from and to (0, 1).
#include "engine/models/beta.hpp"

#include <memory>

#include <boost/math/special_functions/beta.hpp>

#include "engine/models/whole_number.hpp"
#include "engine/transforms/bounded.hpp"

namespace variscope::models {

LogitBetaDensity::LogitBetaDensity(double a, double b) : a_(a), b_(b), log_beta_(std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b)) {
  if (!(a > 0) || !std::isfinite(a)) throw UserError("model.a: not a positive number (t has the power a - 1). Give one above 0.");
  if (!(b > 0) || !std::isfinite(b)) throw UserError("model.b: not a positive number (1 - t has the power b - 1). Give one above 0.");
}

double LogitBetaDensity::draw(const random::Stream& stream, std::uint32_t lane) const {
  double rest = 0;  // 1 - t, which a t near 1 has lost
  const double t = boost::math::ibeta_inv(a_, b_, random::uniform(stream, lane), &rest);
  return std::log(t) - std::log(rest);
}

void Beta::constrain(ConstBatchView theta, BatchView out) const { transforms::Bounded(dim()).constrain(theta, 0, out, 0); }

void Beta::unconstrain(std::span<const double> values, std::span<double> theta) const {
  if (const auto wrong = transforms::Bounded(dim()).unconstrain(values, theta)) throw UserError(fmt::format("t: {}.", *wrong));
}

Entry beta_entry() {
  Entry entry;
  entry.name = "beta";
  entry.summary = "independent Beta(a, b) variables t on (0, 1) as densities of log(t / (1 - t)), normalised; E t = a / (a + b)";
  entry.source = "definition: t^(a-1) (1-t)^(b-1) / B(a, b) times the Jacobian t (1-t)";
  entry.parameters = {{"dim", "coordinates, each independent of the others", {1.0}},
                      {"a", "power of t, plus one; above 0", {1001.0}},
                      {"b", "power of 1 - t, plus one; above 0", {2.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<Beta>(whole_number(arguments, "dim"), arguments.number("a"), arguments.number("b"));
  };
  entry.smoke.numbers = {{"dim", {2.0}}, {"a", {3.5}}, {"b", {2.0}}};
  return entry;
}

}  // namespace variscope::models
