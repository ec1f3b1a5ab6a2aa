/// With m~ and F~ the snapshot's mean and scale: what a minibatch says there is compared with what all rows say there.
#include "engine/estimators/data_control.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/families/full_rank_gaussian.hpp"
#include "engine/families/low_rank_gaussian.hpp"
#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::estimators {

namespace {

/// Pathwise with closed-form entropy, minus the minibatch's expansion at the snapshot, plus that of all rows. Partial: pathwise sums of
/// what is left.
class SnapshotControl : public Estimator {
 public:
  [[nodiscard]] Index partial_size(const Context& context) const override { return context.family->parameters(); }
  /// The snapshot serves an epoch of N / B steps.
  [[nodiscard]] double preparation_share(const Context& context) const override {
    return static_cast<double>(context.batch_rows) / static_cast<double>(context.model->rows());
  }

  void finish(const Context& context, const SampleBlock&, std::span<const double> partial, std::span<double> gradient) const override {
    for (std::size_t p = 0; p < gradient.size(); ++p)
      gradient[p] = partial[p] / static_cast<double>(context.samples) + expectation(context, p);
    if (context.objective == Objective::elbo) context.family->add_entropy_gradient(gradient);
  }

 protected:
  /// The control's expected gradient in parameter p.
  [[nodiscard]] virtual double expectation(const Context& context, std::size_t p) const = 0;

  static void place_at(std::span<const double> mean, tiles::BatchView theta, Index to) {
    for (std::size_t d = 0; d < mean.size(); ++d) theta(static_cast<Index>(d), to) = mean[d];
  }
};

/// m~: every normal family's lambda begins with its mean.
std::vector<double> snapshot_mean(const Context& context) {
  const auto dim = static_cast<std::size_t>(context.family->dim());
  if (!context.snapshot.empty()) return {context.snapshot.begin(), context.snapshot.begin() + static_cast<std::ptrdiff_t>(dim)};
  std::vector<double> mean(dim);
  std::vector<double> sd(dim);
  context.family->moments(mean, sd);
  return mean;
}

/// A control that does not know the noise: one column a call, of which every sample's location has its share. As dz / dm = 1 in every
/// normal family, it serves them all.
class NoiselessControl : public SnapshotControl {
 public:
  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const families::Family& q = *context.family;
    q.add_pathwise(block.noise, block.position, block.densities[0], 1, block.first, block.last, partial);
    for (Index d = 0; d < q.dim(); ++d) {
      partial[static_cast<std::size_t>(d)] -= static_cast<double>(block.last - block.first) * block.densities[1](1 + d, block.origins[1]);
    }
  }
};

/// Johnson and Zhang 2013 (NeurIPS), eq. 2, at the snapshot's mean: c(n) = grad l_n(m~), whose mean over rows is known. It controls the
/// noise that rows alone make in the mean; the scale is left as it is. State: the whole gradient at m~.
class VarianceReduced final : public NoiselessControl {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {false, true}}, {.wanted = {false, true}, .per_sample = false, .at_sample = false}};
  }
  void place(const Context& context, std::size_t, const Placement& at) const override {
    place_at(snapshot_mean(context), at.theta, at.origin);
  }

  [[nodiscard]] Index state_size(const Context& context) const override { return context.family->dim(); }
  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    tiles::Batch theta(context.family->dim(), 1);
    place_at(snapshot_mean(context), theta.view(), 0);
    tiles::Batch out;
    preparation.evaluate({false, true}, theta.view(), {}, out);
    for (Index d = 0; d < theta.dim(); ++d) state[static_cast<std::size_t>(d)] = out(1 + d, 0);
  }

 protected:
  [[nodiscard]] double expectation(const Context& context, std::size_t p) const override {
    return p < context.state.size() ? context.state[p] : 0.0;
  }
};

