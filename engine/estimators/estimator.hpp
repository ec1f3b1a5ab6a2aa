/// The interface of every gradient estimator: it asks for evaluations, turns sample blocks into mergeable partial sums, and those into a
/// gradient.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/families/family.hpp"
#include "engine/index.hpp"
#include "engine/models/model.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::estimators {

enum class Objective {
  elbo,
  expectation,       ///< E_q[log density] alone, no entropy
  importance_bound,  ///< E log (1/M sum_i p(z_i, x) / q(z_i)), the M samples being one bound's
};

/// How the noise of an estimate's M samples hangs together. (tiles: samples are addressed by their global index, whoever draws them.)
enum class Coupling {
  independent,
  antithetic,     ///< samples 2i and 2i + 1: normals of opposite sign, uniforms u and 1 - u
  scrambled_net,  ///< the M samples are one Owen-scrambled Sobol net
};

/// When every data row was last drawn along a path, and where q's mean was then: what a table of stored gradients was made of.
struct RowHistory {
  Index ages = 0;                     ///< different steps
  std::vector<double> mean;           ///< [age x dim]
  std::vector<std::uint32_t> age_of;  ///< [row]
};

/// The setting an estimator is used in; outlives the estimator's calls.
struct Context {
  const families::Family* family = nullptr;
  const models::Model* model = nullptr;
  Objective objective = Objective::elbo;
  Index samples = 1;                   ///< M of one estimate
  Index batch_rows = 0;                ///< B of one estimate; 0: all rows
  std::span<const double> state = {};  ///< what prepare() left; empty for stateless estimators
  /// lambda some steps back along the path, for estimators that lean on an earlier step; lambda itself where there is none.
  std::span<const double> snapshot = {};
  /// Of all rows, for estimators that keep a table; nullptr where there is no path: all rows were last seen at the family's own mean.
  const RowHistory* history = nullptr;
};

/// A density evaluation that an estimate asks for, on its rows (likelihood scaled by N / B).
struct Request {
  models::Wanted wanted;
  Index columns = 1;       ///< for each sample, or for each call
  bool per_sample = true;  ///< false: once a call, whatever the number of samples
  bool prior = true;       ///< the log prior is added
  /// Not of the model, but stored: the sum over the call's rows, scaled likewise, of what the state holds of each in its first
  /// rows x dim numbers, in the place of gradients. Once a call, without prior; nothing is placed, and nothing counted.
  bool stored = false;
  bool at_sample = true;  ///< theta is the sample's position itself; false, or for a Hessian-vector product: place() says where
};

/// Columns of one estimate as the runner laid them out. Sample s (a column of noise and position) has its `columns` columns of a
/// per-sample request r from origins[r] + (s - first) * columns on; those of a per-call request begin at origins[r].
struct SampleBlock {
  tiles::ConstBatchView noise;                       ///< rows of the family's noise, then extra uniforms
  tiles::ConstBatchView position;                    ///< dim x columns: z
  std::span<const tiles::ConstBatchView> densities;  ///< one per request; rows: Wanted::rows
  std::span<const Index> origins;
  Index first = 0;
  Index last = 0;
};

/// Where an evaluation takes place: to be filled for samples [first, last) (or for the call, if the request is per call).
struct Placement {
  tiles::ConstBatchView noise;
  tiles::ConstBatchView position;
  Index first = 0;
  Index last = 0;
  tiles::BatchView theta;      ///< dim x columns; not to be written if the request is at_sample
  tiles::BatchView direction;  ///< dim x columns; only for Hessian-vector products
  Index origin = 0;            ///< column of theta and direction that belongs to the first sample, or to the call
};

/// What an estimator may ask for before it is measured. All answers are the same on every rank; the work is counted as preparation.
class Preparation {
 public:
  Preparation() = default;
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  virtual ~Preparation() = default;

  /// Log density of all rows, prior included, at columns of theta (direction: for Hessian-vector products). out: wanted.rows(dim) rows.
  virtual void evaluate(const models::Wanted& wanted, tiles::ConstBatchView theta, tiles::ConstBatchView direction, tiles::Batch& out) = 0;
  /// table [row x dim]: the gradient of every row's own log likelihood at theta's column column[row]. All rows, whoever holds them.
  virtual void row_gradients(tiles::ConstBatchView theta, std::span<const std::uint32_t> column, std::span<double> table) = 0;
  /// Training call `call`: M samples and B rows drawn as in production, from streams of their own, the requests evaluated on them. All M
  /// samples come in one block.
  virtual void train(Index call, const std::vector<Request>& requests, const std::function<void(const SampleBlock&)>& use) = 0;
};

