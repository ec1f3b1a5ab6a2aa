/// The interface every target density implements: a log prior plus a sum over data rows, evaluated for many columns at once.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/index.hpp"
#include "engine/random/stream.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models {

using tiles::BatchView;
using tiles::ConstBatchView;

/// What one call is asked for. A call that wants less must be cheaper, and is counted so.
struct Wanted {
  bool value = true;
  bool gradient = true;
  bool hessian_vector = false;  ///< product of the Hessian at theta with Evaluation::direction
  bool local = false;           ///< local reparameterisation (Model::local_gradient) instead of all others
  bool covariance = false;      ///< with local: under any normal q (Model::local_gradient_under)

  /// Rows of the output: row 0 the value (left alone if not wanted), then the gradient, then the Hessian-vector product; local: value, then
  /// 2 dim rows of the gradient in (mean, log scale), or dim + dim (dim + 1) / 2 in (mean, covariance).
  [[nodiscard]] Index rows(Index dim) const {
    if (local) return 1 + dim + (covariance ? dim * (dim + 1) / 2 : dim);
    return 1 + (gradient ? dim : 0) + (hessian_vector ? dim : 0);
  }
  /// First row of the Hessian-vector product.
  [[nodiscard]] Index hessian_row(Index dim) const { return 1 + (gradient ? dim : 0); }
};

/// Work done, counted inside the kernels. Live columns only; padding lanes do not count. A column evaluated with a Hessian-vector
/// product counts as one of those alone, with or without a gradient beside it; a local gradient counts as a gradient, and as add_products()
/// says.
struct Counts {
  Index value_evaluations = 0;     ///< columns whose log prior was evaluated without a gradient
  Index gradient_evaluations = 0;  ///< columns whose log prior was evaluated with a gradient
  Index hessian_evaluations = 0;   ///< columns whose log prior was evaluated with a Hessian-vector product
  Index value_rows = 0;            ///< columns x data rows, value only
  Index gradient_rows = 0;         ///< columns x data rows, with gradient
  Index hessian_rows = 0;          ///< columns x data rows, with a Hessian-vector product

  Counts& operator+=(const Counts& other) {
    value_evaluations += other.value_evaluations;
    gradient_evaluations += other.gradient_evaluations;
    hessian_evaluations += other.hessian_evaluations;
    value_rows += other.value_rows;
    gradient_rows += other.gradient_rows;
    hessian_rows += other.hessian_rows;
    return *this;
  }
  /// Its members by name, in the order in which they are stored.
  struct Kind {
    const char* name;
    Index Counts::*count;
  };
  static const std::array<Kind, 6>& kinds();

  friend Counts operator-(const Counts& a, const Counts& b) {
    return {a.value_evaluations - b.value_evaluations,
            a.gradient_evaluations - b.gradient_evaluations,
            a.hessian_evaluations - b.hessian_evaluations,
            a.value_rows - b.value_rows,
            a.gradient_rows - b.gradient_rows,
            a.hessian_rows - b.hessian_rows};
  }
  friend bool operator==(const Counts&, const Counts&) = default;

  /// Adds `columns` evaluations of the log prior, or `columns` times `rows` data rows, to the kind that `wanted` is.
  void add_evaluations(const Wanted& wanted, Index columns) {
    (wanted.hessian_vector ? hessian_evaluations : wanted.gradient || wanted.local ? gradient_evaluations : value_evaluations) += columns;
  }
  void add_rows(const Wanted& wanted, Index count) {
    (wanted.hessian_vector ? hessian_rows : wanted.gradient || wanted.local ? gradient_rows : value_rows) += count;
  }
  /// What a local gradient under a covariance takes beyond a gradient, 2 dim multiplications a row: dim for the mean and dim (dim + 1) / 2
  /// for the products x_n x_n', so (dim - 1) / 2 values of dim each, rounded up. Nothing for all else.
  void add_products(const Wanted& wanted, Index count, Index dim) {
    if (wanted.local && wanted.covariance) value_rows += count * (dim / 2);
  }
};

/// Where results are added, what is wanted, what was done. out has wanted.rows(dim) rows and the columns of theta.
struct Evaluation {
  Wanted wanted;
  BatchView out;
  Counts counts;
  ConstBatchView direction{};               ///< dim rows, columns of theta: only for Hessian-vector products
  const random::Stream* streams = nullptr;  ///< one per column: only for local gradients
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

/// E_q[log density] and its gradient with respect to the parameters of a Gaussian q, without Monte Carlo error. Either of a mean-field q,
/// (mean, log scale), 2 dim entries; or of any Gaussian, (mean, covariance row by row), dim + dim^2 entries. error bounds the error of
/// each.
struct GaussianExpectation {
  double value = 0;
  double value_error = 0;
  std::vector<double> gradient;
  std::vector<double> error;
};

/// A quantity as the user knows it, on its own scale: a scalar (empty shape), a vector, a matrix (row by row).
struct Variable {
  std::string name;
  std::vector<Index> shape;

  [[nodiscard]] Index size() const {
    Index product = 1;
    for (const Index extent : shape) product *= extent;
    return product;
  }
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
  /// Global number of data rows N; 0 without data, and where rows cannot be divided (Entry::divisible): all density is in log_prior.
  [[nodiscard]] virtual Index rows() const { return 0; }
  /// Names of the coordinates, dim() of them.
  [[nodiscard]] virtual std::vector<std::string> parameter_names() const;

