/// Gaussian process regression on few rows: a function with a stationary covariance, seen through noise, a logit or a log link.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/aligned_vector.hpp"
#include "engine/data/table.hpp"
#include "engine/dense.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/models/covariance.hpp"
#include "engine/models/fallible.hpp"
#include "engine/models/model.hpp"
#include "engine/models/scale_prior.hpp"
#include "engine/models/workspace.hpp"

namespace variscope::models {

/// What a Gaussian process is made of beside its table.
struct GaussianProcessShape {
  enum class Form { marginal, latent };
  enum class Likelihood { gaussian, bernoulli, poisson };

  Covariance covariance = Covariance::squared_exponential;
  Form form = Form::marginal;
  Likelihood likelihood = Likelihood::gaussian;
  bool by_column = false;  ///< a length scale for every input column (automatic relevance determination); otherwise one for all
  double mean = 0;         ///< known constant mean of the function
  ScalePrior length_scale;
  ScalePrior signal_sd;
  ScalePrior noise_sd;  ///< Gaussian likelihood alone
};

/// f ~ GP(mean, K), K_ij = signal_sd^2 (k(x_i, x_j) + 1e-9 [i = j]), the nugget being part of the model; y_n ~ N(f_n, noise_sd^2),
/// Bernoulli(sigmoid(f_n)) or Poisson(exp(f_n)).
/// Coordinates: log length scales, log signal sd, log noise sd, those that are not fixed. The marginal form integrates f out (Rasmussen and
/// Williams 2006, eqs. 2.30 and 5.9); the latent form adds z_1..N ~ N(0, 1) with f = mean + L z, L L' = K, whose derivative is that of the
/// Cholesky factor (Murray 2016, arXiv 1602.07527, eq. 10).
/// The likelihood is no sum over rows: every process holds the whole table, rows() is 0, and the density is all in log_prior. Cost per
/// column: N^3 / 6 multiplications and subtractions for the value, N^3 / 2 with the gradient (latent: 1.2 N^3); memory: work_bytes().
/// Beyond a log scale of +-30 the log prior goes on by its tangent, and the likelihood stays as it is. A matrix that is not positive
/// definite in floating point is a failure: log density -infinity, derivatives 0. The nugget leaves none that is known.
class GaussianProcess final : public Model, public Fallible, public Workspace {
 public:
  /// The table must outlive the model; it holds all rows, or none where only the shape is of interest. Throws UserError naming the key that
  /// makes no sense, a table without inputs, or one of more than kMostRows.
  GaussianProcess(const data::Table& table, const GaussianProcessShape& shape);

  [[nodiscard]] Index dim() const override { return dim_; }
  /// "log_length_scale" or "log_length_scale[x]" by column, "log_signal_sd", "log_noise_sd", "z[1]", ...
  [[nodiscard]] std::vector<std::string> parameter_names() const override;
  /// length_scale, signal_sd, noise_sd, those that are not fixed; of the latent form z and f, N numbers each.
  [[nodiscard]] std::vector<Variable> variables() const override;
  void constrain(ConstBatchView theta, BatchView out) const override;
  void unconstrain(std::span<const double> values, std::span<double> theta) const override;

  [[nodiscard]] bool has_prior_simulation() const override;
  /// Coordinate j takes number 2 j of the stream.
  void simulate_prior(const random::Stream& stream, std::span<double> theta) const override;
  [[nodiscard]] bool has_response_simulation() const override { return true; }
  /// Of the marginal form a joint draw: responses of all rows, of which those asked for are given. Number 0 of each row's stream.
  void simulate_responses(const RowList& rows, std::span<const double> theta, const random::Stream& stream,
                          std::span<double> responses) const override;

  /// Of the latent form alone: rows of the marginal form are not independent given theta, and bands of responses drawn one by one would be
  /// the prior's.
  [[nodiscard]] bool has_row_log_likelihood() const override { return latent(); }
  /// Latent: log p(y_k | f_k). The marginal form answers too, with log p(y_k | all other rows, theta), leave-one-out (Rasmussen and
  /// Williams 2006, eqs. 5.10-5.12), which do not add up to the log likelihood.
  void row_log_likelihood(const RowList& rows, ConstBatchView theta, BatchView out) const override;
  /// The mean that goes with it.
  void row_mean(const RowList& rows, ConstBatchView theta, BatchView out) const override;

  void log_prior(ConstBatchView theta, Evaluation& out) const override;

