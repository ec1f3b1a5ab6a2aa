/// run.h5 as a whole: results, timings, execution, provenance, and the hash that ties the results.
#include "engine/store/run_file.hpp"

#include <fmt/format.h>

#include <limits>
#include <numeric>
#include <stdexcept>

#include "engine/error.hpp"
#include "engine/store/content_hash.hpp"
#include "engine/store/dimensions.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/run_layout.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope run";

/// /results or /timings, filled by `write`.
template <class Write>
void write_group(const Handle& file, const std::string& name, Write write) {
  auto group = create_group(file, name);
  write(group);
  group.close();
}

void write_timings(const Handle& timings, DimensionCounter& counter, const std::vector<CellRecord>& cells) {
  for (const auto& cell : cells) {
    auto group = create_group(timings, cell.id);
    std::vector<std::string> points;
    std::vector<std::string> estimators;
    std::vector<double> seconds;
    std::vector<double> preparation_seconds;
    for (const auto& point : cell.points) {
      points.push_back(point.label);
      for (const auto& estimator : point.estimators) {
        if (points.size() == 1) estimators.push_back(estimator.name);
        seconds.push_back(estimator.seconds_per_call);
        preparation_seconds.push_back(estimator.preparation_seconds);
      }
    }
    Dimensions dimensions(group, counter);
    dimensions.add("point", points, {"point of the reference path"});
    dimensions.add("estimator", estimators, {"gradient estimator"});
    dimensions.doubles("seconds_per_call", {"point", "estimator"}, {"wall time of one gradient estimate, preparation not included", "s"},
                       seconds.data());
    dimensions.doubles("preparation_seconds", {"point", "estimator"}, {"wall time of one preparation that calls are charged with", "s"},
                       preparation_seconds.data());
    dimensions.close();
    group.close();
  }
}

void read_timings(const Handle& file, std::vector<CellRecord>& cells) {
  for (auto& cell : cells) {
    const auto read = [&](const std::string& name, double EstimatorRecord::*timing, double unknown) {
      const auto path = "timings/" + cell.id + "/" + name;
      const auto seconds = exists(file, path) ? read_doubles(file, path) : std::vector<double>{};
      std::size_t next = 0;
      for (auto& point : cell.points) {
        for (auto& estimator : point.estimators) estimator.*timing = next < seconds.size() ? seconds[next++] : unknown;
      }
    };
    read("seconds_per_call", &EstimatorRecord::seconds_per_call, 0.0);
    // Files written before preparations were timed have none.
    read("preparation_seconds", &EstimatorRecord::preparation_seconds, std::numeric_limits<double>::quiet_NaN());
  }
}

void write_execution(const Handle& file, DimensionCounter& counter, const ExecutionTable& execution) {
  if (static_cast<Index>(execution.values.size()) != execution.ranks * static_cast<Index>(execution.names.size())) {
    throw std::invalid_argument("execution table: values are not ranks x names");
  }
  auto group = create_group(file, "execution");
  Dimensions dimensions(group, counter);
  std::vector<Index> ranks(static_cast<std::size_t>(execution.ranks));
  std::iota(ranks.begin(), ranks.end(), Index{0});
  dimensions.add("rank", ranks, {"rank of the run"});
  dimensions.add("name", execution.names, {"name of the figure"});
  dimensions.doubles("values", {"rank", "name"}, {"what each rank did"}, execution.values.data());
  dimensions.close();
  group.close();
}

void write_provenance(const Handle& file, const std::map<std::string, std::string>& provenance) {
  auto group = create_group(file, "provenance");
  for (const auto& [key, text] : provenance) write_attribute(group, key, text);
  group.close();
}

std::map<std::string, std::string> provenance_of(const Handle& file) {
  std::map<std::string, std::string> texts;
  const auto group = open_group(file, "provenance");
  for (const auto& key : attribute_names(group)) texts.emplace(key, read_text_attribute(group, key));
  return texts;
}

/// Opens a run file of this version; throws UserError otherwise.
Handle open_run(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    throw UserError(fmt::format("{}: no run file (it does not exist). Name the directory or the run.h5 of a finished run.", path.string()));
  }
  auto file = open_file(path, Access::read);
  if (!has_attribute(file, "format") || read_text_attribute(file, "format") != format_name) {
    throw UserError(
        fmt::format("{}: not a run file (its 'format' is not '{}'). Name a run.h5 written by variscope.", path.string(), format_name));
  }
  const auto version = read_integer_attribute(file, "format_version");
  if (version != run_format_version) {
    throw UserError(
        fmt::format("{}: format version {} (this program reads version {}). Use the variscope that wrote it, or run the study again.",
                    path.string(), version, run_format_version));
  }
  return file;
}

std::string verified_hash(const std::filesystem::path& path, const Handle& file) {
  const auto stated = read_text_attribute(file, "results_hash");
  auto found = content_hash(file, "/results");
  if (stated != found) {
    throw UserError(
        fmt::format("{}: results do not match their hash (stated {}, found {}): the file was changed or damaged. "
                    "Restore it from a copy, or run the study again.",
                    path.string(), stated, found));
  }
  return found;
}

