/// Helpers of the estimator tests: noise by coupling, every request evaluated, states prepared, folds; any estimator on any family, without
/// the run's machinery.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/minibatch.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/estimators/row_table.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/random/sobol.hpp"
#include "engine/tiles/fold.hpp"
#include "tests/engine/models/evaluate.hpp"

namespace variscope::test {

/// Streams of the tests: apart by what is drawn, by task, call and sample.
inline random::Stream test_stream(std::uint32_t what, std::uint32_t task, Index call, Index sample) {
  return {31, random::Purpose::testing, what << 16 | task, static_cast<std::uint32_t>(call), static_cast<std::uint32_t>(sample)};
}

/// Base noise of `calls` estimates of M samples side by side, coupled within each. Padding lanes hold NaN, so that a leak shows.
inline tiles::Batch coupled_noise(const families::NoiseShape& shape, estimators::Coupling coupling, Index samples, Index calls,
                                  std::uint32_t task) {
  tiles::Batch noise(shape.rows(), samples * calls);
  for (Index k = 0; k < noise.size(); ++k) noise.data()[k] = std::numeric_limits<double>::quiet_NaN();
  if (coupling == estimators::Coupling::scrambled_net) {
    const random::ScrambledSobol net(shape.rows(), samples);
    std::vector<random::Stream> streams;
    for (Index c = 0; c < noise.blocks() * tiles::kLanes; ++c) {
      const Index column = std::min(c, noise.count() - 1);
      streams.push_back(test_stream(1, task, column / samples, column % samples));
    }
    tiles::Batch normals(shape.rows(), noise.count());
    net.fill_uniform(streams.data(), noise.view());
    net.fill_normal(streams.data(), normals.view());
    for (Index c = 0; c < noise.count(); ++c) {
      for (Index d = 0; d < shape.normals; ++d) noise(d, c) = normals(d, c);
    }
    return noise;
  }
  for (Index c = 0; c < noise.count(); ++c) {
    const bool mirrored = coupling == estimators::Coupling::antithetic && c % samples % 2 == 1;
    const random::Stream stream = test_stream(2, task, c / samples, mirrored ? c % samples - 1 : c % samples);
    for (Index d = 0; d < shape.rows(); ++d) {
      const auto lane = static_cast<std::uint32_t>(d);
      // Lanes far apart: normals 2j and 2j + 1 are made of both uniforms of their block.
      const double own = d < shape.normals ? random::normal(stream, lane) : random::uniform(stream, 1000 + lane);
      noise(d, c) = !mirrored ? own : d < shape.normals ? -own : 1 - own;
    }
  }
  return noise;
}

/// One or more estimates side by side: noise, positions, data rows and every request of the estimator, evaluated where it asks.
class Call {
 public:
  /// M samples and B rows are those of `context`, which also has the state; `task` picks all random numbers.
  Call(const estimators::Estimator& estimator, const estimators::Context& context, Index calls, std::uint32_t task)
      : Call(estimator.requests(context), estimator.coupling(), context, calls, task, &estimator) {}

  /// For training: the requests are at the samples, other than the estimator's own.
  Call(std::vector<estimators::Request> requests, estimators::Coupling coupling, const estimators::Context& context, Index calls,
       std::uint32_t task, const estimators::Estimator* estimator)
      : estimator_(estimator),
        context_(context),
        requests_(std::move(requests)),
        calls_(calls),
        task_(task),
        noise_(coupled_noise(shape(context, estimator), coupling, context.samples, calls, task)),
        position_(context.family->dim(), context.samples * calls) {
    for (Index k = 0; k < position_.size(); ++k) position_.data()[k] = std::numeric_limits<double>::quiet_NaN();
    context.family->sample(noise_.view(), position_.view());
    draw_rows();
    for (std::size_t r = 0; r < requests_.size(); ++r) densities_.push_back(evaluate(r));
  }