/// Defazio, Bach and Lacoste-Julien 2014 (NeurIPS), eq. 1: c(n) = grad l_n(phi_n), phi_n being q's mean when row n was last drawn; the
/// table's sum is known. Like VarianceReduced, but every row has an age of its own, and the stored gradients cost no evaluation. State: the
/// table, then its sum.
class StoredGradients final : public NoiselessControl {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {false, true}}, {.wanted = {false, true}, .per_sample = false, .prior = false, .stored = true, .at_sample = false}};
  }

  [[nodiscard]] Index state_size(const Context& context) const override { return (context.model->rows() + 1) * context.family->dim(); }
  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const Index dim = context.family->dim();
    const auto rows = static_cast<std::size_t>(context.model->rows());
    const std::vector<std::uint32_t> here(context.history == nullptr ? rows : 0, 0);
    tiles::Batch theta(dim, context.history == nullptr ? 1 : context.history->ages);
    Context here_alone = context;
    here_alone.snapshot = {};
    const std::vector<double> means = context.history == nullptr ? snapshot_mean(here_alone) : context.history->mean;
    for (Index k = 0; k < theta.count(); ++k) {
      for (Index d = 0; d < dim; ++d) theta(d, k) = means[static_cast<std::size_t>(k * dim + d)];
    }
    const std::span<double> table = state.first(rows * static_cast<std::size_t>(dim));
    preparation.row_gradients(theta.view(), context.history == nullptr ? here : context.history->age_of, table);
    for (std::size_t i = 0; i < table.size(); ++i) state[table.size() + i % static_cast<std::size_t>(dim)] += table[i];
  }

 protected:
  [[nodiscard]] double expectation(const Context& context, std::size_t p) const override {
    const auto dim = static_cast<std::size_t>(context.family->dim());
    return p < dim && !context.state.empty() ? context.state[context.state.size() - dim + p] : 0.0;
  }
};

/// The member of `like`'s family at this lambda; of normal families that this file knows, else nothing.
std::unique_ptr<families::Family> member_like(const families::Family& like, std::span<const double> lambda) {
  if (like.mean_field_gaussian() != nullptr) return std::make_unique<families::MeanFieldGaussian>(lambda);
  if (dynamic_cast<const families::FullRankGaussian*>(&like) != nullptr)
    return std::make_unique<families::FullRankGaussian>(like.dim(), lambda);
  if (const auto* q = dynamic_cast<const families::LowRankGaussian*>(&like))
    return std::make_unique<families::LowRankGaussian>(q->dim(), q->rank(), lambda);
  return nullptr;
}

/// Wang, Geffner and Domke 2024 (arXiv 2210.07290): c(n, eps) = path derivative, at the snapshot, of the second-order Taylor expansion of
/// row n's term at m~: grad l_n(m~) + H_n(m~) F~ eps, z = m + F eps. Its expectation over rows and noise together is known: all rows'
/// gradient at m~, and by the chain rule half their Hessian there. State: that expected gradient.
class JointControl final : public SnapshotControl {
 public:
  [[nodiscard]] std::vector<Request> requests(const Context&) const override {
    return {{.wanted = {false, true}}, {.wanted = {false, true, true}, .at_sample = false}};
  }

  void place(const Context& context, std::size_t, const Placement& at) const override {
    const std::vector<double> mean = snapshot_mean(context);
    const Index first_block = at.first / tiles::kLanes;
    const Index last_block = (at.last + tiles::kLanes - 1) / tiles::kLanes;
    thread_local tiles::Batch moved;
    const tiles::ConstBatchView noise = at.noise.slice(first_block, last_block);
    moved.resize(context.family->dim(), noise.count);
    Snapshot(context)->sample(noise, moved.view());
    for (Index s = at.first; s < at.last; ++s) {
      const Index to = at.origin + (s - at.first);
      place_at(mean, at.theta, to);
      for (std::size_t d = 0; d < mean.size(); ++d) {
        const auto row = static_cast<Index>(d);
        at.direction(row, to) = moved(row, s - first_block * tiles::kLanes) - mean[d];
      }
    }
  }

  [[nodiscard]] Index state_size(const Context& context) const override { return context.family->parameters(); }
  void prepare(const Context& context, Preparation& preparation, std::span<double> state) const override {
    const std::vector<double> mean = snapshot_mean(context);
    const Index dim = context.family->dim();
    tiles::Batch theta(dim, dim);
    tiles::Batch direction(dim, dim);
    for (Index k = 0; k < dim; ++k) {
      place_at(mean, theta.view(), k);
      direction(k, k) = 1;
    }
    tiles::Batch out;
    preparation.evaluate({false, true, true}, theta.view(), direction.view(), out);
    std::vector<double> slope;
    std::vector<double> half_hessian;
    for (Index i = 0; i < dim; ++i) {
      slope.push_back(out(1 + i, 0));
      for (Index j = 0; j < dim; ++j) half_hessian.push_back(0.5 * out(1 + dim + std::max(i, j), std::min(i, j)));
    }
    Snapshot(context)->add_gaussian_chain(slope, half_hessian, false, state);
  }

