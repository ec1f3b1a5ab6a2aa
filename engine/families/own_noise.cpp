/// The three normal families' own noise.
#include "engine/families/own_noise.hpp"

#include <stdexcept>

#include "engine/families/full_rank_gaussian.hpp"
#include "engine/families/low_rank_gaussian.hpp"
#include "engine/families/mean_field_gaussian.hpp"

namespace variscope::families {

namespace {

const std::vector<double>* scale_of(const Family& family) {
  if (const MeanFieldGaussian* q = family.mean_field_gaussian()) return &q->scale();
  if (const auto* q = dynamic_cast<const LowRankGaussian*>(&family)) return &q->scale();
  return nullptr;
}

}  // namespace

OwnNoise::OwnNoise(const Family& family)
    : dim_(family.dim()), scale_(scale_of(family)), full_(dynamic_cast<const FullRankGaussian*>(&family)) {
  if (scale_ == nullptr && full_ == nullptr) throw std::logic_error("OwnNoise: not a normal family of the catalogue");
}

bool OwnNoise::known(const Family& family) {
  return scale_of(family) != nullptr || dynamic_cast<const FullRankGaussian*>(&family) != nullptr;
}

double OwnNoise::slope(Index i, Index k) const {
  if (i < k || (diagonal() && i != k)) return 0;
  return diagonal() ? (*scale_)[static_cast<std::size_t>(k)] : full_->factor(i, k);
}

void OwnNoise::solve_transposed(std::span<double> x) const {
  for (Index k = dim_; k-- > 0;) {
    double rest = x[static_cast<std::size_t>(k)];
    for (Index i = k + 1; !diagonal() && i < dim_; ++i) rest -= full_->factor(i, k) * x[static_cast<std::size_t>(i)];
    x[static_cast<std::size_t>(k)] = rest / slope(k, k);
  }
}

}  // namespace variscope::families
