/// The two kinds of error a user sees: what he can mend (exit status 2) and what the machine did (exit status 1).
#pragma once

#include <stdexcept>
#include <string>

namespace variscope {

/// Something in the spec, the data or the command line is wrong. The text reads "place: problem (why). Suggestion."
class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file system, library or communication call failed. The text names the call, the object and the reason.
class SystemError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace variscope
