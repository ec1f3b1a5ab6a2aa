/// Dimension scales and fixed extents first, then block after block into its place.
#include "engine/store/trace_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "engine/error.hpp"
#include "engine/store/content_hash.hpp"
#include "engine/store/dimensions.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/sha256.hpp"
#include "engine/store/trace_segments.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope trace";
constexpr Index format_version = 1;
const std::string time_attribute = "created_at";

hid_t stored_type(TraceType type) {
  switch (type) {
    case TraceType::real:
      return H5T_NATIVE_DOUBLE;
    case TraceType::single:
      return H5T_NATIVE_FLOAT;
    case TraceType::count:
      return H5T_NATIVE_INT64;
    case TraceType::boolean:
      return H5T_NATIVE_INT8;
  }
  return H5T_NATIVE_DOUBLE;
}

Index stored_bytes(TraceType type) {
  return type == TraceType::boolean ? 1 : type == TraceType::single ? Index{sizeof(float)} : Index{sizeof(double)};
}

/// What stands for a number that an integer cannot be.
double storable(TraceType type, double value) {
  if (type == TraceType::count) return std::isfinite(value) ? value : -1;
  if (type == TraceType::boolean) return std::isfinite(value) && value != 0 ? 1 : 0;
  return value;
}

/// The dimensions of a variable behind chain and draw; declares those that are not there yet.
std::vector<std::string> own_dimensions(Dimensions& dimensions, const TraceVariable& variable) {
  std::vector<std::string> names;
  for (std::size_t axis = 0; axis < variable.shape.size(); ++axis) {
    std::vector<Index> coordinate(static_cast<std::size_t>(variable.shape[axis]));
    std::iota(coordinate.begin(), coordinate.end(), Index{0});
    names.push_back(fmt::format("{}_dim_{}", variable.name, axis));
    dimensions.add(names.back(), coordinate, {fmt::format("axis {} of {}", axis, variable.name)});
  }
  return names;
}

Handle declare(Dimensions& dimensions, const TraceVariable& variable, std::vector<std::string> along) {
  const auto own = own_dimensions(dimensions, variable);
  along.insert(along.end(), own.begin(), own.end());
  auto dataset = dimensions.declare(variable.name, along, {variable.long_name, variable.units}, stored_type(variable.type));
  if (variable.type == TraceType::boolean) write_attribute(dataset, "dtype", "bool");
  return dataset;
}

/// One group while blocks come in.
class GroupWriter {
 public:
  GroupWriter(const Handle& file, DimensionCounter& counter, const TraceLayout& layout, const TraceGroup& group,
              const std::string& created_at)
      : trace_(layout.id), layout_(group), next_(static_cast<std::size_t>(layout.chains), 0), group_(create_group(file, group.name)) {
    for (const auto& [name, text] : layout.attributes) write_attribute(group_, name, text);
    write_attribute(group_, time_attribute, created_at);
    Dimensions dimensions(group_, counter);
    std::vector<Index> coordinate(next_.size());
    std::iota(coordinate.begin(), coordinate.end(), layout.first_chain);
    dimensions.add("chain", coordinate, {"chain"});
    coordinate.resize(static_cast<std::size_t>(group.draws));
    for (std::size_t d = 0; d < coordinate.size(); ++d) coordinate[d] = group.first + static_cast<Index>(d) * group.step;
    dimensions.add("draw", coordinate, {"iteration of the phase"});
    for (const TraceVariable& variable : group.variables) datasets_.push_back(declare(dimensions, variable, {"chain", "draw"}));
    dimensions.close();
  }

