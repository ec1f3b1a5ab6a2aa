/// Coordinates sorted into those of the inner family and points.
#include "engine/families/with_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace variscope::families {

namespace {

std::vector<Index> other_coordinates(Index dim, const std::vector<Index>& points) {
  std::vector<Index> others;
  for (Index d = 0; d < dim; ++d) {
    if (!std::binary_search(points.begin(), points.end(), d)) others.push_back(d);
  }
  return others;
}

/// Of the inner family.
Arguments inner_arguments(Arguments arguments, const std::vector<Index>& points) {
  arguments.dim -= static_cast<Index>(points.size());
  return arguments;
}

std::vector<double> chosen(std::span<const double> values, const std::vector<Index>& places) {
  std::vector<double> some;
  some.reserve(places.size());
  for (const Index place : places) some.push_back(values[static_cast<std::size_t>(place)]);
  return some;
}

}  // namespace

WithPoints::WithPoints(std::unique_ptr<Family> inner, std::vector<Index> points, std::span<const double> values)
    : inner_(std::move(inner)), points_(std::move(points)), values_(values.begin(), values.end()) {
  others_ = other_coordinates(dim(), points_);
  if (static_cast<Index>(others_.size()) != inner_->dim() || values_.size() != points_.size())
    throw std::logic_error("WithPoints: points are positions of their own, one value each");
}

void WithPoints::gather(ConstBatchView from, Index first_row, tiles::Batch& to) const {
  to.resize(inner_->dim(), from.count);
  for (Index b = 0; b < from.blocks(); ++b) {
    double* out = to.view().block(b);
    for (const Index d : others_) {
      std::copy_n(from.block(b) + (first_row + d) * tiles::kLanes, tiles::kLanes, out);
      out += tiles::kLanes;
    }
  }
}

void WithPoints::sample(ConstBatchView noise, BatchView z) const {
  thread_local tiles::Batch inner;
  inner.resize(inner_->dim(), z.count);
  inner_->sample(noise, inner.view());
  for (Index b = 0; b < z.blocks(); ++b) {
    const double* from = inner.view().block(b);
    for (const Index d : others_) {
      std::copy_n(from, tiles::kLanes, z.block(b) + d * tiles::kLanes);
      from += tiles::kLanes;
    }
    for (std::size_t p = 0; p < points_.size(); ++p) std::fill_n(z.block(b) + points_[p] * tiles::kLanes, tiles::kLanes, values_[p]);
  }
}

void WithPoints::log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const {
  thread_local tiles::Batch inner;
  gather(z, 0, inner);
  inner_->log_density(noise, inner.view(), out);
}

void WithPoints::score(ConstBatchView, ConstBatchView, BatchView) const {
  throw std::logic_error("WithPoints: a point has no density, and so no score");
}

void WithPoints::add_entropy_gradient(std::span<double> gradient) const {
  inner_->add_entropy_gradient(gradient.first(static_cast<std::size_t>(inner_->parameters())));
}

void WithPoints::add_pathwise(ConstBatchView noise, ConstBatchView z, ConstBatchView g, Index first_row, Index first, Index last,
                              std::span<double> sum) const {
  const Index first_block = first / tiles::kLanes;
  const Index last_block = (last + tiles::kLanes - 1) / tiles::kLanes;
  const Index shift = first_block * tiles::kLanes;
  thread_local tiles::Batch position;
  thread_local tiles::Batch slope;
  gather(z.slice(first_block, last_block), 0, position);
  gather(g.slice(first_block, last_block), first_row, slope);
  const auto own = static_cast<std::size_t>(inner_->parameters());
  inner_->add_pathwise(noise.slice(first_block, last_block), position.view(), slope.view(), 0, first - shift, last - shift, sum.first(own));
  for (std::size_t p = 0; p < points_.size(); ++p) {
    for (Index c = first; c < last; ++c) sum[own + p] += g(first_row + points_[p], c);
  }
}

void WithPoints::grad_log_density(ConstBatchView noise, ConstBatchView z, BatchView out) const {
  thread_local tiles::Batch position;
  thread_local tiles::Batch slope;
  gather(z, 0, position);
  slope.resize(inner_->dim(), z.count);
  inner_->grad_log_density(noise, position.view(), slope.view());
  for (Index b = 0; b < out.blocks(); ++b) {
    const double* from = slope.view().block(b);
    for (const Index d : others_) {
      std::copy_n(from, tiles::kLanes, out.block(b) + d * tiles::kLanes);
      from += tiles::kLanes;
    }
    for (const Index d : points_) std::fill_n(out.block(b) + d * tiles::kLanes, tiles::kLanes, 0.0);
  }
}

std::vector<Block> WithPoints::blocks() const {
  std::vector<Block> blocks = inner_->blocks();
  blocks.push_back({"point", {inner_->parameters(), parameters()}});
  return blocks;
}

std::vector<std::string> WithPoints::parameter_names(const std::vector<std::string>& coordinates) const {
  std::vector<std::string> others;
  for (const Index d : others_) others.push_back(coordinates[static_cast<std::size_t>(d)]);
  std::vector<std::string> names = inner_->parameter_names(others);
  for (const Index d : points_) names.push_back(fmt::format("point[{}]", coordinates[static_cast<std::size_t>(d)]));
  return names;
}

void WithPoints::moments(std::span<double> mean, std::span<double> sd) const {
  std::vector<double> inner_mean(others_.size());
  std::vector<double> inner_sd(others_.size());
  inner_->moments(inner_mean, inner_sd);
  for (std::size_t k = 0; k < others_.size(); ++k) {
    mean[static_cast<std::size_t>(others_[k])] = inner_mean[k];
    sd[static_cast<std::size_t>(others_[k])] = inner_sd[k];
  }
  for (std::size_t p = 0; p < points_.size(); ++p) {
    mean[static_cast<std::size_t>(points_[p])] = values_[p];
    sd[static_cast<std::size_t>(points_[p])] = 0;
  }
}

Entry with_points(const Entry& base, const std::vector<Index>& points) {
  Entry entry = base;
  const auto count = static_cast<Index>(points.size());
  entry.size = [base, points, count](const Arguments& arguments) { return base.size(inner_arguments(arguments, points)) + count; };
  entry.initial = [base, points](const Arguments& arguments, std::span<const double> mean, std::span<const double> sd) {
    const std::vector<Index> others = other_coordinates(arguments.dim, points);
    std::vector<double> lambda = base.initial(inner_arguments(arguments, points), chosen(mean, others), chosen(sd, others));
    const std::vector<double> values = chosen(mean, points);
    lambda.insert(lambda.end(), values.begin(), values.end());
    return lambda;
  };
  entry.make = [base, points](const Arguments& arguments, std::span<const double> lambda) -> std::unique_ptr<Family> {
    const std::size_t own = lambda.size() - points.size();
    return std::make_unique<WithPoints>(base.make(inner_arguments(arguments, points), lambda.first(own)), points, lambda.subspan(own));
  };
  return entry;
}

bool has_points(const Family& family) { return dynamic_cast<const WithPoints*>(&family) != nullptr; }

}  // namespace variscope::families
