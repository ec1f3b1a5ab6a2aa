/// Student t: its constant, and draws by Boost's quantile.
#include "engine/models/student_t.hpp"

#include <memory>

#include <boost/math/distributions/students_t.hpp>

#include "engine/models/whole_number.hpp"

namespace variscope::models {

StudentTDensity::StudentTDensity(double location, double scale, double nu) : location_(location), inverse_scale_(1.0 / scale), nu_(nu) {
  if (!std::isfinite(location)) throw UserError("model.location: not finite (it is the centre). Give a finite number.");
  if (!(scale > 0) || !std::isfinite(scale)) throw UserError("model.scale: not a positive number (it is the width). Give one above 0.");
  if (!(nu > 0) || !std::isfinite(nu))
    throw UserError("model.nu: not a positive number (it is the number of degrees of freedom). Give one above 0.");
  // B(nu/2, 1/2) as a whole: its gamma functions would cancel where nu is large.
  constant_ = -std::log(boost::math::beta(0.5 * nu, 0.5)) - 0.5 * std::log(nu) - std::log(scale);
}

double StudentTDensity::draw(const random::Stream& stream, std::uint32_t lane) const {
  const boost::math::students_t distribution(nu_);
  return location_ + boost::math::quantile(distribution, random::uniform(stream, lane)) / inverse_scale_;
}

Entry student_t_entry() {
  Entry entry;
  entry.name = "student_t";
  entry.summary = "independent Student t coordinates, normalised; mean location (nu > 1), variance scale^2 nu / (nu - 2) (nu > 2)";
  entry.source = "definition";
  entry.parameters = {{"dim", "coordinates, each independent of the others", {1.0}},
                      {"location", "centre of every coordinate", {0.0}},
                      {"scale", "width of every coordinate, above 0", {1.0}},
                      {"nu", "degrees of freedom, above 0", {3.0}}};
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<StudentT>(whole_number(arguments, "dim"), arguments.number("location"), arguments.number("scale"),
                                      arguments.number("nu"));
  };
  entry.smoke.numbers = {{"dim", {2.0}}, {"location", {0.5}}, {"scale", {1.5}}, {"nu", {3.0}}};
  return entry;
}

}  // namespace variscope::models