  [[nodiscard]] const estimators::Context& context() const { return context_; }
  [[nodiscard]] const std::vector<estimators::Request>& requests() const { return requests_; }
  [[nodiscard]] Index calls() const { return calls_; }
  /// One call alone, at the beginning of batches of its own.
  [[nodiscard]] Call only(Index call) const {
    Call one(*this, {});
    const auto taken = [call](const tiles::Batch& from, Index width) {
      std::vector<Index> which;
      for (Index c = 0; c < width; ++c) which.push_back(call * width + c);
      return test::columns(from, which);
    };
    one.noise_ = taken(noise_, context_.samples);
    one.position_ = taken(position_, context_.samples);
    for (std::size_t r = 0; r < requests_.size(); ++r) one.densities_.push_back(taken(densities_[r], width(r)));
    return one;
  }
  [[nodiscard]] const tiles::Batch& noise() const { return noise_; }
  [[nodiscard]] const tiles::Batch& position() const { return position_; }
  /// One per request; tests may change them.
  [[nodiscard]] std::vector<tiles::Batch>& densities() { return densities_; }
  [[nodiscard]] const std::vector<tiles::Batch>& densities() const { return densities_; }
  /// Of all requests together, counted by the model.
  [[nodiscard]] const models::Counts& counts() const { return counts_; }

  /// Columns of a request that belong to one call.
  [[nodiscard]] Index width(std::size_t request) const {
    return requests_[request].columns * (requests_[request].per_sample ? context_.samples : 1);
  }

  /// f(block) of samples [first, last) of one call.
  template <class Use>
  void with_block(Index call, Index first, Index last, Use&& use) const {
    std::vector<tiles::ConstBatchView> views;
    std::vector<Index> origins;
    for (std::size_t r = 0; r < requests_.size(); ++r) {
      views.push_back(densities_[r].view());
      origins.push_back(call * width(r) + (requests_[r].per_sample ? first * requests_[r].columns : 0));
    }
    const Index column = call * context_.samples;
    use(estimators::SampleBlock{noise_.view(), position_.view(), views, origins, column + first, column + last});
  }

 private:
  struct Empty {};
  Call(const Call& like, Empty)
      : estimator_(like.estimator_), context_(like.context_), requests_(like.requests_), calls_(1), task_(like.task_) {}

  /// The family's noise, and behind it what the estimator needs beside it.
  static families::NoiseShape shape(const estimators::Context& context, const estimators::Estimator* estimator) {
    families::NoiseShape noise = context.family->noise();
    noise.uniforms += estimator->extra_uniforms(context);
    return noise;
  }

  /// Minibatches without replacement, one a call; all rows if B is 0.
  void draw_rows() {
    if (context_.batch_rows == 0) return;
    data::MinibatchScratch scratch;
    rows_.resize(static_cast<std::size_t>(calls_));
    for (Index c = 0; c < calls_; ++c) {
      data::draw_minibatch(test_stream(3, task_, c, 0), context_.model->rows(), context_.batch_rows, data::Replacement::without, scratch,
                           rows_[static_cast<std::size_t>(c)]);
    }
  }

