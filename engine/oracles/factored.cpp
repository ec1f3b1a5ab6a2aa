/// Factors written out from lambda, not taken from the families.
#include "engine/oracles/factored.hpp"

#include <cmath>
#include <stdexcept>

namespace variscope::oracles {
namespace {

Factored low_rank(Index dim, std::span<const double> lambda) {
  const Index rank = static_cast<Index>(lambda.size()) / dim - 2;
  if (rank < 1 || static_cast<Index>(lambda.size()) != dim * (2 + rank))
    throw std::invalid_argument("oracles: a low-rank lambda has dim (2 + rank) entries");
  Factored q{Eigen::VectorXd(dim), Eigen::MatrixXd::Zero(dim, dim + rank), {}};
  const auto size = static_cast<std::size_t>(dim);
  for (std::size_t i = 0; i < size; ++i) {
    const auto row = static_cast<Index>(i);
    q.mean[row] = lambda[i];
    q.factor(row, row) = std::exp(lambda[size + i]);
    q.entries.push_back({i, i, q.factor(row, row)});
  }
  for (std::size_t p = 2 * size; p < lambda.size(); ++p) {
    const std::size_t row = (p - 2 * size) / static_cast<std::size_t>(rank);
    const std::size_t column = size + (p - 2 * size) % static_cast<std::size_t>(rank);
    q.factor(static_cast<Index>(row), static_cast<Index>(column)) = lambda[p];
    q.entries.push_back({row, column, 1.0});
  }
  return q;
}

}  // namespace

Factored factored(const std::string& family, Index dim, std::span<const double> lambda) {
  if (dim < 1) throw std::invalid_argument("oracles: a problem without columns");
  if (family == "low_rank_gaussian") return low_rank(dim, lambda);
  const auto q = location_scale(family, static_cast<std::size_t>(dim), lambda, FactorLayout::log_diagonal);
  if (!q || static_cast<Index>(q->dim) != dim) throw std::invalid_argument("oracles: normal families alone have a factor");
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return {Eigen::Map<const Eigen::VectorXd>(q->mean.data(), dim), Eigen::Map<const RowMajor>(q->factor.data(), dim, dim), q->entries};
}

}  // namespace variscope::oracles
