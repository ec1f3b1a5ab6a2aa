/// One environment variable, looked at once.
#include "engine/store/fault.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace variscope::store {
namespace {

/// What is left to count down to.
struct Fault {
  std::string step;
  long times = 0;
};

Fault parse(const std::string& asked) {
  const auto colon = asked.rfind(':');
  if (colon == std::string::npos) return {};
  return {asked.substr(0, colon), std::strtol(asked.c_str() + colon + 1, nullptr, 10)};
}

Fault& the_fault() {
  static Fault fault = [] {
    const char* text = std::getenv("VARISCOPE_FAULT");
    return text == nullptr ? Fault{} : parse(text);
  }();
  return fault;
}

std::string kind_of(const std::filesystem::path& target) {
  const auto name = target.filename().string();
  if (name.starts_with("seg.")) return "segment";
  if (name == "MANIFEST") return "manifest";
  if (name == "MANIFEST.previous") return "previous";
  return name == "run.h5" ? "run" : "file";
}

}  // namespace

bool set_fault(const std::string& asked) {
  the_fault() = parse(asked);
  return the_fault().times > 0;
}

void fault_point(std::string_view step) {
  Fault& fault = the_fault();
  if (fault.times <= 0 || fault.step != step || --fault.times != 0) return;
  ::kill(::getpid(), SIGKILL);
}

void fault_point(const std::filesystem::path& target, std::string_view step) {
  if (the_fault().times > 0) fault_point(kind_of(target) + "." + std::string(step));
}

}  // namespace variscope::store
