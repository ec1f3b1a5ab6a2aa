/// Moments as named arrays and counts as rows of numbers: the one list that segments, merging and run.h5 go by.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/record.hpp"

namespace variscope::store {

/// What an array has an entry for in every batch.
enum class Entries : std::size_t { batch, parameter, block, shard_block };

template <class Moments>
struct MomentArray {
  const char* name;
  const char* meaning;
  std::vector<double> Moments::*values;
  Entries entries;
};

/// All arrays of a kind of moments, in the order in which they are stored; their names differ between kinds too.
template <class Moments>
inline constexpr int moment_arrays = 0;

template <>
inline constexpr std::array<MomentArray<BatchMoments>, 5> moment_arrays<BatchMoments>{
    {{"count", "replicates in the batch", &BatchMoments::count, Entries::batch},
     {"sum", "sum over replicates of gradient minus reference", &BatchMoments::sum, Entries::parameter},
     {"square", "sum over replicates of (gradient minus reference) squared", &BatchMoments::square, Entries::parameter},
     {"norm", "sum over replicates of the squared distance of gradient and reference", &BatchMoments::norm, Entries::block},
     {"norm_square", "sum over replicates of the square of that squared distance", &BatchMoments::norm_square, Entries::block}}};

template <>
inline constexpr std::array<MomentArray<ComponentMoments>, 7> moment_arrays<ComponentMoments>{
    {{"component_count", "crossed designs in the batch", &ComponentMoments::count, Entries::batch},
     {"mean_square_noise", "sum over designs of the mean square between sample sets", &ComponentMoments::mean_square_noise,
      Entries::parameter},
     {"mean_square_rows", "sum over designs of the mean square between minibatches", &ComponentMoments::mean_square_rows,
      Entries::parameter},
     {"mean_square_interaction", "sum over designs of the mean square of what neither explains", &ComponentMoments::mean_square_interaction,
      Entries::parameter},
     {"trace_square_noise", "sum over designs of the squared trace of the mean square between sample sets",
      &ComponentMoments::trace_square_noise, Entries::block},
     {"trace_square_rows", "sum over designs of the squared trace of the mean square between minibatches",
      &ComponentMoments::trace_square_rows, Entries::block},
     {"trace_square_interaction", "sum over designs of the squared trace of the mean square of what neither explains",
      &ComponentMoments::trace_square_interaction, Entries::block}}};

template <>
inline constexpr std::array<MomentArray<ShardMoments>, 7> moment_arrays<ShardMoments>{
    {{"shard_count", "crossed designs within shards in the batch", &ShardMoments::count, Entries::batch},
     {"shard_noise", "sum over designs of the trace of the mean square between sample sets, within the shard",
      &ShardMoments::mean_square_noise, Entries::shard_block},
     {"shard_rows", "sum over designs of the trace of the mean square between minibatches of the shard", &ShardMoments::mean_square_rows,
      Entries::shard_block},
     {"shard_interaction", "sum over designs of the trace of the mean square of what neither explains, within the shard",
      &ShardMoments::mean_square_interaction, Entries::shard_block},
     {"shard_noise_square", "sum over designs of the square of shard_noise's trace", &ShardMoments::trace_square_noise,
      Entries::shard_block},
     {"shard_rows_square", "sum over designs of the square of shard_rows' trace", &ShardMoments::trace_square_rows, Entries::shard_block},
     {"shard_interaction_square", "sum over designs of the square of shard_interaction's trace", &ShardMoments::trace_square_interaction,
      Entries::shard_block}}};

/// Entries per batch.
Index width(const auto& moments, Entries entries) {
  return entries == Entries::parameter ? moments.parameters : entries == Entries::batch ? 1 : moments.blocks;
}

/// Whether every array has the size that the moments state.
template <class Moments>
bool is_whole(const Moments& moments) {
  bool whole = true;
  for (const auto& array : moment_arrays<Moments>) {
    whole = whole && static_cast<Index>((moments.*array.values).size()) == moments.batches * width(moments, array.entries);
  }
  return whole;
}

/// Whether batches of one are like batches of the other, however many.
inline bool alike(const BatchMoments& a, const BatchMoments& b) { return a.parameters == b.parameters && a.blocks == b.blocks; }
inline bool alike(const ComponentMoments& a, const ComponentMoments& b) {
  return a.parameters == b.parameters && a.blocks == b.blocks && a.row_sets == b.row_sets && a.noise_sets == b.noise_sets;
}

/// Dimensions behind point, estimator and batch.
inline std::vector<std::string> dimensions_of(Entries entries) {
  switch (entries) {
    case Entries::batch:
      return {};
    case Entries::parameter:
      return {"parameter"};
    case Entries::block:
      return {"block"};
    case Entries::shard_block:
      return {"shard", "block"};
  }
  return {};
}

/// Appends one number per kind of work.
inline void append(std::vector<Index>& numbers, const models::Counts& counts) {
  for (const auto& kind : models::Counts::kinds()) numbers.push_back(counts.*kind.count);
}
/// The counts appended as number `row`; std::out_of_range if there are fewer.
inline models::Counts counts_at(const std::vector<Index>& numbers, std::size_t row) {
  const auto& kinds = models::Counts::kinds();
  models::Counts counts;
  for (std::size_t k = 0; k < kinds.size(); ++k) counts.*kinds[k].count = numbers.at(row * kinds.size() + k);
  return counts;
}

}  // namespace variscope::store
