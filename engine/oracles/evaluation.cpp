/// Evaluates the target at many points, a chunk of columns at a time.
#include "engine/oracles/evaluation.hpp"

#include <algorithm>
#include <stdexcept>

namespace variscope::oracles {
namespace {

using models::Model;

constexpr std::size_t kChunk = 512;

/// Calls work(first point, count, columns) for chunk after chunk.
template <class Work>
void in_chunks(const Model& model, const std::vector<double>& points, Work&& work) {
  const auto dim = static_cast<std::size_t>(model.dim());
  const std::size_t total = points.size() / dim;
  tiles::Batch theta;
  for (std::size_t first = 0; first < total; first += kChunk) {
    const std::size_t count = std::min(kChunk, total - first);
    theta.resize(model.dim(), static_cast<Index>(count));
    theta.set_zero();
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t d = 0; d < dim; ++d) theta(static_cast<Index>(d), static_cast<Index>(k)) = points[(first + k) * dim + d];
    }
    work(first, count, theta);
  }
}

/// Rows first_row .. first_row + rows of `out` to to[(first + k) rows ...].
void keep(const tiles::Batch& out, std::size_t first_row, std::size_t rows, std::size_t first, std::size_t count, std::vector<double>& to) {
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t r = 0; r < rows; ++r) {
      to[(first + k) * rows + r] = out(static_cast<Index>(first_row + r), static_cast<Index>(k));
    }
  }
}

void prepare(tiles::Batch& out, Index rows, std::size_t count) {
  out.resize(rows, static_cast<Index>(count));
  out.set_zero();
}

}  // namespace

Density evaluate(const Model& model, const std::vector<double>& points) {
  const auto dim = static_cast<std::size_t>(model.dim());
  const std::size_t numbers = points.size() / dim * (1 + dim);
  Density density{std::vector<double>(numbers), std::vector<double>(numbers, 0.0)};
  tiles::Batch out;
  in_chunks(model, points, [&](std::size_t first, std::size_t count, const tiles::Batch& theta) {
    prepare(out, model.dim() + 1, count);
    models::Evaluation evaluation{{}, out.view(), {}};
    model.log_prior(theta.view(), evaluation);
    keep(out, 0, 1 + dim, first, count, density.prior);
    if (model.rows() == 0) return;
    out.set_zero();
    model.log_likelihood({{0, model.rows()}, nullptr, 0}, theta.view(), evaluation);
    keep(out, 0, 1 + dim, first, count, density.likelihood);
  });
  return density;
}

std::vector<double> evaluate_values(const Model& model, const std::vector<double>& points) {
  std::vector<double> values(points.size() / static_cast<std::size_t>(model.dim()));
  tiles::Batch out;
  in_chunks(model, points, [&](std::size_t first, std::size_t count, const tiles::Batch& theta) {
    prepare(out, 1, count);
    models::Evaluation evaluation{{true, false}, out.view(), {}};
    model.log_prior(theta.view(), evaluation);
    if (model.rows() > 0) model.log_likelihood({{0, model.rows()}, nullptr, 0}, theta.view(), evaluation);
    keep(out, 0, 1, first, count, values);
  });
  return values;
}

std::vector<double> evaluate_row(const Model& model, Index row, const std::vector<double>& points) {
  const auto dim = static_cast<std::size_t>(model.dim());
  std::vector<double> gradient(points.size());
  tiles::Batch out;
  in_chunks(model, points, [&](std::size_t first, std::size_t count, const tiles::Batch& theta) {
    prepare(out, model.dim() + 1, count);
    models::Evaluation evaluation{{}, out.view(), {}};
    model.log_likelihood({{row, row + 1}, nullptr, 0}, theta.view(), evaluation);
    keep(out, 1, dim, first, count, gradient);
  });
  return gradient;
}

std::vector<double> evaluate_hessian(const Model& model, const std::vector<double>& points, const std::vector<double>& direction) {
  if (!model.has_hessian_vector()) throw std::logic_error("evaluate_hessian: the model has no Hessian-vector products");
  const auto dim = static_cast<std::size_t>(model.dim());
  std::vector<double> product(points.size());
  tiles::Batch out;
  tiles::Batch along;
  in_chunks(model, points, [&](std::size_t first, std::size_t count, const tiles::Batch& theta) {
    models::Wanted wanted{false, false};
    wanted.hessian_vector = true;
    prepare(out, wanted.rows(model.dim()), count);
    prepare(along, model.dim(), count);
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t d = 0; d < dim; ++d) along(static_cast<Index>(d), static_cast<Index>(k)) = direction[d];
    }
    models::Evaluation evaluation{wanted, out.view(), {}, along.view()};
    model.log_prior(theta.view(), evaluation);
    if (model.rows() > 0) model.log_likelihood({{0, model.rows()}, nullptr, 0}, theta.view(), evaluation);
    keep(out, static_cast<std::size_t>(wanted.hessian_row(model.dim())), dim, first, count, product);
  });
  return product;
}

}  // namespace variscope::oracles
