/// Asked to leave, by a signal or by the clock. It decides when a run saves and leaves, never what it computes.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"

namespace variscope::experiments {

/// Exit status of a run that has saved its work and left early: run me again (`variscope resume`).
inline constexpr int kPausedStatus = 85;

/// From now on SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 ask to stop; a SIGINT after any of them ends the process at once (status 130).
/// seconds > 0: so does that much time from now.
void watch_for_stops(double seconds);
/// Whether this process was asked. May be called by any thread, at the cost of a look at the clock.
[[nodiscard]] bool stop_asked();
/// "SIGTERM", "time (600 s)"; empty if this process was not asked.
[[nodiscard]] std::string stop_reason();

/// Work was left undone because some rank was asked to stop. No error: what is finished is to be saved.
class Abandoned : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "asked to stop"; }
};

/// For ranks that work on one thing together: check() is called by all of them at the same places, and throws Abandoned on all or none.
class StopAgreement {
 public:
  /// axes: communicators whose product is the group, each outliving the object; those of one rank cost nothing.
  explicit StopAgreement(std::vector<const cluster::Communicator*> axes);
  /// The group agrees about four times a second, by its first rank's clock. Returns whether `save_s` seconds have passed since it last
  /// said so, on all ranks alike.
  bool check(double save_s = 1e300);

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<const cluster::Communicator*> axes_;
  bool alone_ = true;
  bool first_ = true;  ///< this rank is the group's first
  long every_ = 1;     ///< calls between two agreements
  long calls_ = 0;
  Clock::time_point last_ = Clock::now();
  Clock::time_point saved_ = Clock::now();
};

}  // namespace variscope::experiments
