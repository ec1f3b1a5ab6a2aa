/// E-BFMI: how much of the energy's spread one momentum refreshment explores.
#pragma once

#include <span>

namespace variscope::diagnostics {

/// sum (E_i - E_{i-1})^2 / sum (E_i - mean)^2 of one chain's consecutive, unthinned energies (Betancourt 2016, arXiv:1604.00695, section
/// 6): 2 where they are independent, near 0 where they creep; below 0.3 is Stan's warning. NaN for fewer than two, or all equal.
double energy_fraction(std::span<const double> energies);

}  // namespace variscope::diagnostics