/// What HDF5 cannot read is damage to the user, who can only fetch or make the file again.
template <class Read>
auto reading(const std::filesystem::path& path, Read read) {
  try {
    return read();
  } catch (const SystemError& error) {
    throw UserError(fmt::format("{}: cannot be read ({}). It is damaged or no run file: restore it from a copy, or run the study again.",
                                path.string(), error.what()));
  }
}

/// Whatever stands in /results and beside it: written beside, verified, renamed.
template <class Results, class Others>
std::string write_file(const std::filesystem::path& path, const ExecutionTable& execution,
                       const std::map<std::string, std::string>& provenance, Results results, Others others) {
  std::string hash;
  write_beside(path, [&](const std::filesystem::path& beside) {
    auto file = create_file(beside);
    DimensionCounter counter;
    write_attribute(file, "format", format_name);
    write_attribute(file, "format_version", run_format_version);
    // Results come first: dimension numbers are part of them, and must not depend on what follows.
    write_group(file, "results", [&](const Handle& group) { results(group, counter); });
    hash = content_hash(file, "/results");
    write_attribute(file, "results_hash", hash);
    others(file, counter);
    write_execution(file, counter, execution);
    write_provenance(file, provenance);
    file.close();
    auto written = open_file(beside, Access::read);
    if (content_hash(written, "/results") != hash) {
      throw SystemError(fmt::format("verify: {} (what is on disk is not what was written)", beside.string()));
    }
    written.close();
  });
  return hash;
}

}  // namespace

std::string write_run_file(const std::filesystem::path& path, const std::vector<CellRecord>& cells, const std::vector<PathRecord>& paths,
                           const ExecutionTable& execution, const std::map<std::string, std::string>& provenance) {
  for (const auto& cell : cells) check_cell(cell);
  return write_file(
      path, execution, provenance,
      [&](const Handle& group, DimensionCounter& counter) {
        for (const auto& cell : cells) write_cell(group, counter, cell);
        for (const auto& record : paths) write_path(group, counter, record);
      },
      [&](const Handle& file, DimensionCounter& counter) {
        write_group(file, "timings", [&](const Handle& group) { write_timings(group, counter, cells); });
      });
}

std::string write_run_file(const std::filesystem::path& path, const std::vector<FitCellRecord>& fits, const ExecutionTable& execution,
                           const std::map<std::string, std::string>& provenance) {
  for (const auto& cell : fits) check_fit_cell(cell);
  return write_file(
      path, execution, provenance,
      [&](const Handle& group, DimensionCounter& counter) {
        for (const auto& cell : fits) write_fit_cell(group, counter, cell);
      },
      [&](const Handle& file, DimensionCounter& counter) {
        write_group(file, "timings", [&](const Handle& group) {
          for (const auto& cell : fits) write_fit_timings(group, counter, cell);
        });
        write_group(file, "states", [&](const Handle& group) {
          for (const auto& cell : fits) write_fit_states(group, counter, cell);
        });
      });
}

std::string write_run_file(const std::filesystem::path& path, const std::vector<ChainCellRecord>& chains, const ExecutionTable& execution,
                           const std::map<std::string, std::string>& provenance) {
  for (const auto& cell : chains) check_chain_cell(cell);
  return write_file(
      path, execution, provenance,
      [&](const Handle& group, DimensionCounter& counter) {
        for (const auto& cell : chains) write_chain_cell(group, counter, cell);
      },
      [&](const Handle& file, DimensionCounter& counter) {
        write_group(file, "timings", [&](const Handle& group) {
          for (const auto& cell : chains) write_chain_timings(group, counter, cell);
        });
      });
}

RunRecord read_run_file(const std::filesystem::path& path) {
  return reading(path, [&] {
    const auto file = open_run(path);
    RunRecord run;
    run.results_hash = verified_hash(path, file);
    const auto results = open_group(file, "results");
    for (const auto& id : child_names(results, Order::creation)) {
      const auto kind = read_text_attribute(open_group(results, id), "kind");
      if (kind == "cell") run.cells.push_back(read_cell(results, id));
      if (kind == "fit") run.fits.push_back(read_fit_cell(results, id));
      if (kind == "chains") run.chains.push_back(read_chain_cell(results, id));
      if (kind == "path") run.paths.push_back(read_path(results, id));
    }
    read_timings(file, run.cells);
    for (auto& cell : run.fits) {
      read_fit_timings(file, cell);
      read_fit_states(file, cell);
    }
    for (auto& cell : run.chains) read_chain_timings(file, cell);
    run.execution.names = read_texts(file, "execution/name");
    run.execution.values = read_doubles(file, "execution/values");
    run.execution.ranks = static_cast<Index>(extent_of(open_dataset(file, "execution/rank")).front());
    run.provenance = provenance_of(file);
    return run;
  });
}

std::map<std::string, std::string> read_provenance(const std::filesystem::path& path) {
  return reading(path, [&] {
    const auto file = open_run(path);
    auto texts = provenance_of(file);
    texts["results_hash"] = read_text_attribute(file, "results_hash");
    return texts;
  });
}

std::string verified_results_hash(const std::filesystem::path& path) {
  return reading(path, [&] {
    const auto file = open_run(path);
    return verified_hash(path, file);
  });
}

bool is_run_file(const std::filesystem::path& path) noexcept {
  try {
    const auto file = open_file(path, Access::read);
    return has_attribute(file, "format") && read_text_attribute(file, "format") == format_name;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace variscope::store
