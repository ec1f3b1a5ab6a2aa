/// `variscope data synth` on all ranks.
#include <fmt/format.h>

#include "cluster/communicator/communicator.hpp"
#include "experiments/command/actions.hpp"

namespace variscope::experiments {

int write_synthetic(const SynthRequest& request) {
  const auto world = cluster::Communicator::world();
  synth_data(request.data, world);
  if (world.rank() == 0) fmt::print("{}: {} rows x {} columns\n", request.data.output, request.data.rows, request.data.columns);
  return 0;
}

}  // namespace variscope::experiments
