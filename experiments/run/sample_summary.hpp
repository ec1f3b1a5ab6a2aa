/// What a sampler table says about one cell, computed from its trace file.
#pragma once

#include <string>
#include <vector>

#include "engine/diagnostics/chain_summary.hpp"
#include "engine/store/trace_file.hpp"

namespace variscope::experiments {

/// Density evaluations; a value costs half a gradient.
struct SamplerWork {
  double gradients = 0;
  double values = 0;
  [[nodiscard]] double equivalents() const { return gradients + 0.5 * values; }
};

struct SamplerSummary {
  std::string cell;
  std::string sampler;
  Index chains = 0;
  Index failed = 0;                ///< chains that met a state without density; left out of everything but `work`
  Index draws = 0;                 ///< stored of each chain
  Index iterations = 0;            ///< of each chain, behind the warm-up
  std::vector<double> weights{};   ///< [weight_figures]; empty: draws carry none
  bool stopped = false;            ///< a rule held twice in a row and ended them
  Index rows = 0;                  ///< of the data; 0: none
  std::vector<std::string> names;  ///< of the stored scalars: "theta[1,0]"
  std::vector<diagnostics::ChainSummary> variables;
  std::vector<double> nested_rhat{};  ///< of the same scalars; empty, or NaN: not computed
  SamplerWork work;                   ///< of the draws, all chains
  SamplerWork warmup_work;
  double divergences = 0;      ///< behind the warm-up; NaN where the sampler has none
  double depth_hits = 0;       ///< trees that stopped for their depth alone; NaN likewise
  double acceptance = 0;       ///< mean over iterations and chains; NaN likewise
  double energy_fraction = 0;  ///< E-BFMI of the worst chain; NaN likewise

  /// The scalar of least min(bulk, tail) ESS, and that of the largest R-hat; the first of equals. One that is undefined is worse than all.
  [[nodiscard]] std::size_t worst_size() const;
  [[nodiscard]] std::size_t worst_rhat() const;
  /// min(bulk, tail) of a scalar.
  [[nodiscard]] double size_of(std::size_t variable) const;
  /// "R-hat of theta[1] is 1.03 (> 1.01)": what has to be read first.
  [[nodiscard]] std::vector<std::string> warnings() const;
};

/// The quantiles in every summary: 5 %, 50 %, 95 %.
const std::vector<double>& summary_probabilities();

/// Reads a few scalars at a time: memory O(threads x chains x draws). threads do not change a bit. rows: of the cell's data.
SamplerSummary summarise_trace(const store::TraceFile& file, const store::TraceLayout& layout, Index rows, int threads);

}  // namespace variscope::experiments
