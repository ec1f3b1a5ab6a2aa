/// Figures of chains: traces, ranks by chain, effective sizes against draws, energies.
#pragma once

#include <string>
#include <vector>

#include "engine/store/trace_file.hpp"
#include "experiments/report/chart.hpp"
#include "experiments/run/sample_summary.hpp"

namespace variscope::experiments {

/// What the figures of one cell draw: its scalar of least effective size, small enough to keep whatever the number of draws.
struct SamplerPicture {
  std::string heading;  ///< "cell_000, nuts: theta[1]"
  std::string cell;
  std::string label;                       ///< of the sampler in figures that show several
  std::vector<double> positions;           ///< of the trace's points: stored draws
  std::vector<std::vector<double>> trace;  ///< [chain][point], at most eight chains and 500 points
  std::vector<std::vector<double>> ranks;  ///< [chain][bin]: draws over those of a uniform; at most eight chains
  std::vector<Index> sizes_at;             ///< stored draws of each chain
  std::vector<double> sizes;               ///< min(bulk, tail) ESS of that many
  std::vector<double> energy_bins;         ///< centres, in standard deviations of the energy
  std::vector<double> energies;            ///< density of E - mean
  std::vector<double> energy_steps;        ///< density of E_i - E_(i-1); empty: no energies
};

/// Memory and time O(chains x draws). Chains that failed are left out.
SamplerPicture picture_of(const store::TraceFile& file, const store::TraceLayout& layout, const SamplerSummary& summary,
                          const std::string& label);

/// "trace", "ranks", "ess", and "energy" where a sampler has one.
std::vector<Figure> sampler_figures(const std::vector<SamplerPicture>& pictures, const std::string& study);

}  // namespace variscope::experiments
