/// What a model need not write itself.
#include "engine/models/model.hpp"

#include <algorithm>
#include <stdexcept>

namespace variscope::models {

const std::array<Counts::Kind, 6>& Counts::kinds() {
  static const std::array<Kind, 6> all = {{
      {"value_evaluations", &Counts::value_evaluations},
      {"gradient_evaluations", &Counts::gradient_evaluations},
      {"hessian_evaluations", &Counts::hessian_evaluations},
      {"value_rows", &Counts::value_rows},
      {"gradient_rows", &Counts::gradient_rows},
      {"hessian_rows", &Counts::hessian_rows},
  }};
  return all;
}

std::vector<std::string> Model::parameter_names() const {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(dim()));
  for (Index d = 0; d < dim(); ++d) names.push_back("z[" + std::to_string(d) + "]");
  return names;
}

std::vector<Variable> Model::variables() const {
  std::vector<Variable> all;
  for (std::string& name : parameter_names()) all.push_back({std::move(name), {}});
  return all;
}

Index Model::constrained_dim() const {
  Index sum = 0;
  for (const Variable& variable : variables()) sum += variable.size();
  return sum;
}

void Model::constrain(ConstBatchView theta, BatchView out) const {
  std::copy_n(theta.data, theta.blocks() * theta.dim * tiles::kLanes, out.data);
}

void Model::unconstrain(std::span<const double> values, std::span<double> theta) const {
  std::copy_n(values.begin(), theta.size(), theta.begin());
}

void Model::simulate_prior(const random::Stream&, std::span<double>) const {
  throw std::logic_error("simulate_prior of a model that declares no prior simulation");
}

void Model::simulate_responses(const RowList&, std::span<const double>, const random::Stream&, std::span<double>) const {
  throw std::logic_error("simulate_responses of a model that declares no response simulation");
}

void Model::row_log_likelihood(const RowList&, ConstBatchView, BatchView) const {
  throw std::logic_error("row_log_likelihood of a model that does not declare it");
}

void Model::row_mean(const RowList&, ConstBatchView, BatchView) const {
  throw std::logic_error("row_mean of a model that does not declare row_log_likelihood");
}

void Model::log_likelihood(const RowList&, ConstBatchView, Evaluation&) const {
  throw std::logic_error("log_likelihood of a model without data (its density is all in log_prior)");
}

void Model::local_gradient(const RowList&, const double*, const double*, Evaluation&) const {
  throw std::logic_error("local_gradient of a model without a linear predictor");
}

void Model::local_gradient_under(const RowList&, const double*, const double*, Evaluation&) const {
  throw std::logic_error("local_gradient_under of a model without a linear predictor");
}

void Model::expected_log_prior(const double*, const double*, GaussianExpectation&) const {
  throw std::logic_error("expected_log_prior of a model that declares no Gaussian expectation");
}

void Model::expected_log_likelihood(Range, const double*, const double*, GaussianExpectation&) const {
  throw std::logic_error("expected_log_likelihood of a model that declares none, or has no data");
}

void Model::expected_log_prior_under(const double*, const double*, GaussianExpectation&) const {
  throw std::logic_error("expected_log_prior_under of a model that declares no such expectation");
}

void Model::expected_log_likelihood_under(Range, const double*, const double*, GaussianExpectation&) const {
  throw std::logic_error("expected_log_likelihood_under of a model that declares none, or has no data");
}

}  // namespace variscope::models
