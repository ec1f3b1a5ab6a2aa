/// Tiles of rows through densities, means and simulated responses, folded along the plan's tree.
#include "experiments/run/predictive.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cluster/topology/fold_across.hpp"
#include "engine/data/standardize.hpp"
#include "engine/diagnostics/predictive.hpp"
#include "experiments/plan/predictive.hpp"
#include "experiments/run/first_error.hpp"
#include "experiments/run/load.hpp"

namespace variscope::experiments {

namespace {

using diagnostics::PredictiveFigures;
using diagnostics::PredictiveSummary;
using diagnostics::RowPrediction;

/// Tiles of one thread that wait for the fold.
constexpr Index kTilesPerThread = 4;

std::vector<double> listed(const PredictiveFigures& f) {
  return {f.rows,        f.log_density, f.log_density_error, f.monte_carlo_error, f.rmse,     f.rmse_error,
          f.coverage[0], f.coverage[1], f.coverage[2],       f.width[0],          f.width[1], f.width[2]};
}

std::vector<double> listed(const RowPrediction& r, double covariate, double response) {
  return {covariate,  response,   r.mean,     r.sd,       r.median,      r.lower[0],         r.upper[0],
          r.lower[1], r.upper[1], r.lower[2], r.upper[2], r.log_density, r.log_density_error};
}

/// Buffers of one thread.
struct Scratch {
  tiles::Batch density;
  tiles::Batch mean;
  std::vector<double> simulated;  ///< [draw x row]
  std::vector<double> row_density;
  std::vector<double> row_mean;
  std::vector<double> row_simulated;
};

class PartPredictor {
 public:
  PartPredictor(const PredictiveRows& rows, tiles::ConstBatchView theta, std::span<const double> columns, random::Stream stream,
                std::span<double> kept, std::span<double> functions)
      : rows_(rows),
        theta_(theta),
        columns_(columns),
        stream_(stream),
        kept_(kept),
        kept_functions_(functions),
        functions_(static_cast<Index>(functions.size()) / rows.part.rows) {}

  /// One tile into a partial that is zero (empty where rows have no response).
  void tile(Index index, Scratch& scratch, std::span<double> partial) const {
    const Range all = data::row_tile_range(rows_.part.rows, rows_.row_tile, index);
    for (Index first = all.first; first < all.last; first += kPredictedRows)
      rows({first, std::min(first + kPredictedRows, all.last)}, scratch, partial);
  }

 private:
  void rows(Range range, Scratch& scratch, std::span<double> partial) const {
    const models::RowList list{range};
    const Index draws = theta_.count;
    const Index count = range.size();
    const auto dim = static_cast<std::size_t>(theta_.dim);
    scratch.mean.resize(count, draws);
    rows_.model->row_mean(list, theta_, scratch.mean.view());
    if (rows_.responses) {
      scratch.density.resize(count, draws);
      rows_.model->row_log_likelihood(list, theta_, scratch.density.view());
    }
    scratch.simulated.resize(static_cast<std::size_t>(draws * count));
    const std::span<double> simulated(scratch.simulated);
    for (Index s = 0; s < draws; ++s) {
      random::Stream own = stream_;
      own.major += static_cast<std::uint32_t>(s);
      rows_.model->simulate_responses(list, columns_.subspan(static_cast<std::size_t>(s) * dim, dim), own,
                                      simulated.subspan(static_cast<std::size_t>(s * count), static_cast<std::size_t>(count)));
    }
    const auto n = static_cast<std::size_t>(draws);
    scratch.row_mean.resize(n);
    scratch.row_simulated.resize(n);
    scratch.row_density.resize(rows_.responses ? n : 0);
    for (Index k = 0; k < count; ++k) {
      for (Index s = 0; s < draws; ++s) {
        const auto i = static_cast<std::size_t>(s);
        scratch.row_mean[i] = scratch.mean(k, s);
        scratch.row_simulated[i] = scratch.simulated[static_cast<std::size_t>(s * count + k)];
        if (rows_.responses) scratch.row_density[i] = scratch.density(k, s);
      }
      const RowPrediction row = diagnostics::predict_row(scratch.row_mean, scratch.row_simulated, scratch.row_density);
      const Index global = range.first + k;
      const auto held = static_cast<std::size_t>(global - rows_.table->held.first);
      const double response = rows_.responses ? rows_.table->response[held] : std::numeric_limits<double>::quiet_NaN();
      if (rows_.responses) PredictiveSummary::add(row, response, scratch.row_density, partial);
      if (global < rows_.part.kept) keep(global, row, response);
      for (Index f = 0; f < functions_; ++f)
        kept_functions_[static_cast<std::size_t>(f * rows_.part.rows + global)] = scratch.row_mean[static_cast<std::size_t>(f)];
    }
  }