/// An unbiased (or declared biased) estimator of the objective's gradient in lambda.
/// Holds no state: everything a call needs is in its arguments, so that one object serves all threads.
class Estimator {
 public:
  Estimator() = default;
  Estimator(const Estimator&) = delete;
  Estimator& operator=(const Estimator&) = delete;
  virtual ~Estimator() = default;

  [[nodiscard]] virtual std::vector<Request> requests(const Context& context) const = 0;
  /// Fills theta or direction of request `request`. Default: throws, for estimators whose requests are all at the samples.
  virtual void place(const Context& context, std::size_t request, const Placement& placement) const;
  [[nodiscard]] virtual Coupling coupling() const { return Coupling::independent; }
  /// Uniforms on (0, 1) that each sample needs beside the family's noise: rows of the noise batch behind those of the family, in training
  /// calls too. Only with independent samples.
  [[nodiscard]] virtual Index extra_uniforms(const Context&) const { return 0; }

  /// Doubles of the state that is frozen before measuring: baselines, coefficients, expansions. 0: none.
  [[nodiscard]] virtual Index state_size(const Context&) const { return 0; }
  /// Fills the state (zero before) at the context's member of the family.
  virtual void prepare(const Context& context, Preparation& preparation, std::span<double> state) const;
  /// Share of the preparation's work, and of its seconds, that each call is charged with: 1 if a step of an optimiser would have to repeat
  /// it, B / N if it serves an epoch, 0 if an optimiser could learn the same from the samples of its earlier calls (baselines,
  /// coefficients, surrogates). context.batch_rows: of all replicas together. Reports say after how many calls the latter is paid, should
  /// they be trained by calls of their own.
  [[nodiscard]] virtual double preparation_share(const Context&) const { return 0; }

  /// Doubles of one partial sum.
  [[nodiscard]] virtual Index partial_size(const Context& context) const = 0;
  /// Adds the block's samples into a partial that was zero. Order of arithmetic: that of the samples.
  virtual void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const = 0;
  /// Whether merge() is a plain sum of doubles, which a library's allreduce could do as well.
  [[nodiscard]] virtual bool plain_sum() const { return true; }
  /// left = left (+) right, right being the later samples. Default: plain sum.
  virtual void merge(std::span<double> left, std::span<const double> right) const;
  /// The gradient (family's parameters()) from the partial of all M samples. call: results of per-call requests; no samples.
  virtual void finish(const Context& context, const SampleBlock& call, std::span<const double> partial,
                      std::span<double> gradient) const = 0;
};

struct Entry {
  std::string name;
  std::string summary;
  std::string source;
  std::string cost;       ///< per sample, in words: "1 gradient"
  bool biased = false;    ///< declared so: judged by mean squared error, never ranked by variance
  bool snapshot = false;  ///< leans on Context::snapshot, whose age reports then state
  bool history = false;   ///< leans on Context::history
  /// Whether it estimates the gradient of the importance-weighted bound; all others estimate those of the other two objectives.
  bool importance_bound = false;
  /// Whether a gradient is no average of M independent terms though its samples are independent: sums over pairs of samples, coefficients
  /// from the same samples, functions of all weights. Coupled samples (Coupling) need not be told here.
  bool joins_samples = false;
  bool own_noise_per_row = false;  ///< sample m of every data row has noise of its own, addressed by the global row
  /// Place in the order of those that may lead along a reference path, the first that is compatible being taken; 0: never.
  int leads_path = 0;
  bool makes_reference = false;  ///< measures reference gradients where it is compatible; elsewhere the path's estimator does
  std::function<std::unique_ptr<Estimator>()> make;
  /// Why this estimator cannot serve this setting (a reason for the report), or nothing; apart from the objective. Ask reason_against().
  std::function<std::optional<std::string>(const Context&)> incompatible;
  /// Why this number of samples is impossible (a user error), or nothing.
  std::function<std::optional<std::string>(Index samples)> bad_samples;
};

/// An entry that is compatible with everything and takes any number of samples.
Entry plain_entry(std::string name, std::string summary, std::string source, std::string cost,
                  std::function<std::unique_ptr<Estimator>()> make);

/// Why this estimator cannot serve this setting, the objective included, or nothing. The context's state may be empty.
std::optional<std::string> reason_against(const Entry& entry, const Context& context);

const std::vector<Entry>& catalogue();
const Entry* find(const std::string& name);

}  // namespace variscope::estimators
