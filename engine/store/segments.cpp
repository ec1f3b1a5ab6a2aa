/// Segments as HDF5: five flat arrays of moments, one table that says what lies where.
#include "engine/store/segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/hdf5.hpp"
#include "engine/store/sha256.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope segment";
constexpr Index format_version = 1;

/// A chunk's row of the table.
enum Entry : std::size_t { point, first_batch, batches, parameters, blocks, estimators, entries };
using Shape = std::array<Index, entries>;

struct Array {
  const char* name;
  std::vector<double> BatchMoments::*values;
  Index (*size)(const Shape&);
};
Index per_batch(const Shape& shape) { return shape[batches]; }
Index per_parameter(const Shape& shape) { return shape[batches] * shape[parameters]; }
Index per_block(const Shape& shape) { return shape[batches] * shape[blocks]; }
constexpr std::array<Array, 5> arrays{{{"count", &BatchMoments::count, per_batch},
                                       {"sum", &BatchMoments::sum, per_parameter},
                                       {"square", &BatchMoments::square, per_parameter},
                                       {"norm", &BatchMoments::norm, per_block},
                                       {"norm_square", &BatchMoments::norm_square, per_block}}};

Shape shape_of(const Chunk& chunk) {
  if (chunk.estimators.empty() || chunk.moments.size() != chunk.estimators.size() || chunk.counts.size() != chunk.estimators.size()) {
    throw std::invalid_argument(fmt::format("chunk of cell '{}': estimators, moments and counts differ in number", chunk.cell));
  }
  const auto& first = chunk.moments.front();
  const Shape shape{chunk.point,      chunk.first_batch, first.batches,
                    first.parameters, first.blocks,      static_cast<Index>(chunk.estimators.size())};
  for (const auto& moments : chunk.moments) {
    bool fits = moments.batches == first.batches && moments.parameters == first.parameters && moments.blocks == first.blocks;
    for (const auto& array : arrays) fits = fits && static_cast<Index>((moments.*array.values).size()) == array.size(shape);
    if (!fits) throw std::invalid_argument(fmt::format("chunk of cell '{}': moments of different shapes", chunk.cell));
  }
  return shape;
}

void write_array(const Handle& file, const Array& array, const std::vector<Chunk>& chunks, const std::vector<Shape>& shapes) {
  Index total = 0;
  for (const auto& shape : shapes) total += shape[estimators] * array.size(shape);
  auto dataset = create_dataset(file, array.name, H5T_NATIVE_DOUBLE, {static_cast<hsize_t>(total)});
  hsize_t offset = 0;
  for (const auto& chunk : chunks) {
    for (const auto& moments : chunk.moments) {
      const auto& values = moments.*array.values;
      write_slab(dataset, H5T_NATIVE_DOUBLE, {offset}, {values.size()}, values.data());
      offset += values.size();
    }
  }
  dataset.close();
}

void write_content(const Handle& file, const std::vector<Chunk>& chunks) {
  std::vector<Shape> shapes;
  std::vector<std::string> cells;
  std::vector<std::string> names;
  std::vector<Index> counts;
  const auto& kinds = models::Counts::kinds();
  for (const auto& chunk : chunks) {
    shapes.push_back(shape_of(chunk));
    cells.push_back(chunk.cell);
    names.insert(names.end(), chunk.estimators.begin(), chunk.estimators.end());
    for (const auto& work : chunk.counts) {
      for (const auto& kind : kinds) counts.push_back(work.*kind.count);
    }
  }
  write_attribute(file, "format", format_name);
  write_attribute(file, "format_version", format_version);
  write_integers(file, "shape", {shapes.size(), entries}, shapes.empty() ? nullptr : shapes.front().data()).close();
  write_texts(file, "cell", cells).close();
  write_texts(file, "estimator", names).close();
  write_integers(file, "counts", {names.size(), kinds.size()}, counts.data()).close();
  for (const auto& array : arrays) write_array(file, array, chunks, shapes);
}

