/// Segments as HDF5: flat arrays of moments, one table that says what lies where.
#include "engine/store/segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "engine/store/hdf5.hpp"
#include "engine/store/record_arrays.hpp"
#include "engine/store/segment_file.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope segment";
constexpr Index format_version = 3;

/// A chunk's row of the table; noise_sets is 0 in a chunk without components, shard_blocks in one without those of shards.
enum Entry : std::size_t {
  point,
  first_batch,
  batches,
  parameters,
  blocks,
  estimators,
  row_sets,
  noise_sets,
  shard_blocks,
  shard_row_sets,
  entries
};
using Shape = std::array<Index, entries>;

template <class Moments>
bool same_shape(const std::vector<Moments>& all, Index batch_count) {
  return std::all_of(all.begin(), all.end(), [&](const Moments& moments) {
    return moments.batches == batch_count && alike(moments, all.front()) && is_whole(moments);
  });
}

Shape shape_of(const Chunk& chunk) {
  const auto size = chunk.estimators.size();
  const bool crossed = !chunk.components.empty();
  const bool sharded = !chunk.shard_components.empty();
  const auto crossed_size = crossed ? size : 0;
  if (size == 0 || chunk.moments.size() != size || chunk.counts.size() != size || chunk.components.size() != crossed_size ||
      chunk.component_counts.size() != crossed_size || chunk.shard_components.size() != (sharded ? crossed_size : 0) ||
      (sharded && !crossed) || (!chunk.seconds.empty() && chunk.seconds.size() != size)) {
    throw std::invalid_argument(fmt::format("chunk of cell '{}': estimators, moments and counts differ in number", chunk.cell));
  }
  const auto& first = chunk.moments.front();
  Shape shape{chunk.point, chunk.first_batch, first.batches, first.parameters, first.blocks, static_cast<Index>(size), 0, 0, 0, 0};
  bool fits = same_shape(chunk.moments, first.batches) && same_shape(chunk.components, first.batches) &&
              same_shape(chunk.shard_components, first.batches);
  if (crossed) {
    const auto& design = chunk.components.front();
    shape[row_sets] = design.row_sets;
    shape[noise_sets] = design.noise_sets;
    fits = fits && design.parameters == first.parameters && design.blocks == first.blocks && design.row_sets > 0 && design.noise_sets > 0;
  }
  if (sharded) {
    const auto& design = chunk.shard_components.front();
    shape[shard_blocks] = design.blocks;
    shape[shard_row_sets] = design.row_sets;
    fits = fits && design.blocks > 0 && design.parameters == design.blocks && design.noise_sets == shape[noise_sets];
  }
  if (!fits) throw std::invalid_argument(fmt::format("chunk of cell '{}': moments of different shapes", chunk.cell));
  return shape;
}

template <class Moments>
void write_arrays(const Handle& file, const std::vector<Chunk>& chunks, std::vector<Moments> Chunk::*part) {
  for (const auto& array : moment_arrays<Moments>) {
    hsize_t total = 0;
    for (const auto& chunk : chunks) {
      for (const auto& moments : chunk.*part) total += (moments.*array.values).size();
    }
    auto dataset = create_dataset(file, array.name, H5T_NATIVE_DOUBLE, {total});
    hsize_t offset = 0;
    for (const auto& chunk : chunks) {
      for (const auto& moments : chunk.*part) {
        const auto& values = moments.*array.values;
        write_slab(dataset, H5T_NATIVE_DOUBLE, {offset}, {values.size()}, values.data());
        offset += values.size();
      }
    }
    dataset.close();
  }
}

void write_counts(const Handle& file, const std::string& name, const std::vector<Chunk>& chunks, std::vector<models::Counts> Chunk::*part) {
  std::vector<Index> numbers;
  for (const auto& chunk : chunks) {
    for (const auto& work : chunk.*part) append(numbers, work);
  }
  const auto kinds = models::Counts::kinds().size();
  write_integers(file, name, {numbers.size() / kinds, kinds}, numbers.data()).close();
}

void write_content(const Handle& file, const std::vector<Chunk>& chunks) {
  std::vector<Shape> shapes;
  std::vector<std::string> cells;
  std::vector<std::string> names;
  std::vector<double> seconds;
  for (const auto& chunk : chunks) {
    shapes.push_back(shape_of(chunk));
    cells.push_back(chunk.cell);
    names.insert(names.end(), chunk.estimators.begin(), chunk.estimators.end());
    seconds.insert(seconds.end(), chunk.seconds.begin(), chunk.seconds.end());
    seconds.resize(names.size(), 0.0);
  }
  write_attribute(file, "format", format_name);
  write_attribute(file, "format_version", format_version);
  write_integers(file, "shape", {shapes.size(), entries}, shapes.empty() ? nullptr : shapes.front().data()).close();
  write_texts(file, "cell", cells).close();
  write_texts(file, "estimator", names).close();
  write_doubles(file, "seconds", {seconds.size()}, seconds.data()).close();
  write_counts(file, "counts", chunks, &Chunk::counts);
  write_counts(file, "component_counts", chunks, &Chunk::component_counts);
  write_arrays(file, chunks, &Chunk::moments);
  write_arrays(file, chunks, &Chunk::components);
  write_arrays(file, chunks, &Chunk::shard_components);
}