  void add(const TraceBlock& block) {
    const Index width = layout_.width();
    if (block.chains.first < 0 || block.chains.last > static_cast<Index>(next_.size()) || block.draws.last > layout_.draws ||
        static_cast<Index>(block.values.size()) != block.chains.size() * block.draws.size() * width) {
      fail(block.chains.first, block.draws.first, "the plan has no such block");
    }
    for (Index c = block.chains.first; c < block.chains.last; ++c) {
      auto& next = next_[static_cast<std::size_t>(c)];
      if (next != block.draws.first) fail(c, next, next > block.draws.first ? "it comes twice" : "it is missing");
      next = block.draws.last;
    }
    const Index rows = block.chains.size() * block.draws.size();
    Index column = 0;
    for (std::size_t v = 0; v < datasets_.size(); ++v) {
      const TraceVariable& variable = layout_.variables[v];
      const Index size = variable.size();
      buffer_.resize(static_cast<std::size_t>(rows * size));
      for (Index r = 0; r < rows; ++r) {
        for (Index i = 0; i < size; ++i) {
          buffer_[static_cast<std::size_t>(r * size + i)] =
              storable(variable.type, block.values[static_cast<std::size_t>(r * width + column + i)]);
        }
      }
      Extent offset{static_cast<hsize_t>(block.chains.first), static_cast<hsize_t>(block.draws.first)};
      Extent count{static_cast<hsize_t>(block.chains.size()), static_cast<hsize_t>(block.draws.size())};
      for (const Index extent : variable.shape) {
        offset.push_back(0);
        count.push_back(static_cast<hsize_t>(extent));
      }
      write_slab(datasets_[v], H5T_NATIVE_DOUBLE, offset, count, buffer_.data());
      column += size;
    }
  }

  void finish() {
    for (std::size_t c = 0; c < next_.size(); ++c) {
      if (next_[c] != layout_.draws) fail(static_cast<Index>(c), next_[c], "it is missing");
    }
    for (Handle& dataset : datasets_) dataset.close();
    group_.close();
  }

 private:
  [[noreturn]] void fail(Index chain, Index draw, const std::string& problem) const {
    throw SystemError(fmt::format("merge: trace '{}', group '{}', chain {}, draw {} ({})", trace_, layout_.name, chain, draw, problem));
  }

  std::string trace_;
  const TraceGroup& layout_;
  std::vector<Index> next_;  ///< per chain: draws that have come
  Handle group_;
  std::vector<Handle> datasets_;
  std::vector<double> buffer_;
};

void write_constants(const Handle& file, DimensionCounter& counter, const TraceLayout& layout, const std::string& created_at) {
  for (const auto& [name, constants] : layout.constants) {
    auto group = create_group(file, name);
    for (const auto& [key, text] : layout.attributes) write_attribute(group, key, text);
    write_attribute(group, time_attribute, created_at);
    Dimensions dimensions(group, counter);
    for (const TraceConstant& constant : constants) {
      if (constant.variable.shape.empty() || static_cast<Index>(constant.values.size()) != constant.variable.size())
        throw SystemError(fmt::format("trace '{}', {}: '{}' has no axis or not as many values as its shape says", layout.id, name,
                                      constant.variable.name));
      auto dataset = declare(dimensions, constant.variable, {});
      Extent count;
      for (const Index extent : constant.variable.shape) count.push_back(static_cast<hsize_t>(extent));
      write_slab(dataset, H5T_NATIVE_DOUBLE, Extent(count.size(), 0), count, constant.values.data());
      dataset.close();
    }
    dimensions.close();
    group.close();
  }
}

/// Of all groups, by name.
std::string trace_hash(const Handle& file) {
  Sha256 digest;
  for (const auto& name : child_names(file, Order::name)) {
    digest.add_text(name);
    digest.add_text(content_hash(file, "/" + name, {time_attribute}));
  }
  return digest.hex();
}

}  // namespace

Index TraceLayout::bytes() const {
  Index total = 0;
  for (const TraceGroup& group : groups) {
    total += (chains + group.draws) * Index{sizeof(Index)};
    for (const TraceVariable& variable : group.variables) total += chains * group.draws * variable.size() * stored_bytes(variable.type);
  }
  for (const auto& [name, values] : constants) {
    for (const TraceConstant& constant : values) total += constant.variable.size() * stored_bytes(constant.variable.type);
  }
  return total;
}

