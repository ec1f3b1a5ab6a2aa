/// Whole estimator calls: draws, densities, partial sums over sample blocks, gradients. Many replicates at once, many estimators on common
/// draws.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/topology/layout.hpp"
#include "engine/estimators/estimator.hpp"
#include "engine/random/stream.hpp"
#include "experiments/plan/design.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/density.hpp"
#include "experiments/run/noise.hpp"
#include "experiments/run/rows.hpp"

namespace variscope::experiments {

/// What a call is made of, apart from the family's member and the replicate.
struct CallSettings {
  std::uint64_t seed = 1;
  random::Purpose noise = random::Purpose::replicate_noise;
  random::Purpose rows = random::Purpose::replicate_rows;
  std::uint32_t task = 0;  ///< the point, below kMostPoints
  Index samples = 1;       ///< M
  Index batch_rows = 0;    ///< B; 0: all
  int coarser = 0;
  estimators::Objective objective = estimators::Objective::elbo;
  Design design;
};

/// An estimator with the state it is measured at.
struct Measured {
  const estimators::Estimator* estimator = nullptr;
  std::span<const double> state = {};
  std::span<const double> snapshot = {};
};

/// Computes gradients with one team of ranks.
class Estimates {
 public:
  /// model, data (nullptr if none) and team outlive the object.
  Estimates(const models::Model& model, const DataPlan* data, const cluster::Team& team, cluster::Reduce reduce, int threads, Work& work);

  /// Gradients of the units of replicates [first, last) by each estimator, on the same draws. gradients[e] holds
  /// [replicate x unit x parameter], of the units that this replica coordinate owns, where Team::has_replica() and is undefined elsewhere:
  /// all units where no replica axis divides them. counts[e] and seconds[e] grow by this rank's share, as if each estimator had been alone:
  /// common draws are charged in full to all who use them, extra uniforms to those who ask for them.
  /// Throws std::logic_error if local gradients are asked for and the family is not the mean-field Gaussian.
  /// Collective over the team. Cost: see Estimator; memory O((last - first) units M dim).
  void run(const families::Family& family, const CallSettings& call, Range replicates, const std::vector<Measured>& estimators,
           std::vector<std::vector<double>>& gradients, std::vector<models::Counts>& counts, std::vector<double>& seconds);

  /// mean [replicate x parameter] over all units of what run() left in gradients[e], on the team's root; undefined elsewhere. Units are the
  /// leaves of one tree, so that their bits do not depend on who owns them. call.design is not crossed. Collective over the team.
  /// Cost O(replicates units parameters) over the replica axis.
  void average_units(const CallSettings& call, std::span<const double> gradients, Index replicates, Index parameters,
                     std::vector<double>& mean);

  /// all [replicate x unit x parameter]: what run() left in gradients[e] on all ranks, on the team's root; undefined elsewhere. Collective
  /// over the team. Cost O(replicates units parameters).
  void gather_units(const CallSettings& call, std::span<const double> gradients, Index replicates, Index parameters,
                    std::vector<double>& all);

  /// One unit's samples, all of them on this team's root, each with `extra` uniforms behind the family's noise, and what the requests
  /// evaluate to. Throws std::logic_error unless every request is one evaluation at each sample itself.
  void visit(const families::Family& family, const CallSettings& call, Index replicate, estimators::Coupling coupling, Index extra,
             const std::vector<estimators::Request>& requests, std::vector<tiles::Batch>& results,
             const std::function<void(const estimators::SampleBlock&)>& use);

  /// Replicates that one run() should be given, for estimators that evaluate up to `columns` columns a unit.
  [[nodiscard]] Index group(Index columns, const Design& design) const;

 private:
  /// Columns [unit x width] of a group of replicates, in segments that share their rows. Units are this rank's own, counted from 0.
  struct Geometry {
    Index units = 1;        ///< of a replicate
    Index per_segment = 1;  ///< units that share a segment, if rows are drawn
    bool drawn = false;     ///< segments begin at lane blocks of their own; otherwise columns are packed
    Index width = 1;        ///< columns of a unit

    [[nodiscard]] Index segment() const { return (per_segment * width + tiles::kLanes - 1) / tiles::kLanes * tiles::kLanes; }
    [[nodiscard]] Index segments() const { return units / per_segment; }
    [[nodiscard]] Index origin(Index replicate, Index unit) const {
      if (!drawn) return (replicate * units + unit) * width;
      return (replicate * segments() + unit / per_segment) * segment() + unit % per_segment * width;
    }
    [[nodiscard]] Index columns(Index replicates) const { return drawn ? replicates * segments() * segment() : replicates * units * width; }
  };
  /// Noise and positions of one group, for one kind of coupling.
  struct Draws {
    tiles::Batch noise;
    tiles::Batch position;
    bool ready = false;
    double seconds = 0;        ///< noise and positions
    double extra_seconds = 0;  ///< of each row of extra uniforms
  };

  /// Units of a replicate that this replica coordinate owns.
  [[nodiscard]] Range owned_units(const Design& design) const;
  [[nodiscard]] Geometry geometry(const CallSettings& call, Index width) const;
  void begin(const CallSettings& call, Range replicates);
  /// extra: uniforms behind the family's noise, timed apart.
  void draw(const families::Family& family, const CallSettings& call, Range replicates, estimators::Coupling coupling, Index extra);
  void draw_rows(const CallSettings& call, Range replicates);
  void segments(const CallSettings& call, const Geometry& at, Index replicates);
  /// Fills results_[r] for every request; widths_[r] is their geometry.
  void evaluate(const estimators::Context& context, const estimators::Estimator* estimator,
                const std::vector<estimators::Request>& requests, const CallSettings& call, const Draws& draws, Range replicates,
                std::vector<tiles::Batch>& results);
  void reduce(const estimators::Context& context, const estimators::Estimator& estimator, const CallSettings& call, const Draws& draws,
              Index replicates, std::vector<double>& gradients);
  [[nodiscard]] Draws& draws_of(estimators::Coupling coupling) { return draws_[static_cast<std::size_t>(coupling)]; }
  [[nodiscard]] RowTiles row_tiles(const CallSettings& call) const;
  /// What local gradients of this family need, in `what`; valid until the next call.
  void local_of(const families::Family& family, const models::Wanted& wanted, Columns& what);

  const models::Model& model_;
  const DataPlan* data_;
  const cluster::Team& team_;
  cluster::Reduce reduce_mode_;
  int threads_;
  Work& work_;
  Density density_;
  Range owned_samples_;  ///< of one unit, this rank's
  std::array<Draws, 3> draws_;
  std::vector<std::vector<std::vector<Index>>> row_sets_;  ///< [replicate][row set], not only the owned ones
  std::vector<RowScratch> scratch_;
  std::optional<random::ScrambledSobol> net_;
  std::vector<Segment> segments_;
  std::vector<Geometry> widths_;  ///< of each request
  tiles::Batch theta_;
  tiles::Batch direction_;
  std::vector<random::Stream> streams_;
  std::vector<double> local_mean_;
  std::vector<double> local_covariance_;
  std::vector<tiles::Batch> results_;
  AlignedVector partials_;
  AlignedVector folded_;
};

/// Adds the gradients of one batch's replicates, in order, into batch `batch` of the moments about `reference`.
void add_moments(std::span<const double> gradients, std::span<const double> reference, const std::vector<Block>& blocks, Index batch,
                 BatchMoments& moments);

}  // namespace variscope::experiments