  void keep(Index row, const RowPrediction& prediction, double response) const {
    double covariate = std::numeric_limits<double>::quiet_NaN();
    if (rows_.covariate >= 0) covariate = rows_.shift + rows_.scale * rows_.table->row(row)[rows_.covariate];
    const std::vector<double> values = listed(prediction, covariate, response);
    std::copy(values.begin(), values.end(), kept_.begin() + row * static_cast<Index>(values.size()));
  }

  const PredictiveRows& rows_;
  tiles::ConstBatchView theta_;
  std::span<const double> columns_;
  random::Stream stream_;
  std::span<double> kept_;
  std::span<double> kept_functions_;  ///< [function x row]
  Index functions_;
};

/// This rank's tiles, folded over all shards. `threads` tiles at a time wait for the fold, which takes them in order.
void fold_part(const PredictiveRows& rows, const PartPredictor& predictor, const cluster::Communicator& shards, int threads,
               std::vector<Scratch>& scratch, std::span<double> result) {
  const std::size_t size = result.size();
  const auto nodes = rows.tiles.nodes(shards.rank());
  const Range owned = rows.tiles.range(shards.rank());
  AlignedVector partials(nodes.size() * size);
  Range waiting{owned.first, owned.first};
  std::vector<double> buffer;
  const auto leaf = [&](Index tile, std::span<double> out) {
    if (tile >= waiting.last) {
      waiting = {tile, std::min(tile + kTilesPerThread * threads, owned.last)};
      buffer.assign(static_cast<std::size_t>(waiting.size()) * size, 0.0);
      FirstError error;
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic, 1)
      for (Index t = waiting.first; t < waiting.last; ++t) {
        error.catch_from([&] {
          predictor.tile(t, scratch[static_cast<std::size_t>(threads > 1 ? omp_get_thread_num() : 0)],
                         std::span<double>(buffer).subspan(static_cast<std::size_t>(t - waiting.first) * size, size));
        });
      }
      error.rethrow();
    }
    std::copy_n(buffer.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(tile - waiting.first) * size), size, out.begin());
  };
  tiles::NodeFolder folder;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    folder.fold(rows.tiles.tree(), nodes[n], leaf, PredictiveSummary::merge, std::span<double>(partials).subspan(n * size, size));
  }
  cluster::fold_across(shards, rows.tiles, static_cast<Index>(size), partials, PredictiveSummary::merge, cluster::Reduce::exact, result);
}

}  // namespace

PredictiveTables load_predictive(const DataPlan& plan, const Settings& settings, const cluster::Communicator& shards,
                                 std::vector<double> moments) {
  PredictiveTables tables;
  for (const PredictedPart& part : predicted_parts(settings, &plan)) {
    if (part.name == "test") tables.test = load_test_share(plan, shards, moments);
    if (part.name == "grid") {
      tables.grid = grid_table(plan, moments, covariate_column(settings, plan.dataset), part.rows, settings.predictive.grid_margin);
    }
  }
  tables.moments = std::move(moments);
  return tables;
}

