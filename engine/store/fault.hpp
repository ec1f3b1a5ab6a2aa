/// Places where a test can end the process: between any two steps of a commit.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace variscope::store {

/// Ends the process by SIGKILL if the environment asks for it: VARISCOPE_FAULT=STEP:N names the N-th time (from 1) that this process comes
/// to a step. Steps of any durable file: "KIND.written" (complete beside its name), "KIND.synchronised", "KIND.renamed", "KIND.committed"
/// (the directory is synchronised too), where KIND is "segment", "manifest", "previous", "run" or "file"; steps of the cleaning up at the
/// end: "clean.begin", "clean.manifest", "clean.segment", "clean.end". Costs a look at one pointer where nothing is asked for.
void fault_point(std::string_view step);
/// What VARISCOPE_FAULT says, for a process that has looked at it already. Returns whether it is understood.
bool set_fault(const std::string& asked);
/// The same for a step of a durable file.
void fault_point(const std::filesystem::path& target, std::string_view step);

}  // namespace variscope::store
