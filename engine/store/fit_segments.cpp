/// Fits as flat arrays and one table that says what lies where.
#include "engine/store/fit_segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "engine/error.hpp"
#include "engine/store/fit_arrays.hpp"
#include "engine/store/record_arrays.hpp"
#include "engine/store/segment_file.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope fit segment";
constexpr Index format_version = 5;

/// A fit's row of the table.
enum Entry : std::size_t {
  estimator,
  repeat,
  trace,
  parameters,
  variables,
  parts,
  predicted,
  functions,
  ending,
  steps,
  refused,
  state_lambda,
  state_optimizer,
  state_stopping,
  refused_in_a_row,
  recorded,
  held,
  entries
};

void append(std::vector<double>& to, const std::vector<double>& from) { to.insert(to.end(), from.begin(), from.end()); }

std::array<Index, entries> row_of(const FitChunk& chunk) {
  const FitRecord& fit = chunk.fit;
  const auto points = static_cast<Index>(fit.counts.size());
  const auto length = [](const std::vector<double>& values, std::size_t by) { return static_cast<Index>(values.size() / by); };
  const FitExtents extents{points,
                           points == 0 ? 0 : static_cast<Index>(fit.lambda.size()) / points,
                           static_cast<Index>(fit.mean.size()),
                           length(fit.predictive, predictive_figures.size()),
                           length(fit.predicted_rows, prediction_columns.size()),
                           length(fit.functions, 1)};
  if (!is_whole(fit, extents)) throw std::invalid_argument(fmt::format("fit of cell '{}': arrays of different extents", chunk.cell));
  return {chunk.estimator,
          chunk.repeat,
          extents.trace,
          extents.parameters,
          extents.variables,
          extents.parts,
          extents.predicted,
          extents.functions,
          static_cast<Index>(fit.ending),
          fit.steps,
          fit.refused,
          length(fit.state.lambda, 1),
          length(fit.state.optimizer, 1),
          length(fit.state.stopping, 1),
          fit.state.refused_in_a_row,
          fit.state.recorded,
          fit.state.held ? 1 : 0};
}

[[noreturn]] void fail(const FitChunk& chunk, const std::string& problem) {
  throw SystemError(fmt::format("merge: cell '{}', estimator {}, repeat {} ({})", chunk.cell, chunk.estimator, chunk.repeat, problem));
}

}  // namespace

SegmentEntry write_fit_segment(const std::filesystem::path& run, Index checkpoint, Index writer, const std::vector<FitChunk>& chunks) {
  return write_segment_file(run, checkpoint, writer, [&](const Handle& file) {
    std::vector<Index> table;
    std::vector<std::string> cells;
    std::vector<Index> counts;
    std::vector<double> numbers;
    for (const FitChunk& chunk : chunks) {
      const auto row = row_of(chunk);
      table.insert(table.end(), row.begin(), row.end());
      cells.push_back(chunk.cell);
      for (const models::Counts& work : chunk.fit.counts) store::append(counts, work);
      for (const models::Counts& work : {chunk.fit.evaluation, chunk.fit.state.own, chunk.fit.state.evaluation})
        store::append(counts, work);
      for (const FitArray& array : fit_arrays) append(numbers, chunk.fit.*array.values);
      for (const FitNumber& number : fit_numbers) numbers.push_back(chunk.fit.*number.value);
      append(numbers, chunk.fit.seconds);
      for (const auto& array : state_arrays) append(numbers, chunk.fit.state.*array.values);
      numbers.push_back(chunk.fit.state.seconds);
    }
    write_attribute(file, "format", format_name);
    write_attribute(file, "format_version", format_version);
    write_integers(file, "shape", {chunks.size(), entries}, table.data()).close();
    write_texts(file, "cell", cells).close();
    write_integers(file, "counts", {counts.size()}, counts.data()).close();
    write_doubles(file, "numbers", {numbers.size()}, numbers.data()).close();
  });
}

