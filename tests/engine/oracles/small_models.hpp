/// Small models for the oracle tests: any function with its derivatives, and the conjugate normal mean.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "engine/models/model.hpp"

namespace variscope::test {

using Point = std::vector<double>;

/// l, its gradient and its Hessian (row by row), written out by hand.
struct Function {
  Index dim = 1;
  std::function<double(const Point&)> value;
  std::function<Point(const Point&)> gradient;
  std::function<Point(const Point&)> hessian;
};

/// The banana, scale and curvature as in models::Banana.
inline Function banana_function(double scale, double c) {
  const double w = 1.0 / (scale * scale);
  Function f;
  f.dim = 2;
  f.value = [=](const Point& z) { return -0.5 * (w * z[0] * z[0] + (z[1] - c * z[0] * z[0]) * (z[1] - c * z[0] * z[0])); };
  f.gradient = [=](const Point& z) {
    const double u = z[1] - c * z[0] * z[0];
    return Point{2.0 * c * z[0] * u - w * z[0], -u};
  };
  f.hessian = [=](const Point& z) { return Point{2.0 * c * z[1] - 6.0 * c * c * z[0] * z[0] - w, 2.0 * c * z[0], 2.0 * c * z[0], -1.0}; };
  return f;
}

/// A Function as a model with Hessian-vector products.
class FunctionModel final : public models::Model {
 public:
  explicit FunctionModel(Function function) : f_(std::move(function)) {}
  [[nodiscard]] Index dim() const override { return f_.dim; }
  [[nodiscard]] bool has_hessian_vector() const override { return static_cast<bool>(f_.hessian); }
  void log_prior(models::ConstBatchView theta, models::Evaluation& out) const override {
    for (Index s = 0; s < theta.count; ++s) {
      Point z;
      for (Index d = 0; d < f_.dim; ++d) z.push_back(theta(d, s));
      if (out.wanted.value) out.out(0, s) += f_.value(z);
      if (out.wanted.gradient) {
        const Point g = f_.gradient(z);
        for (Index d = 0; d < f_.dim; ++d) out.out(1 + d, s) += g[static_cast<std::size_t>(d)];
      }
      if (!out.wanted.hessian_vector) continue;
      const Point h = f_.hessian(z);
      for (Index i = 0; i < f_.dim; ++i) {
        for (Index j = 0; j < f_.dim; ++j) {
          out.out(out.wanted.hessian_row(f_.dim) + i, s) += h[static_cast<std::size_t>(i * f_.dim + j)] * out.direction(j, s);
        }
      }
    }
  }

 private:
  Function f_;
};

/// y_n ~ N(z, 1), z ~ N(0, 1): exact posterior N(sum y / (N + 1), 1 / (N + 1)).
class NormalMean final : public models::Model {
 public:
  explicit NormalMean(std::vector<double> data) : data_(std::move(data)) {}
  [[nodiscard]] Index dim() const override { return 1; }
  [[nodiscard]] Index rows() const override { return static_cast<Index>(data_.size()); }
  [[nodiscard]] const models::GaussianPrior* gaussian_prior() const override { return &prior_; }
  void log_prior(models::ConstBatchView theta, models::Evaluation& out) const override { add(0.0, theta, out); }
  void log_likelihood(const models::RowList& rows, models::ConstBatchView theta, models::Evaluation& out) const override {
    for (Index k = 0; k < rows.size(); ++k) add(data_[static_cast<std::size_t>(rows[k])], theta, out);
  }

 private:
  static void add(double y, models::ConstBatchView theta, models::Evaluation& out) {
    for (Index s = 0; s < theta.count; ++s) {
      if (out.wanted.value) out.out(0, s) -= 0.5 * (y - theta(0, s)) * (y - theta(0, s));
      if (out.wanted.gradient) out.out(1, s) += y - theta(0, s);
    }
  }
  std::vector<double> data_;
  models::GaussianPrior prior_{{0.0}, {1.0}};
};

}  // namespace variscope::test