/// Reads one kind of moments from front to back.
template <class Moments>
class MomentReader {
 public:
  explicit MomentReader(const Handle& file) {
    for (std::size_t a = 0; a < datasets_.size(); ++a) datasets_[a] = open_dataset(file, moment_arrays<Moments>[a].name);
  }
  /// The next ones, into arrays of their size.
  void read(Moments& moments) {
    for (std::size_t a = 0; a < datasets_.size(); ++a) {
      auto& values = moments.*moment_arrays<Moments>[a].values;
      read_slab(datasets_[a], H5T_NATIVE_DOUBLE, {offsets_[a]}, {values.size()}, values.data());
      offsets_[a] += values.size();
    }
  }

 private:
  std::array<Handle, moment_arrays<Moments>.size()> datasets_;
  std::array<hsize_t, moment_arrays<Moments>.size()> offsets_{};
};

/// What a segment holds, without the moments.
struct Table {
  std::vector<Shape> shapes;
  std::vector<std::string> cells;
  std::vector<std::string> names;
};

Handle open_checked(const std::filesystem::path& run, const SegmentEntry& entry) {
  return open_segment_file(run, entry, format_name, format_version);
}

Table read_table(const Handle& file) {
  Table table{{}, read_texts(file, "cell"), read_texts(file, "estimator")};
  const auto numbers = read_integers(file, "shape");
  for (std::size_t begin = 0; begin + entries <= numbers.size(); begin += entries) {
    auto& shape = table.shapes.emplace_back();
    std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(begin), entries, shape.begin());
  }
  return table;
}

}  // namespace

std::string encode(const SegmentEntry& entry) { return fmt::format("{} {} {}", entry.name, entry.bytes, entry.sha256); }

SegmentEntry decode_segment_entry(const std::string& line) {
  std::istringstream stream(line);
  SegmentEntry entry;
  if (!(stream >> entry.name >> entry.bytes >> entry.sha256)) throw std::invalid_argument("not a segment entry: '" + line + "'");
  return entry;
}

SegmentEntry write_segment(const std::filesystem::path& run, Index checkpoint, Index writer, const std::vector<Chunk>& chunks) {
  return write_segment_file(run, checkpoint, writer, [&](const Handle& file) { write_content(file, chunks); });
}

void visit_segment(const std::filesystem::path& run, const SegmentEntry& entry, const std::function<void(Chunk&&)>& visit) {
  const auto file = open_checked(run, entry);
  const auto table = read_table(file);
  const auto counts = read_integers(file, "counts");
  const auto component_counts = read_integers(file, "component_counts");
  const auto seconds = read_doubles(file, "seconds");
  MomentReader<BatchMoments> moments(file);
  MomentReader<ComponentMoments> components(file);
  MomentReader<ShardMoments> shard_components(file);
  std::size_t next = 0;
  std::size_t next_crossed = 0;
  for (std::size_t c = 0; c < table.shapes.size(); ++c) {
    const auto& shape = table.shapes[c];
    Chunk chunk{table.cells.at(c), shape[point], shape[first_batch], {}, {}, {}, {}, {}, {}};
    for (Index e = 0; e < shape[estimators]; ++e, ++next) {
      chunk.estimators.push_back(table.names.at(next));
      chunk.seconds.push_back(seconds.at(next));
      chunk.counts.push_back(counts_at(counts, next));
      auto& of_calls = chunk.moments.emplace_back();
      of_calls.resize(shape[batches], shape[parameters], shape[blocks]);
      moments.read(of_calls);
      if (shape[noise_sets] == 0) continue;
      chunk.component_counts.push_back(counts_at(component_counts, next_crossed++));
      auto& of_designs = chunk.components.emplace_back();
      of_designs.resize(shape[batches], shape[parameters], shape[blocks], shape[row_sets], shape[noise_sets]);
      components.read(of_designs);
      if (shape[shard_blocks] == 0) continue;
      auto& of_shards = chunk.shard_components.emplace_back();
      of_shards.resize(shape[batches], shape[shard_blocks], shape[shard_blocks], shape[shard_row_sets], shape[noise_sets]);
      shard_components.read(of_shards);
    }
    visit(std::move(chunk));
  }
}

std::vector<ChunkKey> segment_keys(const std::filesystem::path& run, const SegmentEntry& entry) {
  const auto table = read_table(open_checked(run, entry));
  std::vector<ChunkKey> keys;
  std::size_t next = 0;
  for (std::size_t c = 0; c < table.shapes.size(); ++c) {
    const auto& shape = table.shapes[c];
    ChunkKey key{table.cells.at(c), shape[point], {shape[first_batch], shape[first_batch] + shape[batches]}, {}};
    for (Index e = 0; e < shape[estimators]; ++e) key.estimators.push_back(table.names.at(next++));
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace variscope::store
