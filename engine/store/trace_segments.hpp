/// Segments of a study of chains: what one writer has drawn between two checkpoints, and the state to go on from.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "engine/store/manifest.hpp"
#include "engine/store/segments.hpp"
#include "engine/store/trace.hpp"

namespace variscope::store {

/// As write_segment. Throws std::invalid_argument for a block without chains and draws, or whose values are not a multiple of them.
[[nodiscard]] SegmentEntry write_trace_segment(const std::filesystem::path& run, Index checkpoint, Index writer,
                                               const std::vector<TraceBlock>& blocks, const std::vector<TraceState>& states);

/// Visits the blocks of one trace in a segment, in the order in which they were written, holding one at a time.
/// Throws SystemError if size or SHA-256 differ from the entry's.
void visit_trace_segment(const std::filesystem::path& run, const SegmentEntry& entry, const std::string& trace,
                         const std::function<void(TraceBlock&&)>& visit);

/// Calls `visit` with blocks of one trace.
using VisitBlocks = std::function<void(const std::function<void(const TraceBlock&)>& visit)>;

/// All committed blocks of a trace, one at a time. Errors as visit_trace_segment.
[[nodiscard]] VisitBlocks committed_blocks(const std::filesystem::path& run, const Manifest& manifest, const std::string& trace);

/// The committed states of a trace at the highest iteration there is, by first chain; none if nothing was committed.
[[nodiscard]] std::vector<TraceState> committed_states(const std::filesystem::path& run, const Manifest& manifest,
                                                       const std::string& trace);

}  // namespace variscope::store
