/// Whole estimator calls: draws, densities, partial sums over sample blocks, gradients. Many replicates at once, many estimators on common
/// draws.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "cluster/topology/layout.hpp"
#include "engine/data/minibatch.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/random/stream.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/density.hpp"

namespace variscope::experiments {

/// What a call is made of, apart from lambda and the replicate.
struct CallSettings {
  std::uint64_t seed = 1;
  random::Purpose noise = random::Purpose::replicate_noise;
  random::Purpose rows = random::Purpose::replicate_rows;
  std::uint32_t task = 0;
  Index samples = 1;     ///< M
  Index batch_rows = 0;  ///< B; 0: all
  data::Replacement replacement = data::Replacement::without;
  int coarser = 0;
  estimators::Objective objective = estimators::Objective::elbo;
};

/// Computes gradients with one team of ranks.
class Estimates {
 public:
  /// model, data (nullptr if none) and team outlive the object.
  Estimates(const models::Model& model, const DataPlan* data, const cluster::Team& team, cluster::Reduce reduce, int threads, Work& work);

  /// Gradients of replicates [first, last) by each estimator at lambda, on the same draws. gradients[e] holds
  /// [replicate x 2 dim] on the team's root and is undefined elsewhere. counts[e] and seconds[e] grow by this rank's share.
  /// Collective over the team. Cost: see Estimator; memory O((last - first) M dim).
  void run(std::span<const double> lambda, const CallSettings& call, Range replicates,
           const std::vector<const estimators::Estimator*>& estimators, std::vector<std::vector<double>>& gradients,
           std::vector<models::Counts>& counts, std::vector<double>& seconds);

  /// Replicates that one run() should be given.
  [[nodiscard]] Index group(Index samples) const;

 private:
  /// Noise, positions and rows of one group; the second of each pair belongs to antithetic estimators.
  struct Draws {
    tiles::Batch noise;
    tiles::Batch position;
    bool ready = false;
    double seconds = 0;
  };
  void draw(const families::MeanFieldGaussian& family, const CallSettings& call, Range replicates, bool antithetic);
  void draw_rows(const CallSettings& call, Range replicates);
  void reduce(const estimators::Context& context, const estimators::Estimator& estimator, const Draws& draws, Index replicates,
              std::vector<double>& gradients);

  const models::Model& model_;
  const DataPlan* data_;
  const cluster::Team& team_;
  cluster::Reduce reduce_mode_;
  int threads_;
  Work& work_;
  Density density_;
  Range owned_samples_;     ///< of one estimate, this rank's
  Index columns_each_ = 0;  ///< columns from one replicate to the next
  std::array<Draws, 2> draws_;
  std::vector<std::vector<Index>> batch_rows_;  ///< per replicate
  std::vector<data::MinibatchScratch> scratch_;
  std::vector<Segment> segments_;
  tiles::Batch out_;
  AlignedVector partials_;
  AlignedVector folded_;
};

/// Adds the gradients of one batch's replicates, in order, into batch `batch` of the moments about `reference`.
void add_moments(std::span<const double> gradients, std::span<const double> reference, const std::vector<Block>& blocks, Index batch,
                 BatchMoments& moments);

}  // namespace variscope::experiments
