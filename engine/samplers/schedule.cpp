/// Packing requests into lane blocks, one evaluation, unpacking, resuming.
#include "engine/samplers/schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "engine/data/minibatch.hpp"
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

/// Values, and gradients where the block has them, to the queries of its first `live` lanes.
void unpack_queries(const tiles::Batch& out, Index b, Index live, Query* const* queries) {
  const double* block = out.view().block(b);
  std::array<double*, kLanes> columns{};
  for (Index lane = 0; lane < live; ++lane) {
    queries[lane]->value = block[lane];
    columns[static_cast<std::size_t>(lane)] = queries[lane]->gradient;
  }
  const Index dim = out.dim() - 1;
  if (dim > 0) unpack_block(block + kLanes, dim, live, columns);
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
  slot.step.gradients_ = slot.step.values_ = slot.step.rows_ = 0;
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
  slot.step.gradients_ = slot.step.values_ = slot.step.rows_ = 0;
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
  for (Round* round : {&values_, &gradients_, &rows_}) {
    round->requests.clear();
    round->queries.clear();
  }
  for (Slot* slot : among) {
    if (!slot->live) continue;
    const Step& step = slot->step;
    Round& round = step.batch_rows_ > 0 ? rows_ : step.queries_.front().gradient == nullptr ? values_ : gradients_;
    round.requests.push_back(slot);
    for (Query& query : step.queries_) round.queries.push_back(&query);
  }
  asked_.clear();
  for (const Round* round : {&values_, &gradients_, &rows_}) asked_.insert(asked_.end(), round->requests.begin(), round->requests.end());
}

void Schedule::evaluate(Round& round, bool gradients) {
  const auto count = static_cast<Index>(round.queries.size());
  const Index dim = sampler_.dim();
  theta_.resize(dim, count);
  const models::Wanted wanted{.value = true, .gradient = gradients};
  round.out.resize(wanted.rows(dim), count);
  for_each(threads_, count > kLanes, theta_.blocks(), [&](Index b) {
    std::array<const double*, kLanes> columns;
    // Lanes behind the last column repeat it: they are computed, and a number that traps or is slow must not stand there.
    for (Index lane = 0; lane < kLanes; ++lane)
      columns[static_cast<std::size_t>(lane)] = round.queries[static_cast<std::size_t>(std::min(b * kLanes + lane, count - 1))]->theta;
    pack_block(columns, dim, theta_.view().block(b));
  });
  density_.evaluate(theta_.view(), wanted, {}, round.out.view());
  ++traffic_.batches;
  traffic_.columns += count;
  traffic_.live += static_cast<Index>(asked_.size());
}

void Schedule::settle(const Round& round) {
  const auto count = static_cast<Index>(round.queries.size());
  const auto slots = static_cast<Index>(round.requests.size());
  // Chains go on as soon as their block is there, unless a chain waits for columns in several.
  const bool at_once = slots == count;
  for_each(threads_, count > kLanes, round.out.blocks(), [&](Index b) {
    const Index live = std::min(kLanes, count - b * kLanes);
    unpack_queries(round.out, b, live, round.queries.data() + b * kLanes);
    for (Index lane = 0; lane < live && at_once; ++lane) advance(*round.requests[static_cast<std::size_t>(b * kLanes + lane)]);
  });
  if (at_once) return;
  for_each(threads_, slots > kLanes, slots, [&](Index i) { advance(*round.requests[static_cast<std::size_t>(i)]); });
}

void Schedule::evaluate_rows() {
  const auto count = static_cast<Index>(rows_.requests.size());
  const Index dim = sampler_.dim();
  for (const Slot* slot : rows_.requests) {
    if (slot->step.batch_rows_ > density_.rows) throw std::logic_error("a sampler asks for more rows than the density has");
  }
  theta_.resize(dim, count * kLanes);
  const models::Wanted wanted{.value = true, .gradient = true};
  rows_.out.resize(wanted.rows(dim), count * kLanes);
  if (drawn_.size() < rows_.requests.size()) drawn_.resize(rows_.requests.size());
  block_rows_.resize(rows_.requests.size());
  for_each(threads_, count > 1, count, [&](Index r) {
    static thread_local data::MinibatchScratch scratch;
    const auto i = static_cast<std::size_t>(r);
    const Step& step = rows_.requests[i]->step;
    const auto stream = step.stream(random::Purpose::chain_rows, step.rows_minor_);
    data::draw_minibatch(stream, density_.rows, step.batch_rows_, data::Replacement::without, scratch, drawn_[i]);
    const std::span<Query> queries = step.queries_;
    block_rows_[i] = {static_cast<Index>(queries.size()), drawn_[i],
                      static_cast<double>(density_.rows) / static_cast<double>(step.batch_rows_)};
    std::array<const double*, kLanes> columns;
    for (std::size_t lane = 0; lane < columns.size(); ++lane) columns[lane] = queries[std::min(lane, queries.size() - 1)].theta;
    pack_block(columns, dim, theta_.view().block(r));
  });
  density_.evaluate_rows(theta_.view(), block_rows_, wanted, rows_.out.view());
  ++traffic_.batches;
  traffic_.columns += static_cast<Index>(rows_.queries.size());
  traffic_.live += static_cast<Index>(asked_.size());
}

void Schedule::settle_rows() {
  const auto count = static_cast<Index>(rows_.requests.size());
  for_each(threads_, count > 1, count, [&](Index r) {
    Slot& slot = *rows_.requests[static_cast<std::size_t>(r)];
    std::array<Query*, kLanes> queries{};
    for (std::size_t lane = 0; lane < slot.step.queries_.size(); ++lane) queries[lane] = &slot.step.queries_[lane];
    unpack_queries(rows_.out, r, static_cast<Index>(slot.step.queries_.size()), queries.data());
    advance(slot);
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
    if (!values_.requests.empty()) evaluate(values_, false);
    if (!gradients_.requests.empty()) evaluate(gradients_, true);
    if (!rows_.requests.empty()) evaluate_rows();
    if (!values_.requests.empty()) settle(values_);
    if (!gradients_.requests.empty()) settle(gradients_);
    if (!rows_.requests.empty()) settle_rows();
    before_.swap(asked_);
    collect(before_);
  }
  for (const Slot& slot : slots_) {
    if (slot.error) std::rethrow_exception(slot.error);
  }
}

}  // namespace variscope::samplers
