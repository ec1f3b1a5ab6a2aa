/// Location-scale Gaussians: the factor from lambda, its inverse by substitution.
#include "engine/oracles/location_scale.hpp"

#include <cmath>
#include <stdexcept>

namespace variscope::oracles {
namespace {

/// L^-1 column by column, forwards.
std::vector<double> inverted(const std::vector<double>& factor, std::size_t dim) {
  std::vector<double> inverse(dim * dim, 0.0);
  for (std::size_t j = 0; j < dim; ++j) {
    for (std::size_t i = j; i < dim; ++i) {
      double rest = i == j ? 1.0 : 0.0;
      for (std::size_t k = j; k < i; ++k) rest -= factor[i * dim + k] * inverse[k * dim + j];
      inverse[i * dim + j] = rest / factor[i * dim + i];
    }
  }
  return inverse;
}

}  // namespace

double LocationScale::log_determinant() const {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) sum += std::log(at(i, i));
  return sum;
}

double LocationScale::entropy_slope(std::size_t p) const {
  if (p < dim) return 0;
  const Entry& entry = entries[p - dim];
  return entry.row == entry.column ? entry.chain / at(entry.row, entry.row) : 0.0;
}

double LocationScale::score_variance(std::size_t p) const {
  const std::size_t i = p < dim ? p : entries[p - dim].row;
  double square = 0;
  for (std::size_t k = 0; k < dim; ++k) square += back(i, k) * back(i, k);
  if (p < dim) return square;
  const Entry& entry = entries[p - dim];
  const double own = back(i, entry.column);
  return entry.chain * entry.chain * (square + own * own);
}

void LocationScale::place(const double* eps, double* z) const {
  for (std::size_t i = 0; i < dim; ++i) {
    z[i] = mean[i];
    for (std::size_t j = 0; j <= i; ++j) z[i] += at(i, j) * eps[j];
  }
}

LocationScale mean_field(std::span<const double> lambda) {
  if (lambda.empty() || lambda.size() % 2 != 0) throw std::invalid_argument("oracles: a mean-field lambda has 2 dim entries");
  LocationScale q;
  q.dim = lambda.size() / 2;
  q.mean.assign(lambda.begin(), lambda.begin() + static_cast<std::ptrdiff_t>(q.dim));
  q.factor.assign(q.dim * q.dim, 0.0);
  q.inverse.assign(q.dim * q.dim, 0.0);
  for (std::size_t d = 0; d < q.dim; ++d) {
    const double scale = std::exp(lambda[q.dim + d]);
    q.factor[d * q.dim + d] = scale;
    q.inverse[d * q.dim + d] = 1.0 / scale;
    q.entries.push_back({d, d, scale});
  }
  return q;
}

LocationScale full_rank(std::size_t dim, std::span<const double> lambda, FactorLayout layout) {
  if (dim == 0 || lambda.size() != dim + dim * (dim + 1) / 2) {
    throw std::invalid_argument("oracles: a full-rank lambda has dim + dim (dim + 1) / 2 entries");
  }
  LocationScale q;
  q.dim = dim;
  q.mean_field = false;
  q.mean.assign(lambda.begin(), lambda.begin() + static_cast<std::ptrdiff_t>(dim));
  q.factor.assign(dim * dim, 0.0);
  std::size_t next = dim;
  if (layout == FactorLayout::log_diagonal) {
    for (std::size_t i = 0; i < dim; ++i) {
      q.factor[i * dim + i] = std::exp(lambda[next++]);
      q.entries.push_back({i, i, q.factor[i * dim + i]});
    }
  }
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      if (i == j && layout == FactorLayout::log_diagonal) continue;
      q.factor[i * dim + j] = lambda[next++];
      q.entries.push_back({i, j, 1.0});
    }
    if (!(q.at(i, i) > 0)) throw std::invalid_argument("oracles: the diagonal of L must be positive");
  }
  q.inverse = inverted(q.factor, dim);
  return q;
}

std::optional<LocationScale> location_scale(const std::string& family, std::size_t dim, std::span<const double> lambda,
                                            FactorLayout layout) {
  if (family == "mean_field_gaussian") {
    if (lambda.size() != 2 * dim) throw std::invalid_argument("oracles: a mean-field lambda has 2 dim entries");
    return mean_field(lambda);
  }
  if (family == "full_rank_gaussian") return full_rank(dim, lambda, layout);
  return std::nullopt;
}

}  // namespace variscope::oracles
