/// What an estimator learns before it is measured: full-data evaluations and training calls, made by one row of ranks, known to all.
#pragma once

#include "experiments/run/estimates.hpp"

namespace variscope::experiments {

/// One estimator at one point. All ranks of the world create it and call it together.
class PreparationRun final : public estimators::Preparation {
 public:
  /// Everything outlives the object. `whole`: all ranks as one team.
  PreparationRun(const models::Model& model, const DataPlan* data, const cluster::Team& whole, int threads, const families::Family& family,
                 const estimators::Estimator& estimator, const CallSettings& call, Work& work);

  void evaluate(const models::Wanted& wanted, tiles::ConstBatchView theta, tiles::ConstBatchView direction, tiles::Batch& out) override;
  void row_gradients(tiles::ConstBatchView theta, std::span<const std::uint32_t> column, std::span<double> table) override;
  void train(Index call, const std::vector<estimators::Request>& requests,
             const std::function<void(const estimators::SampleBlock&)>& use) override;

  /// This rank's share of the work.
  [[nodiscard]] const models::Counts& counts() const { return work_.counts; }

  ~PreparationRun() override { total_.add(work_, 1); }

 private:
  /// The shard ranks that make estimates of their own; the first along the sample axis work, the others are told.
  void share(tiles::Batch& batch);

  const models::Model& model_;
  const DataPlan* data_;
  const cluster::Team& whole_;
  const families::Family& family_;
  const estimators::Estimator& estimator_;
  CallSettings call_;
  Work work_;
  Work& total_;
  cluster::Team team_;
  Density density_;
  Estimates estimates_;
};

}  // namespace variscope::experiments