  /// The model's parameters on the scale of the user, in the order of constrain()'s output; derived quantities may follow.
  /// Default: every coordinate is a scalar of its own, named by parameter_names().
  [[nodiscard]] virtual std::vector<Variable> variables() const;
  /// Sum of the sizes of variables().
  [[nodiscard]] Index constrained_dim() const;
  /// out (constrained_dim() rows, columns of theta) becomes the variables of each column. The log prior is the density of theta, so it
  /// holds log |det J| of this map. Default: a copy.
  virtual void constrain(ConstBatchView theta, BatchView out) const;
  /// theta (dim entries) of values on the user's scale (constrained_dim() entries; derived quantities are not looked at).
  /// UserError naming the variable for values outside its support. Default: a copy.
  virtual void unconstrain(std::span<const double> values, std::span<double> theta) const;

  /// Whether theta can be drawn from the prior. False where it is improper.
  [[nodiscard]] virtual bool has_prior_simulation() const { return false; }
  /// theta (dim entries) becomes a draw from the prior, a function of the stream alone.
  virtual void simulate_prior(const random::Stream& stream, std::span<double> theta) const;

  /// Whether responses can be drawn given theta.
  [[nodiscard]] virtual bool has_response_simulation() const { return false; }
  /// responses[k] becomes a draw of the response of global row rows[k] given theta and the row's covariates. stream.minor is set to the
  /// global row by the callee (rows above 2^32 spill into task), so that a row's draw does not depend on the sharding.
  virtual void simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                                  std::span<double> responses) const;

  /// Whether log_likelihood is to be had row by row: log predictive densities, importance weights of rows.
  [[nodiscard]] virtual bool has_row_log_likelihood() const { return false; }
  /// Row k of `out` (rows.size() rows, columns of theta) becomes log p(y_k | theta) of global row rows[k], normalised in y.
  virtual void row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const;
  /// Row k of `out` becomes E[y_k | theta] of global row rows[k]: predictive bands. Declared with has_row_log_likelihood().
  virtual void row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const;

  /// Adds log prior (and gradient) of each column of theta into out.
  virtual void log_prior(ConstBatchView theta, Evaluation& out) const = 0;
  /// Adds the sum of log likelihood terms over `rows`, which must lie in this rank's shard. Cost O(|rows| dim columns).
  virtual void log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const;

  /// Whether Wanted::hessian_vector is served (by log_prior and log_likelihood, exactly).
  [[nodiscard]] virtual bool has_hessian_vector() const { return false; }

  /// Whether every row's likelihood depends on z through x_n'z alone, so that local reparameterisation is to be had.
  [[nodiscard]] virtual bool has_local_gradient() const { return false; }
  /// Local reparameterisation (Kingma, Salimans, Welling 2015, eq. 6): row n of column s draws its own x_n'z = x_n'm + |x_n s| xi, xi being
  /// normal(out.streams[s], n) with n the global row. Adds into out (1 + 2 dim rows): the log likelihood, its gradient in m, and in log s.
  /// mean, scale: dim entries, common to all columns. Cost O(|rows| dim columns).
  virtual void local_gradient(const RowList& rows, const double* mean, const double* scale, Evaluation& out) const;
  /// The same with the same normals under N(mean, covariance), x_n'z = x_n'm + (x_n' covariance x_n)^(1/2) xi. covariance: dim x dim,
  /// symmetric. Adds into out (1 + dim + dim (dim + 1) / 2 rows): the log likelihood, its gradient in m, and in the covariance (a symmetric
  /// matrix: sum_n r_n xi_n x_n x_n' / (2 sd_n)) up to the diagonal, row by row. Declared with has_local_gradient().
  /// Cost O(|rows| dim^2 columns).
  virtual void local_gradient_under(const RowList& rows, const double* mean, const double* covariance, Evaluation& out) const;

  /// Set if the prior is an independent normal per coordinate.
  [[nodiscard]] virtual const GaussianPrior* gaussian_prior() const { return nullptr; }

  /// Whether the two expectations below are available (closed form or quadrature).
  [[nodiscard]] virtual bool has_gaussian_expectation() const { return false; }
  /// Adds E_q of the log prior into `out` (sized by the caller). mean, scale: dim entries.
  virtual void expected_log_prior(const double* mean, const double* scale, GaussianExpectation& out) const;
  /// Adds E_q of the log likelihood over a range of this rank's rows.
  virtual void expected_log_likelihood(Range rows, const double* mean, const double* scale, GaussianExpectation& out) const;

  /// Whether the two expectations below are available: under N(mean, covariance), what full-rank and low-rank families need.
  [[nodiscard]] virtual bool has_covariance_expectation() const { return false; }
  /// covariance: dim x dim, symmetric. The gradient is E[gradient], then E[Hessian] / 2 row by row (Price 1958): with covariance L L^T,
  /// the gradient in L is the lower triangle of E[Hessian] L. Cost O(dim^2), per row for the likelihood.
  virtual void expected_log_prior_under(const double* mean, const double* covariance, GaussianExpectation& out) const;
  virtual void expected_log_likelihood_under(Range rows, const double* mean, const double* covariance, GaussianExpectation& out) const;
};

}  // namespace variscope::models
