/// Numbers stored for every data row, as a model: what a minibatch says of them is evaluated, cut and folded like a log likelihood.
#pragma once

#include <span>

#include "engine/models/model.hpp"

namespace variscope::estimators {

/// The "gradient" of row n is entries[n dim .. (n + 1) dim), wherever theta lies; no value, no prior, nothing counted.
class RowTable final : public models::Model {
 public:
  /// entries: rows x dim at least, or none, all zero then; outlives the object.
  RowTable(std::span<const double> entries, Index rows, Index dim) : entries_(entries), rows_(rows), dim_(dim) {}

  [[nodiscard]] Index dim() const override { return dim_; }
  [[nodiscard]] Index rows() const override { return rows_; }
  void log_prior(models::ConstBatchView, models::Evaluation&) const override {}
  /// wanted: the gradient alone. Every column gets the same. Cost O(rows dim columns).
  void log_likelihood(const models::RowList& rows, models::ConstBatchView theta, models::Evaluation& out) const override {
    for (Index k = 0; k < rows.size() && !entries_.empty(); ++k) {
      const double* entry = entries_.data() + rows[k] * dim_;
      for (Index d = 0; d < dim_; ++d) {
        for (Index c = 0; c < theta.count; ++c) out.out(1 + d, c) += entry[d];
      }
    }
  }

 private:
  std::span<const double> entries_;
  Index rows_;
  Index dim_;
};

}  // namespace variscope::estimators
