/// The interface of every gradient estimator: sample blocks go in, mergeable partial sums come out, and a gradient at the end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/families/mean_field_gaussian.hpp"
#include "engine/index.hpp"
#include "engine/models/model.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::estimators {

enum class Objective { elbo, expectation };

/// What a sample block hands to an estimator: noise, log density (likelihood scaled by N / B) and its gradient, columns [first, last) of
/// one replicate.
struct SampleBlock {
  tiles::ConstBatchView noise;    ///< dim x columns: epsilon
  tiles::ConstBatchView density;  ///< 1 or 1 + dim rows x columns: l(z), grad l(z), as the estimator wanted
  Index first = 0;
  Index last = 0;
};

/// The setting an estimator is used in; outlives the estimator's calls.
struct Context {
  const families::MeanFieldGaussian* family = nullptr;
  const models::Model* model = nullptr;
  Objective objective = Objective::elbo;
  Index samples = 1;  ///< M of one estimate
};

/// An unbiased (or declared biased) estimator of the objective's gradient in (mean, log scale), 2 dim parameters.
/// Stateless: everything a call needs is in its arguments, so that one object serves all threads.
class Estimator {
 public:
  Estimator() = default;
  Estimator(const Estimator&) = delete;
  Estimator& operator=(const Estimator&) = delete;
  virtual ~Estimator() = default;

  [[nodiscard]] virtual models::Wanted wanted() const = 0;
  /// Whether the prior enters through z (false: PW-KL takes it in closed form in finish()).
  [[nodiscard]] virtual bool sampled_prior() const { return true; }
  /// Samples 2 i and 2 i + 1 share noise column i, the second with the opposite sign. Default: every sample has its own column.
  [[nodiscard]] virtual bool antithetic() const { return false; }

  /// Doubles of one partial sum.
  [[nodiscard]] virtual Index partial_size(Index dim) const = 0;
  /// Adds the block's samples into a partial that was zero. Order of arithmetic: sample by sample.
  virtual void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const = 0;
  /// Whether merge() is a plain sum of doubles, which a library's allreduce could do as well.
  [[nodiscard]] virtual bool plain_sum() const { return true; }
  /// left = left (+) right, right being the later samples. Default: plain sum.
  virtual void merge(std::span<double> left, std::span<const double> right) const;
  /// The gradient (2 dim) from the partial of all M samples.
  virtual void finish(const Context& context, std::span<const double> partial, std::span<double> gradient) const = 0;
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;
  std::string cost;  ///< per sample, in words: "1 gradient"
  std::function<std::unique_ptr<Estimator>()> make;
  /// Why this estimator cannot serve this model and objective (a reason for the report), or nothing.
  std::function<std::optional<std::string>(const models::Model&, Objective)> incompatible;
  /// Why this number of samples is impossible (a user error), or nothing.
  std::function<std::optional<std::string>(Index samples)> bad_samples;
};

const std::vector<Entry>& catalogue();
const Entry* find(const std::string& name);

}  // namespace variscope::estimators
