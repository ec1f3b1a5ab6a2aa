/// Deliberate mistakes: the negative controls that the invariance tests must catch. No spec can name them.
#pragma once

namespace variscope::samplers {

enum class Flaw {
  none,
  accept_sign,        ///< accepts with the inverse ratio
  never_rejects,      ///< takes every proposal
  no_correction,      ///< leaves out the ratio of proposal densities, or the kinetic energy, from the acceptance
  half_step_missing,  ///< the last half step of the momentum
  last_state,         ///< a tree answers with the last state reached
};

}  // namespace variscope::samplers
