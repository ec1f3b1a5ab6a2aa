/// Hashing the executable and /proc/cpuinfo's flags.
#include "experiments/run/identity.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "engine/error.hpp"
#include "engine/store/sha256.hpp"

namespace variscope::experiments {

namespace {

std::string cpu_line(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(key, 0) != 0) continue;
    const std::size_t colon = line.find(':');
    return colon == std::string::npos ? "" : line.substr(std::min(colon + 2, line.size()));
  }
  return "unknown";
}

}  // namespace

std::string Identity::text() const { return program + "\n" + cpu_model + "\n" + cpu_features; }

Identity this_identity() {
  const std::string flags = cpu_line("flags");
  return {store::sha256_file("/proc/self/exe"), cpu_line("model name"), store::sha256(flags)};
}

void require_equal(const std::vector<std::string>& texts) {
  const auto lines = [](const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) parts.push_back(line);
    parts.resize(3);
    return parts;
  };
  const auto first = lines(texts.front());
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    const auto other = lines(texts[rank]);
    if (other[0] != first[0]) {
      throw UserError(
          fmt::format("rank {} runs another program than rank 0 (executable hash {:.12} against {:.12}). Install one build on all hosts.",
                      rank, other[0], first[0]));
    }
    if (other[2] != first[2]) {
      throw UserError(fmt::format(
          "rank {} runs on another kind of CPU than rank 0 ({} against {}), so bits would differ. Ask the scheduler for nodes of one kind.",
          rank, other[1], first[1]));
    }
  }
}

void check_identities(const cluster::Communicator& world) { require_equal(world.all_gather(this_identity().text())); }

}  // namespace variscope::experiments
