/// Segments: what one writer finished between two checkpoints, as one durable file.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/index.hpp"
#include "engine/models/model.hpp"
#include "engine/record.hpp"

namespace variscope::store {

/// Finished batches [first_batch, first_batch + n) of some estimators at one point of one cell.
struct Chunk {
  std::string cell;
  Index point = 0;
  Index first_batch = 0;
  std::vector<std::string> estimators;
  std::vector<BatchMoments> moments;             ///< one per estimator, all of the same shape
  std::vector<models::Counts> counts;            ///< one per estimator
  std::vector<ComponentMoments> components;      ///< empty, or one per estimator, of as many batches
  std::vector<ShardMoments> shard_components;    ///< likewise; empty too where no designs are within shards
  std::vector<models::Counts> component_counts;  ///< empty, or one per estimator: work of both kinds of designs
  std::vector<double> seconds{};                 ///< empty, or one per estimator: wall time of all calls, a timing
};

/// A chunk without its numbers: what is done, for a run that resumes.
struct ChunkKey {
  std::string cell;
  Index point = 0;
  Range batches;
  std::vector<std::string> estimators;
};

/// A segment as the manifest knows it.
struct SegmentEntry {
  std::string name;  ///< "seg.000003.000001.h5", below segments/
  Index bytes = 0;
  std::string sha256;
  friend bool operator==(const SegmentEntry&, const SegmentEntry&) = default;
};
/// One line of text and back, to send an entry to the process that commits.
[[nodiscard]] std::string encode(const SegmentEntry& entry);
[[nodiscard]] SegmentEntry decode_segment_entry(const std::string& line);

/// Writes <run>/segments/seg.<checkpoint>.<writer>.h5 (the folder exists), every close checked, synchronised, renamed.
/// Not part of the record until a manifest names it. Any process may write, each under its own writer number.
[[nodiscard]] SegmentEntry write_segment(const std::filesystem::path& run, Index checkpoint, Index writer,
                                         const std::vector<Chunk>& chunks);

/// Visits a segment's chunks one at a time. Throws SystemError if size or SHA-256 differ from the entry's.
void visit_segment(const std::filesystem::path& run, const SegmentEntry& entry, const std::function<void(Chunk&&)>& visit);
/// Reads the keys alone; the file is checked as above.
[[nodiscard]] std::vector<ChunkKey> segment_keys(const std::filesystem::path& run, const SegmentEntry& entry);

}  // namespace variscope::store
