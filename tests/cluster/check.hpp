/// Checks of programs that run under mpirun: failures are counted, printed with their rank, and agreed upon at the end.
#pragma once

#include <cstdio>
#include <sstream>
#include <string>

#include "cluster/communicator/communicator.hpp"

namespace variscope::test {

class Checks {
 public:
  explicit Checks(const cluster::Communicator& world) : world_(world) {}

  /// `where` is printed if `good` does not hold; only the first few of a rank are.
  void that(bool good, const std::string& where) {
    ++made_;
    if (good) return;
    if (++failed_ <= 10) std::fprintf(stderr, "rank %d of %d: %s\n", world_.rank(), world_.size(), where.c_str());
  }
  template <class A, class B>
  void equal(const A& is, const B& expected, const std::string& where) {
    if (is == expected) {
      that(true, where);
      return;
    }
    std::ostringstream text;
    text << where << ": is " << is << ", expected " << expected;
    that(false, text.str());
  }

  /// The exit status: 0 only if every rank has checked something and nothing failed anywhere. Collective.
  [[nodiscard]] int status() const { return world_.maximum(failed_ > 0 || made_ == 0 ? 1.0 : 0.0) > 0 ? 1 : 0; }

 private:
  const cluster::Communicator& world_;
  long made_ = 0;
  long failed_ = 0;
};

}  // namespace variscope::test
