/// Gaussians of given condition: reflections applied to a diagonal from both sides.
#include "engine/models/conditioned_gaussian.hpp"

#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/whole_number.hpp"
#include "engine/random/stream.hpp"

namespace variscope::models {
namespace {

/// (I - 2 v v^T) H (I - 2 v v^T) for a unit vector v: H - v w^T - w v^T with w = 2 (H v - (v'H v) v). Stays symmetric exactly.
void reflect(std::vector<double>& h, const std::vector<double>& v) {
  const std::size_t side = v.size();
  std::vector<double> w(side);
  double form = 0;
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j < side; ++j) w[i] += h[i * side + j] * v[j];
    form += v[i] * w[i];
  }
  for (std::size_t i = 0; i < side; ++i) w[i] = 2.0 * (w[i] - form * v[i]);
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j <= i; ++j) h[j * side + i] = h[i * side + j] -= v[i] * w[j] + w[i] * v[j];
  }
}

}  // namespace

std::vector<double> conditioned_precision(Index dim, double condition, std::uint64_t seed) {
  if (dim < 1) throw UserError(fmt::format("model.dim: {} (a target has at least one coordinate). Give 1 or more.", dim));
  if (!(condition >= 1.0 && condition <= 1e10))
    throw UserError(fmt::format("model.condition: {} (beyond 1e10 rounding decides the smallest eigenvalue). Give 1 to 1e10.", condition));
  if (dim == 1 && condition != 1.0)
    throw UserError(fmt::format("model.condition: {} (one coordinate has one eigenvalue). Give 1, or a larger model.dim.", condition));
  const auto side = static_cast<std::size_t>(dim);
  std::vector<double> h(side * side, 0.0);
  for (std::size_t k = 0; k < side; ++k)
    h[k * side + k] = side == 1 ? 1.0 : std::pow(condition, static_cast<double>(k) / static_cast<double>(side - 1));
  if (seed == 0) return h;
  // Reflection i maps the first axis of the last dim - i coordinates to a direction drawn uniformly there: together a Haar rotation, up
  // to the signs of columns, which the precision does not see.
  for (std::size_t i = side; i-- > 0;) {
    const random::Stream stream{seed, random::Purpose::data_truth, 1, 0, static_cast<std::uint32_t>(i)};
    std::vector<double> v(side, 0.0);
    double square = 0;
    for (std::size_t j = i; j < side; ++j) {
      v[j] = random::normal(stream, static_cast<std::uint32_t>(j - i));
      square += v[j] * v[j];
    }
    // v = x + sign(x_1) |x| e_1; its squared length is 2 (|x|^2 + |x_1| |x|).
    const double length = std::sqrt(square);
    const double squared = 2.0 * (square + std::abs(v[i]) * length);
    v[i] += v[i] < 0 ? -length : length;
    for (std::size_t j = i; j < side; ++j) v[j] /= std::sqrt(squared);
    reflect(h, v);
  }
  return h;
}

Entry conditioned_gaussian_entry() {
  Entry entry;
  entry.name = "conditioned_gaussian";
  entry.summary = "dense Gaussian of mean 0 whose variances along random directions fall from 1 to 1 / condition; the model gaussian";
  entry.source = "definition: eigenvalues in geometric progression; rotations: Stewart 1980, SIAM J. Numer. Anal. 17(3)";
  entry.parameters = {{"dim", "coordinates", {10.0}},
                      {"condition", "largest over smallest eigenvalue, 1 to 1e10", {100.0}},
                      {"rotation_seed", "which rotation: a whole number above 0, or 0 for none", {1.0}}};
  entry.make = [](const Arguments& arguments) {
    const auto seed = static_cast<std::uint64_t>(whole_number(arguments, "rotation_seed"));
    return std::make_unique<Gaussian>(conditioned_precision(whole_number(arguments, "dim"), arguments.number("condition"), seed),
                                      std::vector<double>{0.0});
  };
  entry.smoke.numbers = {{"dim", {3.0}}, {"condition", {20.0}}, {"rotation_seed", {1.0}}};
  return entry;
}

}  // namespace variscope::models
