/// The interface every target density implements: a log prior plus a sum over data rows, evaluated for many columns at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/index.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models {

using tiles::BatchView;
using tiles::ConstBatchView;

/// What one call is asked for. A call that wants no gradient must be cheaper, and is counted so.
struct Wanted {
  bool value = true;
  bool gradient = true;
};

/// Work done, counted inside the kernels. Live columns only; padding lanes do not count.
struct Counts {
  Index value_evaluations = 0;     ///< columns whose log prior was evaluated without a gradient
  Index gradient_evaluations = 0;  ///< columns whose log prior was evaluated with a gradient
  Index value_rows = 0;            ///< columns x data rows, value only
  Index gradient_rows = 0;         ///< columns x data rows, with gradient

  Counts& operator+=(const Counts& other) {
    value_evaluations += other.value_evaluations;
    gradient_evaluations += other.gradient_evaluations;
    value_rows += other.value_rows;
    gradient_rows += other.gradient_rows;
    return *this;
  }
  friend bool operator==(const Counts&, const Counts&) = default;
};

/// Where results are added, what is wanted, what was done.
/// out has 1 row (value only) or 1 + dim rows (row 0 the value, rows 1.. the gradient); same columns as theta.
/// Row 0 is left alone if the value is not wanted.
struct Evaluation {
  Wanted wanted;
  BatchView out;
  Counts counts;
};

/// Global data rows: either the range [first, last) or a sorted list of indices (repetitions allowed).
struct RowList {
  Range range;
  const Index* indices = nullptr;  ///< nullptr: the range
  Index index_count = 0;

  [[nodiscard]] Index size() const { return indices == nullptr ? range.size() : index_count; }
  [[nodiscard]] Index operator[](Index k) const { return indices == nullptr ? range.first + k : indices[k]; }
};

/// Independent normal priors, one per coordinate: what PW-KL needs.
struct GaussianPrior {
  std::vector<double> mean;
  std::vector<double> sd;
};

/// E_q[log density] and its gradient with respect to (mean, log scale) of a mean-field Gaussian q, without Monte Carlo error.
/// gradient has 2 dim entries; error bounds the numerical error of each.
struct GaussianExpectation {
  double value = 0;
  double value_error = 0;
  std::vector<double> gradient;
  std::vector<double> error;
};

/// Unnormalised log density on R^dim: log prior plus a sum over `rows()` data rows. Thread-safe: const calls share nothing.
/// A column's result never depends on its neighbours, on its lane, or on the number of columns (tests/conformance).
class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  virtual ~Model() = default;

  [[nodiscard]] virtual Index dim() const = 0;
  /// Global number of data rows N; 0 for a target without data, whose whole density is in log_prior.
  [[nodiscard]] virtual Index rows() const { return 0; }
  /// Names of the coordinates, dim() of them.
  [[nodiscard]] virtual std::vector<std::string> parameter_names() const;

  /// Adds log prior (and gradient) of each column of theta into out.
  virtual void log_prior(ConstBatchView theta, Evaluation& out) const = 0;
  /// Adds the sum of log likelihood terms over `rows`, which must lie in this rank's shard. Cost O(|rows| dim columns).
  virtual void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const;

  /// Set if the prior is an independent normal per coordinate.
  [[nodiscard]] virtual const GaussianPrior* gaussian_prior() const { return nullptr; }

  /// Whether the two expectations below are available (closed form or quadrature).
  [[nodiscard]] virtual bool has_gaussian_expectation() const { return false; }
  /// Adds E_q of the log prior into `out` (sized by the caller). mean, scale: dim entries.
  virtual void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const;
  /// Adds E_q of the log likelihood over a range of this rank's rows.
  virtual void expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const;
};

}  // namespace variscope::models
