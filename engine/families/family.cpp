/// What a family need not write itself.
#include "engine/families/family.hpp"

#include <algorithm>
#include <stdexcept>

#include "engine/tiles/batch.hpp"

namespace variscope::families {

void Family::add_weighted_score(ConstBatchView noise, ConstBatchView z, Index first, Index last, std::span<const double> weights,
                                std::span<double> sum) const {
  tiles::Batch scores;
  for (Index block = first / tiles::kLanes; block * tiles::kLanes < last; ++block) {
    scores.resize(parameters(), tiles::kLanes);
    score(noise.slice(block, block + 1), z.slice(block, block + 1), scores.view());
    for (Index c = std::max(first, block * tiles::kLanes); c < std::min(last, (block + 1) * tiles::kLanes); ++c) {
      const double w = weights[static_cast<std::size_t>(c - first)];
      for (Index p = 0; p < parameters(); ++p) sum[static_cast<std::size_t>(p)] += w * scores(p, c % tiles::kLanes);
    }
  }
}

void Family::add_entropy_gradient(std::span<double>) const {
  throw std::logic_error("add_entropy_gradient of a family whose entropy has no closed form");
}

void Family::add_pathwise(ConstBatchView, ConstBatchView, ConstBatchView, Index, Index, Index, std::span<double>) const {
  throw std::logic_error("add_pathwise of a family that is not reparameterisable");
}

void Family::grad_log_density(ConstBatchView, ConstBatchView, BatchView) const {
  throw std::logic_error("grad_log_density of a family without a density on R^dim");
}

void Family::covariance(std::span<double>) const { throw std::logic_error("covariance of a family that is not Gaussian"); }

void Family::add_gaussian_chain(std::span<const double>, std::span<const double>, bool, std::span<double>) const {
  throw std::logic_error("add_gaussian_chain of a family that is not Gaussian");
}

void Family::list_states(BatchView) const { throw std::logic_error("list_states of a family that has too many, or none"); }

void Family::add_normal_gradient(std::span<const double>, std::span<const double>, std::span<double>) const {
  throw std::logic_error("add_normal_gradient of a family that declares none");
}

}  // namespace variscope::families
