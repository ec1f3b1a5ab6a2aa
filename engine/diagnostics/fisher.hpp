/// The family's member at a stored point, from what the cell says about it: its Fisher information, and whether it is mean-field.
#pragma once

#include <vector>

#include "engine/record.hpp"

namespace variscope::diagnostics {

/// 1 / F_pp, F being the Fisher information of the cell's family at the point: sum_p Var g_p / F_pp does not depend on the
/// parameterisation of each coordinate. [parameter]; empty if the family is unknown or does not know F in closed form.
/// Cost: one member of the family.
std::vector<double> fisher_weights(const CellRecord& cell, const PointRecord& point);

/// Whether the cell's family is the mean-field Gaussian, lambda = (m, log s): what rounding_floor() asks. False if the family is unknown.
bool is_mean_field(const CellRecord& cell, const PointRecord& point);

}  // namespace variscope::diagnostics
