/// Natural-gradient ascent of an ELBO for Gaussian families: the Bayesian learning rule in precision and mean.
#include "engine/optimizers/natural_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <vector>

#include "engine/dense.hpp"
#include "engine/families/full_rank_gaussian.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/optimizers/arguments.hpp"

namespace variscope::optimizers {

namespace {

using dense::Matrix;

/// In a coordinate, precision_new / precision = 1 - a g_rho: g_rho = 1 + s^2 E[l''].
void mean_field(std::span<const double> g, double step_size, bool correction, std::vector<double>& lambda) {
  const std::size_t dim = lambda.size() / 2;
  for (std::size_t i = 0; i < dim; ++i) {
    const double x = -step_size * g[dim + i];
    const double ratio = correction || !(1 + x > 0) ? 1 + x + 0.5 * x * x : 1 + x;
    lambda[dim + i] -= 0.5 * std::log(ratio);
    const double scale = std::exp(lambda[dim + i]);
    lambda[i] += step_size * scale * scale * g[i];
  }
}

/// L' with L' L'^T = L (1 + X)^-1 L^T, X symmetric. With J the reversal of rows, J (1 + X) J = C C^T gives 1 + X = U U^T, U = J C J upper
/// triangular, so L' = L U^-T. Nothing where 1 + X, or with `correction` 1 + X + X^2 / 2, is not positive definite.
std::optional<Matrix> moved_factor(const Matrix& factor, const Matrix& x, bool correction) {
  const Index dim = factor.rows;
  const Matrix square = correction ? dense::product(x, x) : Matrix(dim, dim);
  Matrix reversed(dim, dim);
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j < dim; ++j) {
      const Index r = dim - 1 - i;
      const Index c = dim - 1 - j;
      reversed(i, j) = (i == j ? 1.0 : 0.0) + x(r, c) + 0.5 * square(r, c);
    }
  }
  const auto cholesky = dense::cholesky(reversed);
  if (!cholesky) return std::nullopt;
  // Row r of L U^-T is U^-1 applied to row r of L: C^-1 between reversals.
  Matrix result(dim, dim);
  std::vector<double> row(static_cast<std::size_t>(dim));
  for (Index r = 0; r < dim; ++r) {
    for (Index k = 0; k < dim; ++k) row[static_cast<std::size_t>(k)] = factor(r, dim - 1 - k);
    dense::solve_lower(*cholesky, row);
    for (Index k = 0; k <= r; ++k) result(r, k) = row[static_cast<std::size_t>(dim - 1 - k)];
  }
  return result;
}

/// False where the precision overflows.
bool full_rank(const families::FullRankGaussian& family, std::span<const double> g, double step_size, bool correction,
               std::vector<double>& lambda) {
  const Index dim = family.dim();
  const auto size = static_cast<std::size_t>(dim);
  Matrix factor(dim, dim);
  Matrix by_factor(dim, dim);  // dELBO/dL
  std::size_t p = 2 * size;
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j <= i; ++j) factor(i, j) = family.factor(i, j);
    for (Index j = 0; j < i; ++j) by_factor(i, j) = g[p++];
    by_factor(i, i) = g[size + static_cast<std::size_t>(i)] / factor(i, i);
  }
  // X = L' (precision_new - precision) L = -a (L' E[Hessian] L + 1), whose lower triangle is that of -a L' dELBO/dL.
  Matrix x = dense::product(dense::transposed(factor), by_factor);
  for (Index i = 0; i < dim; ++i) {
    for (Index j = 0; j <= i; ++j) x(i, j) = x(j, i) = -step_size * x(i, j);
  }
  auto moved = moved_factor(factor, x, correction);
  if (!moved && !correction) moved = moved_factor(factor, x, true);
  if (!moved) return false;
  const auto shift = dense::product(*moved, dense::product(dense::transposed(*moved), g.first(size)));
  p = 2 * size;
  for (Index i = 0; i < dim; ++i) {
    const auto d = static_cast<std::size_t>(i);
    lambda[d] += step_size * shift[d];
    lambda[size + d] = std::log((*moved)(i, i));
    for (Index j = 0; j < i; ++j) lambda[p++] = (*moved)(i, j);
  }
  return true;
}

}  // namespace

bool NaturalGradient::step(const StepInput& input, std::span<double>, std::span<double> lambda) const {
  if (!all_finite(input.gradient)) return false;
  if (input.family == nullptr) throw std::logic_error("natural gradient without a family");
  const double step_size = schedule_.at(input.step);
  std::vector<double> moved(lambda.begin(), lambda.end());
  if (input.family->mean_field_gaussian() != nullptr) {
    mean_field(input.gradient, step_size, correction_, moved);
  } else if (const auto* full = dynamic_cast<const families::FullRankGaussian*>(input.family)) {
    if (!full_rank(*full, input.gradient, step_size, correction_, moved)) return false;
  } else {
    const std::vector<double> inverse = input.family->inverse_fisher_diagonal();
    if (inverse.size() != lambda.size()) throw std::logic_error("natural gradient for a family of unknown Fisher information");
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += step_size * inverse[i] * input.gradient[i];
  }
  if (!all_finite(moved)) return false;
  std::copy(moved.begin(), moved.end(), lambda.begin());
  return true;
}

Entry natural_gradient_entry() {
  Entry entry;
  entry.name = "natural_gradient";
  entry.summary = "steps in precision and mean of a Gaussian family (Bayesian learning rule): size 1 reaches a Gaussian target at once";
  entry.source = "Khan and Rue 2023, JMLR 24(281), equation 12; correction: Lin, Schmidt, Khan 2020 (ICML), section 4";
  entry.parameters = schedule_parameters(0.1);
  entry.parameters.push_back(
      {"correction", "1: second-order term in every step; 0: only where the precision would cease to be positive", 0});
  entry.reason_against = [](const std::string& family) -> std::string {
    if (family == "mean_field_gaussian" || family == "full_rank_gaussian" || family == "bernoulli") return {};
    return "its Fisher information has no closed inverse";
  };
  entry.make = [](const Arguments& arguments) {
    return std::make_unique<NaturalGradient>(make_schedule(arguments), switch_of(arguments, "correction"));
  };
  return entry;
}

}  // namespace variscope::optimizers
