/// Categorical: softmax on the log scale, one variable after the other.
#include "engine/families/categorical.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "engine/error.hpp"
#include "engine/families/logits.hpp"

namespace variscope::families {

namespace {

constexpr Index kLanes = tiles::kLanes;

/// The declared number of classes, once it is known to divide the coordinates.
Index categories_of(const Arguments& arguments) {
  const auto categories = static_cast<Index>(arguments.numbers.at("categories"));
  if (arguments.dim % categories != 0) {
    throw UserError(
        fmt::format("family.categories: {} does not divide the model's {} coordinates (each variable takes `categories` of them). "
                    "Choose a divisor of {}.",
                    categories, arguments.dim, arguments.dim));
  }
  return categories;
}

}  // namespace

CategoricalFamily::CategoricalFamily(Index categories, std::span<const double> lambda)
    : categories_(categories), logits_(lambda.begin(), lambda.end()) {
  const auto classes = static_cast<std::size_t>(categories);
  for (std::size_t first = 0; first < lambda.size(); first += classes) {
    const std::vector<double> logs = log_softmax(lambda.subspan(first, classes));
    log_probabilities_.insert(log_probabilities_.end(), logs.begin(), logs.end());
  }
  for (const double log_p : log_probabilities_) {
    probabilities_.push_back(std::exp(log_p));
    complement_.push_back(-std::expm1(log_p));
  }
}

void CategoricalFamily::sample(ConstBatchView noise, BatchView z) const {
  const auto classes = static_cast<std::size_t>(categories_);
  for (Index b = 0; b < noise.blocks(); ++b) {
    double* to = z.block(b);
    std::fill(to, to + dim() * kLanes, 0.0);
    for (Index v = 0; v < variables(); ++v) {
      const std::span<const double> weights(probabilities_.data() + v * categories_, classes);
      for (Index l = 0; l < kLanes; ++l) {
        const auto drawn = static_cast<Index>(inverse_cdf(weights, noise.block(b)[v * kLanes + l]));
        to[(v * categories_ + drawn) * kLanes + l] = 1.0;
      }
    }
  }
}

void CategoricalFamily::log_density(ConstBatchView, ConstBatchView z, BatchView out) const {
  for (Index b = 0; b < z.blocks(); ++b) {
    double* to = out.block(b);
    std::fill(to, to + kLanes, 0.0);
    for (Index d = 0; d < dim(); ++d) {
      const double log_p = log_probabilities_[static_cast<std::size_t>(d)];
      for (Index l = 0; l < kLanes; ++l) to[l] += z.block(b)[d * kLanes + l] > 0.5 ? log_p : 0.0;
    }
  }
}

void CategoricalFamily::score(ConstBatchView, ConstBatchView z, BatchView out) const {
  for (Index b = 0; b < z.blocks(); ++b) {
    for (Index d = 0; d < dim(); ++d) {
      for (Index l = 0; l < kLanes; ++l) {
        out.block(b)[d * kLanes + l] = score_of(static_cast<std::size_t>(d), z.block(b)[d * kLanes + l]);
      }
    }
  }
}

void CategoricalFamily::add_weighted_score(ConstBatchView, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                                           std::span<double> sum) const {
  for (Index d = 0; d < dim(); ++d) {
    double weighted = 0;
    for (Index c = first; c < last; ++c)
      weighted += weights[static_cast<std::size_t>(c - first)] * score_of(static_cast<std::size_t>(d), z(d, c));
    sum[static_cast<std::size_t>(d)] += weighted;
  }
}

std::optional<double> CategoricalFamily::entropy() const {
  double sum = 0;
  for (std::size_t d = 0; d < logits_.size(); ++d) sum -= probabilities_[d] * log_probabilities_[d];
  return sum;
}

void CategoricalFamily::add_entropy_gradient(std::span<double> gradient) const {
  const auto classes = static_cast<std::size_t>(categories_);
  for (std::size_t first = 0; first < logits_.size(); first += classes) {
    double entropy = 0;
    for (std::size_t d = first; d < first + classes; ++d) entropy -= probabilities_[d] * log_probabilities_[d];
    for (std::size_t d = first; d < first + classes; ++d) gradient[d] -= probabilities_[d] * (log_probabilities_[d] + entropy);
  }
}

Index CategoricalFamily::states() const {
  Index count = 1;
  for (Index v = 0; v < variables(); ++v) {
    count *= categories_;
    if (count > kMostStates) return 0;
  }
  return count;
}

void CategoricalFamily::list_states(BatchView z) const {
  for (Index state = 0; state < z.count; ++state) {
    Index rest = state;
    for (Index v = 0; v < variables(); ++v) {
      for (Index k = 0; k < categories_; ++k) z(v * categories_ + k, state) = rest % categories_ == k ? 1.0 : 0.0;
      rest /= categories_;
    }
  }
}

std::vector<Block> CategoricalFamily::blocks() const { return {{"logits", {0, dim()}}}; }

std::vector<std::string> CategoricalFamily::parameter_names(const std::vector<std::string>& coordinates) const {
  std::vector<std::string> names;
  for (const auto& c : coordinates) names.push_back("logit[" + c + "]");
  return names;
}

void CategoricalFamily::moments(std::span<double> mean, std::span<double> sd) const {
  for (std::size_t d = 0; d < logits_.size(); ++d) {
    mean[d] = probabilities_[d];
    sd[d] = std::sqrt(probabilities_[d] * complement_[d]);
  }
}

Entry categorical_entry() {
  Entry entry;
  entry.name = "categorical";
  entry.summary =
      "independent one-hot variables, lambda = logits; starts with probabilities proportional to initial_mean clamped to 0.01 .. 0.99 "
      "(initial_sd unused)";
  entry.source = "definition";
  entry.parameters = {{"categories", "classes of each variable: a divisor of the model's coordinates", 3, 2, 1e6}};
  entry.size = [](const Arguments& arguments) {
    categories_of(arguments);
    return arguments.dim;
  };
  entry.initial = [](const Arguments& arguments, std::span<const double> mean, std::span<const double>) {
    categories_of(arguments);
    std::vector<double> lambda;
    for (const double m : mean) lambda.push_back(std::log(std::clamp(m, 0.01, 0.99)));
    return lambda;
  };
  entry.make = [](const Arguments& arguments, std::span<const double> lambda) {
    return std::make_unique<CategoricalFamily>(categories_of(arguments), lambda);
  };
  entry.smoke.dim = 6;
  entry.smoke.numbers = {{"categories", 3}};
  return entry;
}

}  // namespace variscope::families
