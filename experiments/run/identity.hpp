/// What must be equal on all ranks for the bits promise: the program and the CPU's features.
#pragma once

#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"

namespace variscope::experiments {

/// Of this process: SHA-256 of the executable and of the CPU's feature list.
struct Identity {
  std::string program;
  std::string cpu_model;
  std::string cpu_features;  ///< hash
  [[nodiscard]] std::string text() const;
};

Identity this_identity();

/// Throws UserError naming the first rank that differs from rank 0 and in what. texts: Identity::text() in rank order.
void require_equal(const std::vector<std::string>& texts);

/// Collective: every rank compares itself with all others.
void check_identities(const cluster::Communicator& world);

}  // namespace variscope::experiments