void visit_fit_segment(const std::filesystem::path& run, const SegmentEntry& entry, const std::function<void(FitChunk&&)>& visit) {
  const auto file = open_segment_file(run, entry, format_name, format_version);
  const auto table = read_integers(file, "shape");
  const auto cells = read_texts(file, "cell");
  const auto counts = read_integers(file, "counts");
  const auto numbers = read_doubles(file, "numbers");
  std::size_t next = 0;
  std::size_t next_counts = 0;
  const auto take = [&](std::vector<double>& values) {
    if (next + values.size() > numbers.size())
      throw SystemError(fmt::format("segment: {} (fewer numbers than its table says)", entry.name));
    std::copy_n(numbers.begin() + static_cast<std::ptrdiff_t>(next), values.size(), values.begin());
    next += values.size();
  };
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const Index* row = table.data() + c * entries;
    FitChunk chunk{cells[c], row[estimator], row[repeat], {}};
    FitRecord& fit = chunk.fit;
    fit.resize({row[trace], row[parameters], row[variables], row[parts], row[predicted], row[functions]});
    end_as(fit, static_cast<FitEnding>(row[ending]));
    fit.steps = row[steps];
    fit.refused = row[refused];
    for (models::Counts& work : fit.counts) work = counts_at(counts, next_counts++);
    for (models::Counts* work : {&fit.evaluation, &fit.state.own, &fit.state.evaluation}) *work = counts_at(counts, next_counts++);
    FitState& state = fit.state;
    state.refused_in_a_row = row[refused_in_a_row];
    state.recorded = row[recorded];
    state.held = row[held] != 0;
    state.lambda.resize(static_cast<std::size_t>(row[state_lambda]));
    state.optimizer.resize(static_cast<std::size_t>(row[state_optimizer]));
    state.stopping.resize(static_cast<std::size_t>(row[state_stopping]));
    for (const FitArray& array : fit_arrays) take(fit.*array.values);
    const auto take_one = [&] {
      std::vector<double> one(1);
      take(one);
      return one[0];
    };
    for (const FitNumber& number : fit_numbers) fit.*number.value = take_one();
    take(fit.seconds);
    for (const auto& array : state_arrays) take(state.*array.values);
    state.seconds = take_one();
    visit(std::move(chunk));
  }
}

void merge_fit_segments(const std::filesystem::path& run, const Manifest& manifest, std::vector<FitCellRecord>& cells) {
  std::vector<std::vector<bool>> filled;
  for (FitCellRecord& cell : cells) {
    cell.fits.assign(cell.estimators.size() * static_cast<std::size_t>(cell.repeats), {});
    filled.emplace_back(cell.fits.size(), false);
  }
  for (const SegmentEntry& entry : manifest.segments) {
    visit_fit_segment(run, entry, [&](FitChunk&& chunk) {
      const auto cell = std::find_if(cells.begin(), cells.end(), [&](const FitCellRecord& c) { return c.id == chunk.cell; });
      if (cell == cells.end() || chunk.estimator < 0 || chunk.estimator >= static_cast<Index>(cell->estimators.size()) ||
          chunk.repeat < 0 || chunk.repeat >= cell->repeats) {
        fail(chunk, "no such fit in the plan");
      }
      if (!is_whole(chunk.fit, cell->extents())) fail(chunk, "arrays of other extents than the plan's");
      const auto place = static_cast<std::size_t>(chunk.estimator * cell->repeats + chunk.repeat);
      auto seen = filled[static_cast<std::size_t>(cell - cells.begin())].begin() + static_cast<std::ptrdiff_t>(place);
      if (*seen) fail(chunk, "it comes twice");
      *seen = true;
      cell->fits[place] = std::move(chunk.fit);
    });
  }
  for (std::size_t c = 0; c < cells.size(); ++c) {
    for (std::size_t place = 0; place < filled[c].size(); ++place) {
      if (filled[c][place]) continue;
      const auto repeats = static_cast<std::size_t>(cells[c].repeats);
      fail({cells[c].id, static_cast<Index>(place / repeats), static_cast<Index>(place % repeats), {}}, "it is missing");
    }
  }
}

}  // namespace variscope::store
