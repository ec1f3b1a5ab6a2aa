/// A flag that signal handlers set, and how ranks agree on it.
#include "experiments/run/stop.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <utility>

namespace variscope::experiments {
namespace {

using Clock = std::chrono::steady_clock;

/// The first signal that came.
std::atomic<int> asked_by{0};
static_assert(std::atomic<int>::is_always_lock_free, "signal handlers may use nothing else");
/// Seconds from the start, and the moment itself; set before any thread asks.
double allowed_s = 0;
Clock::time_point time_is_up;

extern "C" void note_signal(int number) {
  int none = 0;
  if (asked_by.compare_exchange_strong(none, number)) return;
  // The user insists. Nothing unfinished has a name that counts, so nothing is damaged.
  if (number == SIGINT) ::_exit(128 + SIGINT);
}

}  // namespace

void watch_for_stops(double seconds) {
  allowed_s = seconds;
  time_is_up = Clock::now() + std::chrono::milliseconds(static_cast<long long>(std::ceil(1000 * seconds)));
  struct sigaction action {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) ::sigaction(number, &action, nullptr);
}

bool stop_asked() { return asked_by.load(std::memory_order_relaxed) != 0 || (allowed_s > 0 && Clock::now() >= time_is_up); }

std::string stop_reason() {
  switch (asked_by.load()) {
    case 0:
      return stop_asked() ? fmt::format("time ({} s)", allowed_s) : "";
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGUSR1:
      return "SIGUSR1";
    default:
      return "SIGUSR2";
  }
}

StopAgreement::StopAgreement(std::vector<const cluster::Communicator*> axes) : axes_(std::move(axes)) {
  for (const cluster::Communicator* axis : axes_) {
    alone_ = alone_ && axis->size() == 1;
    first_ = first_ && axis->rank() == 0;
  }
}

bool StopAgreement::check(double save_s) {
  const auto due = [&](Clock::time_point now) { return std::chrono::duration<double>(now - saved_).count() >= save_s; };
  if (alone_) {
    if (stop_asked()) throw Abandoned();
    if (!due(Clock::now())) return false;
    saved_ = Clock::now();
    return true;
  }
  if (++calls_ < every_) return false;
  std::array<double, 3> votes{stop_asked() ? 1.0 : 0.0, 0.0, 0.0};
  if (first_) {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    constexpr double spacing_s = 0.25;
    votes[1] =
        std::clamp(std::floor(spacing_s / std::max(seconds, 1e-9) * static_cast<double>(calls_)), 1.0, 2.0 * static_cast<double>(every_));
    votes[2] = due(now) ? 1.0 : 0.0;
  }
  for (const cluster::Communicator* axis : axes_) axis->sum_in_any_order(votes);
  calls_ = 0;
  every_ = std::max(1L, static_cast<long>(votes[1]));
  if (votes[0] > 0) throw Abandoned();
  if (votes[2] > 0) saved_ = Clock::now();
  return votes[2] > 0;
}

}  // namespace variscope::experiments