std::filesystem::path trace_path(const std::filesystem::path& run, const std::string& id) { return run / "traces" / (id + ".nc"); }

bool is_trace_name(const std::string& name) { return name.ends_with(".nc") || name.ends_with(".nc.tmp"); }

std::string merge_trace(const std::filesystem::path& run, const Manifest& manifest, const TraceLayout& layout,
                        const std::string& created_at) {
  const auto path = trace_path(run, layout.id);
  std::filesystem::create_directories(path.parent_path());
  std::string hash;
  write_beside(path, [&](const std::filesystem::path& beside) {
    auto file = create_file(beside);
    write_attribute(file, "format", format_name);
    write_attribute(file, "format_version", format_version);
    DimensionCounter counter;
    std::vector<std::unique_ptr<GroupWriter>> groups;
    for (const TraceGroup& group : layout.groups) groups.push_back(std::make_unique<GroupWriter>(file, counter, layout, group, created_at));
    write_constants(file, counter, layout, created_at);
    for (const SegmentEntry& entry : manifest.segments) {
      visit_trace_segment(run, entry, layout.id, [&](TraceBlock&& block) {
        if (block.group < 0 || block.group >= static_cast<Index>(groups.size()))
          throw SystemError(fmt::format("merge: trace '{}' (no group {})", layout.id, block.group));
        groups[static_cast<std::size_t>(block.group)]->add(block);
      });
    }
    for (auto& group : groups) group->finish();
    hash = trace_hash(file);
    write_attribute(file, "trace_hash", hash);
    file.close();
    auto written = open_file(beside, Access::read);
    if (trace_hash(written) != hash)
      throw SystemError(fmt::format("verify: {} (what is on disk is not what was written)", beside.string()));
    written.close();
  });
  return hash;
}

TraceFile::TraceFile(const std::filesystem::path& path, bool verify) {
  if (!std::filesystem::exists(path))
    throw UserError(fmt::format("{}: no trace file (it does not exist). Name a trace of a finished run.", path.string()));
  try {
    file_ = open_file(path, Access::read);
    if (!has_attribute(file_, "format") || read_text_attribute(file_, "format") != format_name ||
        read_integer_attribute(file_, "format_version") != format_version) {
      throw UserError(fmt::format("{}: not a trace file of this version. Name one that this variscope wrote.", path.string()));
    }
    if (verify && trace_hash(file_) != hash()) {
      throw UserError(fmt::format("{}: draws do not match their hash: the file was changed or damaged. Restore it, or run the study again.",
                                  path.string()));
    }
  } catch (const SystemError& error) {
    throw UserError(fmt::format("{}: cannot be read ({}). It is damaged: restore it from a copy, or run the study again.", path.string(),
                                error.what()));
  }
}

std::string TraceFile::hash() const { return read_text_attribute(file_, "trace_hash"); }

bool TraceFile::has(const std::string& group, const std::string& variable) const { return exists(file_, group + "/" + variable); }

Extent TraceFile::extent(const std::string& group, const std::string& variable) const {
  return extent_of(open_dataset(file_, group + "/" + variable));
}

std::vector<double> TraceFile::element(const std::string& group, const std::string& variable, Index element) const {
  const auto dataset = open_dataset(file_, group + "/" + variable);
  const auto extent = extent_of(dataset);
  Extent offset(extent.size(), 0);
  Extent count(extent.size(), 1);
  count[0] = extent[0];
  count[1] = extent[1];
  for (std::size_t axis = extent.size(); axis > 2; --axis) {
    offset[axis - 1] = static_cast<hsize_t>(element) % extent[axis - 1];
    element /= static_cast<Index>(extent[axis - 1]);
  }
  std::vector<double> values(static_cast<std::size_t>(extent[0] * extent[1]));
  read_slab(dataset, H5T_NATIVE_DOUBLE, offset, count, values.data());
  return values;
}

}  // namespace variscope::store