  tiles::Batch evaluate(std::size_t r) {
    const estimators::Request& request = requests_[r];
    const models::Model& model = *context_.model;
    const Index columns = width(r) * calls_;
    const bool placed = !request.stored && (!request.at_sample || request.wanted.hessian_vector);
    tiles::Batch theta(model.dim(), columns);
    tiles::Batch direction(model.dim(), columns);
    std::vector<random::Stream> streams;
    for (Index call = 0; call < calls_; ++call) {
      const Index first = call * context_.samples;
      for (Index c = 0; c < width(r); ++c) {
        if (request.at_sample && request.per_sample) {
          for (Index d = 0; d < model.dim(); ++d) theta(d, call * width(r) + c) = position_(d, first + c / request.columns);
        }
        streams.push_back(test_stream(4, task_, call, c));
      }
      if (!placed) continue;
      const Index last = request.per_sample ? first + context_.samples : first;
      estimator_->place(context_, r, {noise_.view(), position_.view(), first, last, theta.view(), direction.view(), call * width(r)});
    }
    streams.resize(static_cast<std::size_t>(direction.blocks() * tiles::kLanes), streams.back());
    tiles::Batch out(request.wanted.rows(model.dim()), columns);
    if (rows_.empty()) {
      evaluate_columns(request, range(0, model.rows()), 1.0, theta, direction, streams.data(), out);
      return out;
    }
    const double scale = static_cast<double>(model.rows()) / static_cast<double>(context_.batch_rows);
    for (Index call = 0; call < calls_; ++call) {
      std::vector<Index> own;
      for (Index c = 0; c < width(r); ++c) own.push_back(call * width(r) + c);
      std::vector<random::Stream> own_streams(streams.begin() + own.front(), streams.begin() + own.back() + 1);
      own_streams.resize((own.size() + tiles::kLanes - 1) / tiles::kLanes * tiles::kLanes, own_streams.back());
      tiles::Batch part(out.dim(), width(r));
      evaluate_columns(request, list(rows_[static_cast<std::size_t>(call)]), scale, test::columns(theta, own),
                       test::columns(direction, own), own_streams.data(), part);
      for (Index c = 0; c < width(r); ++c) {
        for (Index row = 0; row < out.dim(); ++row) out(row, own[static_cast<std::size_t>(c)]) = part(row, c);
      }
    }
    return out;
  }

  void evaluate_columns(const estimators::Request& request, const models::RowList& rows, double scale, const tiles::Batch& theta,
                        const tiles::Batch& direction, const random::Stream* streams, tiles::Batch& out) {
    models::Evaluation evaluation{request.wanted, out.view(), {}};
    if (request.wanted.hessian_vector) evaluation.direction = direction.view();
    const models::Model& model = *context_.model;
    if (request.stored) {
      estimators::RowTable(context_.state, model.rows(), model.dim()).log_likelihood(rows, theta.view(), evaluation);
    } else if (request.wanted.local) {
      evaluation.streams = streams;
      if (const families::MeanFieldGaussian* q = context_.family->mean_field_gaussian()) {
        model.local_gradient(rows, q->mean().data(), q->scale().data(), evaluation);
      } else {
        const auto dim = static_cast<std::size_t>(model.dim());
        std::vector<double> mean(dim);
        std::vector<double> sd(dim);
        std::vector<double> covariance(dim * dim);
        context_.family->moments(mean, sd);
        context_.family->covariance(covariance);
        model.local_gradient_under(rows, mean.data(), covariance.data(), evaluation);
      }
    } else if (model.rows() > 0) {
      model.log_likelihood(rows, theta.view(), evaluation);
    }
    for (Index c = 0; c < out.count() && scale != 1.0; ++c) {
      for (Index row = 0; row < out.dim(); ++row) out(row, c) *= scale;
    }
    if (request.prior && !request.wanted.local) model.log_prior(theta.view(), evaluation);
    counts_ += evaluation.counts;
  }

  const estimators::Estimator* estimator_;
  estimators::Context context_;
  std::vector<estimators::Request> requests_;
  Index calls_;
  std::uint32_t task_;
  tiles::Batch noise_;
  tiles::Batch position_;
  std::vector<std::vector<Index>> rows_;  ///< of each call; empty: all
  std::vector<tiles::Batch> densities_;
  models::Counts counts_;
};

/// Preparation without ranks. Training calls have noise and rows of their own.
class SerialPreparation final : public estimators::Preparation {
 public:
  SerialPreparation(const estimators::Estimator& estimator, const estimators::Context& context, std::uint32_t task)
      : estimator_(estimator), context_(context), task_(task) {}

  void evaluate(const models::Wanted& wanted, tiles::ConstBatchView theta, tiles::ConstBatchView direction, tiles::Batch& out) override {
    out.resize(wanted.rows(theta.dim), theta.count);
    out.set_zero();
    models::Evaluation evaluation{wanted, out.view(), {}};
    evaluation.direction = direction;
    if (context_.model->rows() > 0) context_.model->log_likelihood(range(0, context_.model->rows()), theta, evaluation);
    context_.model->log_prior(theta, evaluation);
    counts_ += evaluation.counts;
  }