  /// 3 N^2 doubles: four matrices, of two of which a half is never touched.
  [[nodiscard]] double work_bytes() const override { return 24.0 * static_cast<double>(count_) * static_cast<double>(count_); }

  /// Mean and variance of f at an input, given the rows and theta.
  struct Prediction {
    double mean;
    double variance;
  };
  /// inputs: M x input columns. Marginal: given y (Rasmussen and Williams 2006, eqs. 2.23-2.24); latent: given f at the rows. O(N^3 + M
  /// N^2).
  [[nodiscard]] std::vector<Prediction> predict(std::span<const double> theta, const dense::Matrix& inputs) const;
  /// A draw from the prior of f at M inputs, given the hyperparameters in theta; number 2 m of the stream for input m. O(M^3).
  [[nodiscard]] std::vector<double> simulate_function(std::span<const double> theta, const dense::Matrix& inputs,
                                                      const random::Stream& stream) const;

  [[nodiscard]] Index inputs() const { return inputs_; }

  static constexpr Index kMostRows = 5000;
  static constexpr double kNugget = 1e-9;
  static constexpr double kLogLimit = 30;

 private:
  /// The hyperparameters of one column.
  struct Hyper {
    std::vector<double> precision;  ///< 1 / l_d^2
    double signal = 1;              ///< squared
    double noise = 0;               ///< squared
  };
  /// What the marginal form knows of one column: K + noise^2 I = L L', its inverse times y - mean.
  struct Factor {
    dense::Matrix lower;
    std::vector<double> weights;
  };
  [[nodiscard]] bool latent() const { return shape_.form == GaussianProcessShape::Form::latent; }
  [[nodiscard]] bool has_noise() const { return shape_.likelihood == GaussianProcessShape::Likelihood::gaussian; }
  [[nodiscard]] Index length_scales() const { return shape_.by_column ? inputs_ : 1; }
  [[nodiscard]] Hyper unpack(std::span<const double> theta) const;
  /// q of columns [0, last) of stored inputs against one input; room: as many packs as last needs.
  void distances(const Hyper& hyper, const double* input, Index input_stride, Index last, double* to) const;
  /// The lower triangle of K + diagonal I of the rows.
  [[nodiscard]] dense::Matrix covariances(const Hyper& hyper, double diagonal) const;
  /// signal k(x_n, input) of all rows n.
  [[nodiscard]] std::vector<double> covariances_with(const Hyper& hyper, const double* input) const;
  [[nodiscard]] std::optional<Factor> factor(const Hyper& hyper) const;
  /// mean + L z.
  [[nodiscard]] std::vector<double> function(const dense::Matrix& lower, std::span<const double> z) const;
  /// Adds sum_ij weights_ij d K_ij / d hyperparameter, weights symmetric (lower triangle read), to the derivatives.
  void add_slopes(const Hyper& hyper, const dense::Matrix& weights, std::span<double> derivatives) const;
  /// Counts a failure: -infinity.
  [[nodiscard]] double failed() const;
  /// log density of one column but for the hyperparameters' priors; derivatives (dim of them) added to unless empty.
  [[nodiscard]] double column(std::span<const double> theta, std::span<double> derivatives) const;
  [[nodiscard]] double marginal_column(const Hyper& hyper, std::span<double> derivatives) const;
  [[nodiscard]] double latent_column(const Hyper& hyper, std::span<const double> z, std::span<double> derivatives) const;
  /// use(k, s, mean, variance) for row k of the list and column s: f and the noise of the latent form, leave-one-out of the marginal.
  template <class Use>
  void for_rows(const RowList& rows, ConstBatchView theta, Use&& use) const;
  struct RowTerms {
    double value;
    double slope;        ///< in f
    double noise_slope;  ///< in log noise sd
  };
  /// log p(y | f).
  [[nodiscard]] RowTerms row_terms(double y, double f, double noise) const;
  [[nodiscard]] double response_mean(double f) const;

  const data::Table& table_;
  GaussianProcessShape shape_;
  Index count_ = 0;   ///< rows
  Index inputs_ = 0;  ///< columns
  Index stride_ = 0;  ///< rows, rounded up to whole packs
  std::vector<std::string> input_names_;
  AlignedVector design_;  ///< inputs_ x stride_, column by column
  Index length_ = -1;     ///< first coordinate; -1: fixed
  Index signal_ = -1;
  Index noise_ = -1;
  Index first_latent_ = 0;
  Index dim_ = 0;
};

Entry gaussian_process_entry();

}  // namespace variscope::models
