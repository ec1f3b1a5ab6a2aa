/// Models whose evaluations take memory of their own, beside the batches they are handed.
#pragma once

namespace variscope::models {

/// What a model is besides, if a plan has to count what its evaluations allocate.
class Workspace {
 public:
  /// Bytes in use at most while one thread evaluates a column, value and gradient.
  [[nodiscard]] virtual double work_bytes() const = 0;

 protected:
  Workspace() = default;
  ~Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
};

}  // namespace variscope::models