/// What a segment holds, without the moments.
struct Table {
  std::vector<Shape> shapes;
  std::vector<std::string> cells;
  std::vector<std::string> names;
};

Handle open_checked(const std::filesystem::path& path, const SegmentEntry& entry) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  if (missing) throw SystemError(fmt::format("segment: {} ({})", path.string(), missing.message()));
  if (static_cast<Index>(size) != entry.bytes) {
    throw SystemError(fmt::format("segment: {} (it has {} bytes, {} were committed)", path.string(), size, entry.bytes));
  }
  if (sha256_file(path) != entry.sha256)
    throw SystemError(fmt::format("segment: {} (its bytes do not match the committed SHA-256)", path.string()));
  auto file = open_file(path, Access::read);
  if (read_text_attribute(file, "format") != format_name || read_integer_attribute(file, "format_version") != format_version) {
    throw SystemError(fmt::format("segment: {} (of another format version)", path.string()));
  }
  return file;
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

std::filesystem::path path_of(const std::filesystem::path& run, const std::string& name) { return run / "segments" / name; }

}  // namespace

std::string encode(const SegmentEntry& entry) { return fmt::format("{} {} {}", entry.name, entry.bytes, entry.sha256); }

SegmentEntry decode_segment_entry(const std::string& line) {
  std::istringstream stream(line);
  SegmentEntry entry;
  if (!(stream >> entry.name >> entry.bytes >> entry.sha256)) throw std::invalid_argument("not a segment entry: '" + line + "'");
  return entry;
}

SegmentEntry write_segment(const std::filesystem::path& run, Index checkpoint, Index writer, const std::vector<Chunk>& chunks) {
  SegmentEntry entry{fmt::format("seg.{:06d}.{:06d}.h5", checkpoint, writer), 0, {}};
  const auto path = path_of(run, entry.name);
  write_beside(path, [&](const std::filesystem::path& beside) {
    auto file = create_file(beside);
    write_content(file, chunks);
    file.close();
    entry.bytes = static_cast<Index>(std::filesystem::file_size(beside));
    entry.sha256 = sha256_file(beside);
  });
  return entry;
}

void visit_segment(const std::filesystem::path& run, const SegmentEntry& entry, const std::function<void(Chunk&&)>& visit) {
  const auto file = open_checked(path_of(run, entry.name), entry);
  const auto table = read_table(file);
  const auto counts = read_integers(file, "counts");
  const auto& kinds = models::Counts::kinds();
  std::array<Handle, arrays.size()> datasets;
  std::array<hsize_t, arrays.size()> offsets{};
  for (std::size_t a = 0; a < arrays.size(); ++a) datasets[a] = open_dataset(file, arrays[a].name);
  std::size_t next = 0;
  for (std::size_t c = 0; c < table.shapes.size(); ++c) {
    const auto& shape = table.shapes[c];
    Chunk chunk{table.cells.at(c), shape[point], shape[first_batch], {}, {}, {}};
    for (Index e = 0; e < shape[estimators]; ++e, ++next) {
      chunk.estimators.push_back(table.names.at(next));
      auto& work = chunk.counts.emplace_back();
      for (std::size_t k = 0; k < kinds.size(); ++k) work.*kinds[k].count = counts.at(kinds.size() * next + k);
      auto& moments = chunk.moments.emplace_back();
      moments.batches = shape[batches];
      moments.parameters = shape[parameters];
      moments.blocks = shape[blocks];
      for (std::size_t a = 0; a < arrays.size(); ++a) {
        auto& values = moments.*arrays[a].values;
        values.resize(static_cast<std::size_t>(arrays[a].size(shape)));
        read_slab(datasets[a], H5T_NATIVE_DOUBLE, {offsets[a]}, {values.size()}, values.data());
        offsets[a] += values.size();
      }
    }
    visit(std::move(chunk));
  }
}

std::vector<ChunkKey> segment_keys(const std::filesystem::path& run, const SegmentEntry& entry) {
  const auto table = read_table(open_checked(path_of(run, entry.name), entry));
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