PredictiveProblem predictive_problem(const Settings& settings, const DataPlan& plan, const models::Model& model,
                                     const data::Table& training, const PredictiveTables& tables, Index shards) {
  PredictiveProblem problem;
  const Index covariate = covariate_column(settings, plan.dataset);
  for (const PredictedPart& part : predicted_parts(settings, &plan)) {
    PredictiveRows rows;
    rows.part = part;
    rows.row_tile = plan.row_tile;
    rows.covariate = covariate;
    if (covariate >= 0 && plan.settings.standardize) {
      const data::ColumnMoments columns{tables.moments};
      rows.shift = columns.mean(static_cast<std::size_t>(covariate));
      rows.scale = columns.sd(static_cast<std::size_t>(covariate));
    }
    if (part.name == "training") {
      rows.table = &training;
      rows.model = &model;
      rows.tiles = plan.tiles(shards, 0);
    } else {
      const bool grid = part.name == "grid";
      rows.table = grid ? &tables.grid : &tables.test;
      problem.models.push_back(make_model(settings, rows.table));
      rows.model = problem.models.back().get();
      // A grid is small and on every rank: the first one predicts it.
      rows.tiles = {data::row_tiles(part.rows, plan.row_tile), 1, grid ? 1 : shards};
      rows.responses = !grid;
    }
    problem.parts.push_back(std::move(rows));
  }
  return problem;
}

void predict_rows(const PredictiveProblem& problem, tiles::ConstBatchView theta, std::uint64_t seed, Index repeat,
                  const cluster::Communicator& shards, int threads, Work& work, FitRecord& record) {
  if (problem.parts.empty()) return;
  Stopwatch watch;
  const auto dim = static_cast<std::size_t>(theta.dim);
  std::vector<double> columns(dim * static_cast<std::size_t>(theta.count));
  for (Index s = 0; s < theta.count; ++s) {
    for (Index d = 0; d < theta.dim; ++d) columns[static_cast<std::size_t>(s) * dim + static_cast<std::size_t>(d)] = theta(d, s);
  }
  std::vector<Scratch> scratch(static_cast<std::size_t>(threads));
  // Rows of other ranks are zeros here: a sum in any order puts all together.
  std::fill(record.predicted_rows.begin(), record.predicted_rows.end(), 0.0);
  std::size_t first_kept = 0;
  const cluster::Communicator alone = cluster::Communicator::serial();
  for (std::size_t p = 0; p < problem.parts.size(); ++p) {
    const PredictiveRows& rows = problem.parts[p];
    const auto kept = static_cast<std::size_t>(rows.part.kept) * prediction_columns.size();
    const std::span<double> all_kept = std::span<double>(record.predicted_rows).subspan(first_kept, kept);
    first_kept += kept;
    if (!rows.responses && shards.rank() != 0) continue;
    // The part's place keeps rows of one number in different parts apart; behind it, rows beyond 2^32.
    const random::Stream stream{seed, random::Purpose::response_draw, static_cast<std::uint32_t>(p) << 16U,
                                static_cast<std::uint32_t>(repeat) << 24U, 0};
    // Lines along a grid: the mean responses of the first draws.
    const std::span<double> functions = rows.responses ? std::span<double>() : std::span<double>(record.functions);
    const PartPredictor predictor(rows, theta, columns, stream, all_kept, functions);
    std::vector<double> partial(rows.responses ? PredictiveSummary::size(theta.count) : 1);
    if (rows.responses) {
      fold_part(rows, predictor, shards, threads, scratch, partial);
    } else {
      for (Index tile = 0; tile < rows.tiles.leaves; ++tile) predictor.tile(tile, scratch[0], partial);
    }
    PredictiveFigures figures;
    if (rows.responses)
      figures = PredictiveSummary::figures(partial);
    else
      figures = PredictiveSummary::figures(std::vector<double>(PredictiveSummary::size(theta.count)));
    figures.rows = static_cast<double>(rows.part.rows);
    const std::vector<double> values = listed(figures);
    std::copy(values.begin(), values.end(), record.predictive.begin() + static_cast<std::ptrdiff_t>(p * values.size()));
  }
  work.kernel_s += watch.lap();
  if (shards.size() > 1) shards.sum_in_any_order(record.predicted_rows);
  work.communication_s += watch.lap();
}

}  // namespace variscope::experiments
