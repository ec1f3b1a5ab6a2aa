/// Posterior predictive of data rows by draws of the parameters, rows divided over ranks: what fits store of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/fit_record.hpp"
#include "engine/models/model.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/run/work.hpp"

namespace variscope::experiments {

/// What one rank holds of a data set beside its training rows, for predictions.
struct PredictiveTables {
  std::vector<double> moments;  ///< of the training rows' columns (data::ColumnMoments)
  data::Table test;
  data::Table grid;
};

/// Reads and makes them as the settings ask. moments: of the training rows. No messages.
PredictiveTables load_predictive(const DataPlan& plan, const Settings& settings, const cluster::Communicator& shards,
                                 std::vector<double> moments);

/// One part of the rows as one rank predicts it.
struct PredictiveRows {
  PredictedPart part;
  const data::Table* table = nullptr;
  const models::Model* model = nullptr;  ///< over the rows of the table
  cluster::Ownership tiles;              ///< of the part's rows among the data shards
  Index row_tile = 1;
  bool responses = true;  ///< false: a grid
  Index covariate = -1;   ///< column of the table; its values are shifted and scaled back to the user's
  double shift = 0;
  double scale = 1;
};

/// The parts of a path's problem and the models over them. Movable; the tables outlive it.
struct PredictiveProblem {
  std::vector<std::unique_ptr<models::Model>> models;
  std::vector<PredictiveRows> parts;
};

/// training, model: of the path. Cost: the models' construction.
PredictiveProblem predictive_problem(const Settings& settings, const DataPlan& plan, const models::Model& model,
                                     const data::Table& training, const PredictiveTables& tables, Index shards);

/// Fills record.predictive, record.predicted_rows and record.functions (all sized) from columns of theta, draws of the parameters: draw s
/// predicts row n by a response from the stream (response_draw, part and row, repeat and s), so that neither ranks nor threads nor tiles
/// decide a bit. Collective over `shards`; the figures are right on its root alone. Cost O(S) densities, means and responses a row; memory
/// O(S (dim + 64 threads)), flat in the number of rows; messages: one partial of S doubles a node of the fold.
void predict_rows(const PredictiveProblem& problem, tiles::ConstBatchView theta, std::uint64_t seed, Index repeat,
                  const cluster::Communicator& shards, int threads, Work& work, FitRecord& record);

}  // namespace variscope::experiments
