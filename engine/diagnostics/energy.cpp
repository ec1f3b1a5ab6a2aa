/// The energy fraction of one chain.
#include "engine/diagnostics/energy.hpp"

#include "engine/diagnostics/chain_draws.hpp"

namespace variscope::diagnostics {

double energy_fraction(std::span<const double> energies) {
  double steps = 0;
  for (std::size_t i = 1; i < energies.size(); ++i) steps += (energies[i] - energies[i - 1]) * (energies[i] - energies[i - 1]);
  return steps / square_sum(energies, mean_of(energies));
}

}  // namespace variscope::diagnostics
