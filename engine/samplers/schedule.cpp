/// Packing requests into lane blocks, one evaluation, unpacking, resuming.
#include "engine/samplers/schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/simd/pack.hpp"

namespace variscope::samplers {

namespace {

using tiles::kLanes;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Lane block `to` (dim x 8) of eight columns, each dim doubles.
void pack_block(const std::array<const double*, kLanes>& columns, Index dim, double* to) {
  const Index whole = dim / simd::kWidth * simd::kWidth;
  for (Index d = 0; d < whole; d += simd::kWidth) {
    for (Index lane = 0; lane < kLanes; lane += simd::kWidth) {
      simd::Pack square[simd::kWidth];
      for (Index i = 0; i < simd::kWidth; ++i) square[i] = simd::load(columns[static_cast<std::size_t>(lane + i)] + d);
      simd::transpose(square);
      for (Index i = 0; i < simd::kWidth; ++i) simd::store(to + (d + i) * kLanes + lane, square[i]);
    }
  }
  for (Index d = whole; d < dim; ++d) {
    for (Index lane = 0; lane < kLanes; ++lane) to[d * kLanes + lane] = columns[static_cast<std::size_t>(lane)][d];
  }
}

/// The inverse, for the first `live` columns.
void unpack_block(const double* from, Index dim, Index live, const std::array<double*, kLanes>& columns) {
  const Index whole = dim / simd::kWidth * simd::kWidth;
  for (Index d = 0; d < whole; d += simd::kWidth) {
    for (Index lane = 0; lane < live; lane += simd::kWidth) {
      simd::Pack square[simd::kWidth];
      for (Index i = 0; i < simd::kWidth; ++i) square[i] = simd::load(from + (d + i) * kLanes + lane);
      simd::transpose(square);
      const Index count = std::min<Index>(simd::kWidth, live - lane);
      for (Index i = 0; i < count; ++i) simd::store(columns[static_cast<std::size_t>(lane + i)] + d, square[i]);
    }
  }
  for (Index d = whole; d < dim; ++d) {
    for (Index lane = 0; lane < live; ++lane) columns[static_cast<std::size_t>(lane)][d] = from[d * kLanes + lane];
  }
}

/// body(i) for i < count, by threads if there is work for more than one: entering a parallel region costs as much as a request.
template <class Body>
void for_each(int threads, bool worthwhile, Index count, const Body& body) {
  if (threads > 1 && worthwhile) {
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (Index i = 0; i < count; ++i) body(i);
  } else {
    for (Index i = 0; i < count; ++i) body(i);
  }
}

}  // namespace

Schedule::Schedule(const Sampler& sampler, const Density& density, const Run& run, int threads)
    : sampler_(sampler), density_(density), run_(run), threads_(threads) {}

void Schedule::begin(Slot& slot) {
  std::fill(slot.record.begin(), slot.record.end(), kNan);
  slot.step.gradients_ = slot.step.values_ = 0;
  slot.transition = sampler_.step(slot.step);
  slot.step.waiting_ = slot.transition.handle();
  slot.fresh = false;
}

bool Schedule::end(Slot& slot, Index place) {
  Chain& chain = *slot.step.chain;
  ++chain.iteration;
  if (!std::isfinite(chain.log_density)) {
    chain.status = ChainStatus::failed;
    chain.log_density = kNan;
    std::fill(chain.position.begin(), chain.position.end(), kNan);
  }
  slot.record[0] = chain.log_density;
  slot.record[1] = static_cast<double>(slot.step.gradients_);
  slot.record[2] = static_cast<double>(slot.step.values_);
  slot.record[3] = static_cast<double>(chain.status);
  (*observe_)(place, chain, slot.record);
  return chain.iteration < last_;
}

void Schedule::skip(Slot& slot) {
  std::fill(slot.record.begin(), slot.record.end(), kNan);
  slot.step.gradients_ = slot.step.values_ = 0;
  while (end(slot, &slot - slots_.data())) {
  }
}

void Schedule::advance(Slot& slot) {
  try {
    if (slot.fresh) begin(slot);
    for (;;) {
      slot.step.waiting_.resume();
      if (!slot.transition.done()) return;
      slot.transition.rethrow();
      if (!end(slot, &slot - slots_.data())) break;
      if (slot.step.chain->status == ChainStatus::failed) {
        skip(slot);
        break;
      }
      begin(slot);
    }
  } catch (...) {
    slot.error = std::current_exception();
  }
  slot.live = false;
}

void Schedule::collect(const Requests& among) {
  values_.clear();
  gradients_.clear();
  for (Slot* slot : among) {
    if (!slot->live) continue;
    (slot->step.gradient_ == nullptr ? values_ : gradients_).push_back(slot);
  }
  asked_.assign(values_.begin(), values_.end());
  asked_.insert(asked_.end(), gradients_.begin(), gradients_.end());
}

void Schedule::evaluate(const Requests& requests, bool gradients, tiles::Batch& out) {
  const auto count = static_cast<Index>(requests.size());
  const Index dim = sampler_.dim();
  theta_.resize(dim, count);
  const models::Wanted wanted{.value = true, .gradient = gradients};
  out.resize(wanted.rows(dim), count);
  for_each(threads_, count > kLanes, theta_.blocks(), [&](Index b) {
    std::array<const double*, kLanes> columns;
    // Lanes behind the last column repeat it: they are computed, and a number that traps or is slow must not stand there.
    for (Index lane = 0; lane < kLanes; ++lane)
      columns[static_cast<std::size_t>(lane)] = requests[static_cast<std::size_t>(std::min(b * kLanes + lane, count - 1))]->step.theta_;
    pack_block(columns, dim, theta_.view().block(b));
  });
  density_.evaluate(theta_.view(), wanted, {}, out.view());
  ++traffic_.batches;
  traffic_.columns += count;
  traffic_.live += static_cast<Index>(asked_.size());
}

void Schedule::settle(const Requests& requests, const tiles::Batch& out) {
  const auto count = static_cast<Index>(requests.size());
  const Index dim = out.dim() - 1;
  for_each(threads_, count > kLanes, out.blocks(), [&](Index b) {
    const double* block = out.view().block(b);
    const Index live = std::min(kLanes, count - b * kLanes);
    Slot* const* slots = requests.data() + b * kLanes;
    std::array<double*, kLanes> columns{};
    for (Index lane = 0; lane < live; ++lane) {
      slots[lane]->step.value_ = block[lane];
      columns[static_cast<std::size_t>(lane)] = slots[lane]->step.gradient_;
    }
    if (dim > 0) unpack_block(block + kLanes, dim, live, columns);
    for (Index lane = 0; lane < live; ++lane) advance(*slots[lane]);
  });
}

void Schedule::run(std::span<Chain> chains, Index last, std::span<const double> shared, const Observe& observe) {
  const std::size_t size = recorded_statistics(sampler_).size();
  const Index stride = padded(sampler_.scratch_size());
  last_ = last;
  observe_ = &observe;
  slots_.clear();
  slots_.resize(chains.size());
  scratch_.resize(chains.size() * static_cast<std::size_t>(stride));
  Requests first;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    Slot& slot = slots_[i];
    slot.step.chain = &chains[i];
    slot.step.run = run_;
    slot.step.shared = shared;
    slot.step.scratch = scratch_.data() + static_cast<Index>(i) * stride;
    slot.record.resize(size);
    slot.step.statistics = std::span<double>(slot.record).subspan(common_statistics().size());
    if (chains[i].iteration >= last) continue;
    if (chains[i].status == ChainStatus::failed) {
      skip(slot);
      continue;
    }
    slot.live = true;
    first.push_back(&slot);
  }
  const auto started = static_cast<Index>(first.size());
  for_each(threads_, started > kLanes, (started + kLanes - 1) / kLanes, [&](Index b) {
    const Index end = std::min(started, (b + 1) * kLanes);
    for (Index i = b * kLanes; i < end; ++i) advance(*first[static_cast<std::size_t>(i)]);
  });
  collect(first);
  while (!asked_.empty()) {
    if (!values_.empty()) evaluate(values_, false, value_out_);
    if (!gradients_.empty()) evaluate(gradients_, true, gradient_out_);
    if (!values_.empty()) settle(values_, value_out_);
    if (!gradients_.empty()) settle(gradients_, gradient_out_);
    before_.swap(asked_);
    collect(before_);
  }
  for (const Slot& slot : slots_) {
    if (slot.error) std::rethrow_exception(slot.error);
  }
}

}  // namespace variscope::samplers