  void accumulate(const Context& context, const SampleBlock& block, std::span<double> partial) const override {
    const families::Family& q = *context.family;
    q.add_pathwise(block.noise, block.position, block.densities[0], 1, block.first, block.last, partial);
    const Index dim = q.dim();
    const Index first_block = block.first / tiles::kLanes;
    const Index last_block = (block.last + tiles::kLanes - 1) / tiles::kLanes;
    const Index skipped = first_block * tiles::kLanes;
    // Less the control, through the snapshot's own path.
    thread_local tiles::Batch control;
    control.resize(dim, block.last - skipped);
    for (Index s = block.first; s < block.last; ++s) {
      const Index from = block.origins[1] + (s - block.first);
      for (Index d = 0; d < dim; ++d) control(d, s - skipped) = -(block.densities[1](1 + d, from) + block.densities[1](1 + dim + d, from));
    }
    Snapshot(context)->add_pathwise(block.noise.slice(first_block, last_block), block.position.slice(first_block, last_block),
                                    control.view(), 0, block.first - skipped, block.last - skipped, partial);
  }

 protected:
  [[nodiscard]] double expectation(const Context& context, std::size_t p) const override { return context.state[p]; }

 private:
  /// q's family at the snapshot; q itself where there is none.
  class Snapshot {
   public:
    explicit Snapshot(const Context& context)
        : own_(context.snapshot.empty() ? nullptr : member_like(*context.family, context.snapshot)),
          family_(own_ == nullptr ? context.family : own_.get()) {}
    const families::Family* operator->() const { return family_; }

   private:
    std::unique_ptr<families::Family> own_;
    const families::Family* family_;
  };
};

std::optional<std::string> needs_minibatch(const Context& context) {
  if (!context.family->gaussian()) return "is written for normal families, in which every sample moves with the mean";
  if (context.batch_rows == 0) return "controls the noise of minibatches, and all rows are used";
  return std::nullopt;
}

}  // namespace

Entry variance_reduced_entry() {
  Entry entry = plain_entry("svrg", "pathwise, rows compared with all rows at the mean of an earlier step (SVRG)",
                            "Johnson, Zhang 2013 (NeurIPS), eq. 2", "1 gradient; 1 gradient a call, one full gradient an epoch",
                            [] { return std::make_unique<VarianceReduced>(); });
  entry.snapshot = true;
  entry.incompatible = needs_minibatch;
  return entry;
}

Entry joint_control_entry() {
  Entry entry = plain_entry("joint_cv", "pathwise with the joint control variate: rows and noise, expanded at an earlier step",
                            "Wang, Geffner, Domke 2024 (arXiv 2210.07290)",
                            "1 gradient, 1 gradient with Hessian-vector product; D of the latter on all rows an epoch",
                            [] { return std::make_unique<JointControl>(); });
  entry.snapshot = true;
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (auto reason = needs_minibatch(context)) return reason;
    if (!context.model->has_hessian_vector()) return "needs Hessian-vector products, which this model does not offer";
    return std::nullopt;
  };
  return entry;
}

Entry stored_gradients_entry() {
  Entry entry = plain_entry("saga", "pathwise, rows compared with their gradients as of when each was last drawn (SAGA)",
                            "Defazio, Bach, Lacoste-Julien 2014 (NeurIPS), eq. 1",
                            "1 gradient; the drawn rows' gradients at the mean a call, to renew the table of rows x dim numbers",
                            [] { return std::make_unique<StoredGradients>(); });
  entry.history = true;
  entry.incompatible = [](const Context& context) -> std::optional<std::string> {
    if (auto reason = needs_minibatch(context)) return reason;
    if (context.model->rows() * context.family->dim() > kLargestRowTable)
      return "keeps a gradient for every row, and so many rows of so many parameters are more than the 4194304 numbers it may hold";
    return std::nullopt;
  };
  return entry;
}

}  // namespace variscope::estimators
