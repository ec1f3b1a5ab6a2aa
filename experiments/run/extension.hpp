/// More replicates for a complete variance study, whose run.h5 becomes the first checkpoint of a larger one; more steps for complete fits.
#pragma once

#include "cluster/communicator/communicator.hpp"
#include "experiments/command/actions.hpp"

namespace variscope::experiments {

/// Makes a run that can be resumed out of the complete one in options.output: the study with options.extend replicates, of which those of
/// run.h5 are done. Batches keep their size, so that the study is the one planned with `count = extend` and as many more batches (and
/// crossed designs), to the same hash. run.h5 stays until the larger one replaces it. An extension under way is left as it is, if it is
/// of the same size. A study of fits becomes the one of options.extend steps, whose fits go on from the states in run.h5. Throws UserError
/// where the batches do not allow it. Collective.
void begin_extension(const RunOptions& options, const cluster::Communicator& world);

}  // namespace variscope::experiments