  void row_gradients(tiles::ConstBatchView theta, std::span<const std::uint32_t> column, std::span<double> table) override {
    const Index dim = theta.dim;
    for (std::size_t n = 0; n < column.size(); ++n) {
      const tiles::Batch whole = [&] {
        tiles::Batch one(dim, 1);
        for (Index d = 0; d < dim; ++d) one(d, 0) = theta(d, static_cast<Index>(column[n]));
        return one;
      }();
      tiles::Batch out(1 + dim, 1);
      models::Evaluation evaluation{{false, true}, out.view(), {}};
      const auto row = static_cast<Index>(n);
      context_.model->log_likelihood(range(row, row + 1), whole.view(), evaluation);
      for (Index d = 0; d < dim; ++d) table[n * static_cast<std::size_t>(dim) + static_cast<std::size_t>(d)] = out(1 + d, 0);
      counts_ += evaluation.counts;
    }
  }

  void train(Index call, const std::vector<estimators::Request>& requests,
             const std::function<void(const estimators::SampleBlock&)>& use) override {
    const Call trained(requests, estimator_.coupling(), context_, 1, task_ + static_cast<std::uint32_t>(call) + 1, &estimator_);
    counts_ += trained.counts();
    trained.with_block(0, 0, context_.samples, use);
  }

  [[nodiscard]] const models::Counts& counts() const { return counts_; }

 private:
  const estimators::Estimator& estimator_;
  estimators::Context context_;
  std::uint32_t task_;
  models::Counts counts_;
};

/// The state that the estimator is measured at; empty for most.
inline std::vector<double> prepared_state(const estimators::Estimator& estimator, const estimators::Context& context) {
  std::vector<double> state(static_cast<std::size_t>(estimator.state_size(context)), 0.0);
  if (state.empty()) return state;
  SerialPreparation preparation(estimator, context, 30000);
  estimator.prepare(context, preparation, state);
  return state;
}

/// Partial of samples [blocks of `block`, in order] of one call below `node` of the tree over those blocks.
inline std::vector<double> partial_of(const estimators::Estimator& estimator, const Call& call, Index which, Index block,
                                      tiles::Node node) {
  const estimators::Context& context = call.context();
  const tiles::Tree tree{(context.samples + block - 1) / block, 1};
  std::vector<double> partial(static_cast<std::size_t>(estimator.partial_size(context)));
  tiles::NodeFolder folder;
  folder.fold(
      tree, node,
      [&](Index leaf, std::span<double> out) {
        call.with_block(which, leaf * block, std::min((leaf + 1) * block, context.samples),
                        [&](const estimators::SampleBlock& samples) { estimator.accumulate(context, samples, out); });
      },
      [&](std::span<double> left, std::span<const double> right) { estimator.merge(left, right); }, partial);
  return partial;
}

/// The gradient of a finished partial.
inline std::vector<double> finished(const estimators::Estimator& estimator, const Call& call, Index which,
                                    const std::vector<double>& partial) {
  std::vector<double> gradient(static_cast<std::size_t>(call.context().family->parameters()));
  call.with_block(which, 0, 0, [&](const estimators::SampleBlock& none) { estimator.finish(call.context(), none, partial, gradient); });
  return gradient;
}

/// The gradient of one call, folded by the tree over blocks of `block` samples (at most a lane block, as in production).
inline std::vector<double> estimate(const estimators::Estimator& estimator, const Call& call, Index which = 0,
                                    Index block = tiles::kLanes) {
  const tiles::Tree tree{(call.context().samples + block - 1) / block, 1};
  return finished(estimator, call, which, partial_of(estimator, call, which, block, tree.root()));
}

/// The gradients of all calls.
inline std::vector<std::vector<double>> estimates(const estimators::Estimator& estimator, const Call& call) {
  std::vector<std::vector<double>> gradients;
  for (Index c = 0; c < call.calls(); ++c) gradients.push_back(estimate(estimator, call, c));
  return gradients;
}

}  // namespace variscope::test
