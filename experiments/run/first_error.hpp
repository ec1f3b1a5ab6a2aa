/// The first exception of a parallel region, kept until the region has ended: none may leave it.
#pragma once

#include <exception>

namespace variscope::experiments {

class FirstError {
 public:
  /// Runs the function; an exception is kept if it is the first.
  template <class Function>
  void catch_from(Function&& function) noexcept {
    try {
      function();
    } catch (...) {
#pragma omp critical(variscope_first_error)
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

}  // namespace variscope::experiments
