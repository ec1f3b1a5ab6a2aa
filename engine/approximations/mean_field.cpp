/// The optimal mean-field Gaussian without Monte Carlo error.
#include "engine/approximations/mean_field.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace variscope::approximations {

Expectation expectation_of(const models::Model& model) {
  return [&model](std::span<const double> mean, std::span<const double> scale) {
    models::GaussianExpectation out;
    out.gradient.assign(2 * mean.size(), 0.0);
    out.error.assign(2 * mean.size(), 0.0);
    model.expected_log_prior(mean.data(), scale.data(), out);
    if (model.rows() > 0) model.expected_log_likelihood({0, model.rows()}, mean.data(), scale.data(), out);
    return out;
  };
}

optimizers::Maximum exact_mean_field(const Expectation& expectation, std::vector<double> start, int most) {
  const std::size_t dim = start.size() / 2;
  const double constant = 0.5 * static_cast<double>(dim) * (1 + std::log(2 * std::numbers::pi));
  const auto elbo = [&](std::span<const double> lambda, std::span<double> gradient) {
    std::vector<double> scale;
    double entropy = constant;
    for (const double rho : lambda.subspan(dim)) {
      scale.push_back(std::exp(rho));
      entropy += rho;
    }
    const models::GaussianExpectation e = expectation(lambda.first(dim), scale);
    for (std::size_t i = 0; i < 2 * dim; ++i) gradient[i] = e.gradient[i] + (i < dim ? 0 : 1);
    return e.value + entropy;
  };
  return optimizers::maximise(elbo, std::move(start), most);
}

}  // namespace variscope::approximations
