/// What the chains of a cell will be: settings and trace file of each sampler, and about how many evaluations they take.
#pragma once

#include "experiments/plan/plan.hpp"

namespace variscope::experiments {

/// cell.chains and cell.exclusions from cell.settings. model: without rows, but of the right shape. data: nullptr if none. only: chains to
/// run; empty: all. Throws UserError with its place in the spec.
void plan_chains(const Spec& spec, const models::Model& model, const DataPlan* data, Range only, CellPlan& cell);

/// Draws that rows are predicted from: predictive.draws, or as many as are stored.
Index predictive_draws(const Settings& settings);

/// Trace and run files of this cell, in bytes.
double chain_file_bytes(const CellPlan& cell);

/// Bytes that a rank holds at the most beside evaluations: states of its chains, draws until the next checkpoint, diagnostics in the end.
double chain_work_bytes(const CellPlan& cell, const cluster::Layout& layout, int threads);

/// Evaluations of one iteration, by chains on independent standard normals in the target's place.
struct IterationWork {
  double gradients = 0;
  double values = 0;
  bool known = false;  ///< there was no such run: the sampler is too large for one, or needs the target itself
};
IterationWork iteration_work(const ChainsPlan& plan, const models::Model& model);

}  // namespace variscope::experiments
