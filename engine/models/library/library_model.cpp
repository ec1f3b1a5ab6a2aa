/// Columns taken out of lane blocks and put back, failures turned into data, and the two catalogue entries.
#include "engine/models/library/library_model.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>

#include "engine/error.hpp"
#include "engine/tiles/batch.hpp"

namespace variscope::models {
namespace {

static_assert(VS_LANES == tiles::kLanes);

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::string> split(const char* names) {
  std::vector<std::string> all;
  if (names == nullptr || *names == '\0') return all;
  std::string rest = names;
  for (std::size_t comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
    all.push_back(rest.substr(0, comma));
    rest.erase(0, comma + 1);
  }
  all.push_back(rest);
  return all;
}

/// "L.2.1" -> {"L", {2, 1}}; no indices where they are no numbers.
std::pair<std::string, std::vector<Index>> parse_name(const std::string& name) {
  std::vector<Index> indices;
  std::size_t end = name.find('.');
  const std::string base = name.substr(0, end);
  while (end != std::string::npos) {
    const std::size_t next = name.find('.', end + 1);
    const std::string digits = name.substr(end + 1, next == std::string::npos ? next : next - end - 1);
    if (digits.empty() || digits.size() > 9 || digits.find_first_not_of("0123456789") != std::string::npos) return {name, {}};
    indices.push_back(std::stoll(digits));
    end = next;
  }
  return {base, indices};
}

/// Place of `indices` (from 1) in an array whose first index runs fastest, or whose last does.
Index place(const std::vector<Index>& indices, const std::vector<Index>& shape, bool first_fastest) {
  Index sum = 0;
  const std::size_t n = shape.size();
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t axis = first_fastest ? n - 1 - k : k;
    sum = sum * shape[axis] + indices[axis] - 1;
  }
  return sum;
}

std::string complete_path(const Arguments& arguments, const std::string& file) {
  const auto directory = arguments.words.find("spec_directory");
  const std::filesystem::path path(file);
  if (path.is_absolute() || directory == arguments.words.end() || directory->second.empty()) return file;
  return (std::filesystem::path(directory->second) / path).lexically_normal().string();
}

/// A JSON text or nothing as it is; a file found.
std::string complete_data(const Arguments& arguments) {
  const std::string& data = arguments.word("data");
  if (data.empty() || data.find('{') != std::string::npos) return data;
  std::string path = complete_path(arguments, data);
  std::error_code ignored;
  if (!data.ends_with(".json") || !std::filesystem::is_regular_file(path, ignored)) {
    throw UserError(
        fmt::format("model.data: no file '{}' (a .json file or a JSON text in braces is expected; relative paths start at the "
                    "spec). Check the path.",
                    path));
  }
  return path;
}

/// Time and size of a file; empty for what is none.
std::string version_of(const std::string& file) {
  std::error_code ignored;
  if (file.empty() || file.find('{') != std::string::npos || !std::filesystem::is_regular_file(file, ignored)) return {};
  return fmt::format("{} {}", std::filesystem::last_write_time(file, ignored).time_since_epoch().count(),
                     std::filesystem::file_size(file, ignored));
}

/// The model that this process has of the library, data and seed; made if there is none. Kept to the end: libraries are never unloaded.
template <class Make>
std::shared_ptr<bs_model> shared_model(const std::string& path, const std::string& data, unsigned seed, const Make& make) {
  static std::mutex guard;
  static auto& made = *new std::map<std::string, std::shared_ptr<bs_model>>;  // outlives every static model
  const std::string key = fmt::format("{}\n{}\n{}\n{}\n{}", path, version_of(path), data, version_of(data), seed);
  const std::lock_guard<std::mutex> lock(guard);
  std::shared_ptr<bs_model>& place = made[key];
  if (place == nullptr) place = make();
  return place;
}

PluginThreads threads_of(const std::string& word) {
  if (word == "safe") return PluginThreads::safe;
  return word == "guarded" ? PluginThreads::guarded : PluginThreads::by_info;
}

std::unique_ptr<Model> make(const Arguments& arguments) {
  const std::string data = complete_data(arguments);
  return std::make_unique<LibraryModel>(complete_path(arguments, arguments.word("library")), data,
                                        static_cast<unsigned>(arguments.number("seed")), threads_of(arguments.word("threads")),
                                        arguments.table);
}

Entry entry_with(const char* name, const char* summary, const char* example, const char* data) {
  Entry entry;
  entry.name = name;
  entry.summary = summary;
  entry.source = "C interface of BridgeStan 2: Roualdes, Ward, Carpenter, Seyboldt, Axen 2023, JOSS 8(87) 5236; engine/models/library";
  entry.parameters = {{"seed", "seed of random numbers in the library's transformed data", {1.0}}};
  entry.words = {{"library", "shared library (.so), relative to the spec", std::nullopt, false, {}},
                 {"data", "what the library makes its model from: a .json file, relative to the spec, or a JSON text", "", false, {}},
                 {"threads",
                  "whether threads may call the library at once; auto: if it says STAN_THREADS=true",
                  "auto",
                  false,
                  {"auto", "safe", "guarded"}}};
  entry.make = make;
  entry.smoke.numbers = {{"seed", {1.0}}};
  entry.smoke.words = {{"library", std::string(VARISCOPE_EXAMPLE_PLUGINS "/") + example}, {"data", data}, {"threads", "auto"}};
  return entry;
}

}  // namespace

std::vector<Variable> group_variables(const std::vector<std::string>& names, std::vector<std::size_t>& order) {
  std::vector<Variable> variables;
  order.clear();
  for (std::size_t first = 0; first < names.size();) {
    const auto [base, indices] = parse_name(names[first]);
    std::size_t last = first + 1;
    while (!indices.empty() && last < names.size() && parse_name(names[last]).first == base &&
           parse_name(names[last]).second.size() == indices.size())
      ++last;
    const std::vector<Index> shape = parse_name(names[last - 1]).second;
    Variable array{base, shape};
    bool complete = !indices.empty() && array.size() == static_cast<Index>(last - first);
    for (std::size_t k = first; complete && k < last; ++k)
      complete = place(parse_name(names[k]).second, shape, true) == static_cast<Index>(k - first);
    if (!complete) {
      variables.push_back({names[first], {}});
      order.push_back(first);
      ++first;
      continue;
    }
    const std::size_t start = order.size();
    order.resize(start + (last - first));
    for (std::size_t k = first; k < last; ++k)
      order[start + static_cast<std::size_t>(place(parse_name(names[k]).second, shape, false))] = k;
    variables.push_back(std::move(array));
    first = last;
  }
  return variables;
}

std::string LibraryModel::take_message(char* message) const {
  if (message == nullptr) return "no reason given";
  std::string text = message;
  functions_.free_error(message);
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

template <class Call>
std::string LibraryModel::call(const Call& function) const {
  std::unique_lock<std::mutex> lock(*functions_.guard, std::defer_lock);
  if (!concurrent_) lock.lock();
  try {
    char* message = nullptr;
    if (function(&message) == 0) {
      if (message != nullptr) functions_.free_error(message);
      return {};
    }
    return take_message(message);
  } catch (const std::exception& error) {
    return fmt::format("exception: {}", error.what());
  } catch (...) {
    return "an exception of unknown type";
  }
}

std::shared_ptr<bs_model> LibraryModel::construct(const std::string& data, unsigned seed) const {
  std::shared_ptr<bs_model> made;
  const std::string refused = call([&](char** message) {
    made.reset(functions_.construct(data.c_str(), seed, message), [destruct = functions_.destruct](bs_model* model) {
      if (model != nullptr) destruct(model);
    });
    return made == nullptr ? -1 : 0;
  });
  if (!refused.empty())
    throw UserError(
        fmt::format("model.data: '{}' makes no model of it ({}). Correct the data, or choose another library.", path_, refused));
  return made;
}

LibraryModel::LibraryModel(const std::string& path, const std::string& data, unsigned seed, PluginThreads threads, const data::Table* table)
    : path_(path), functions_(load_plugin(path, table != nullptr)), table_(table) {
  // Attached rows change a library's model, which others must not share.
  model_ = table == nullptr ? shared_model(path, data, seed, [&] { return construct(data, seed); }) : construct(data, seed);
  const char* info = functions_.info == nullptr ? nullptr : functions_.info(model_.get());
  const std::string said = info == nullptr ? "" : info;
  concurrent_ =
      threads == PluginThreads::safe || (threads == PluginThreads::by_info && said.find("STAN_THREADS=true") != std::string::npos);
  exact_products_ = functions_.hessian_vector != nullptr && said.find("BRIDGESTAN_AD_HESSIAN=true") != std::string::npos;
  if (table_ != nullptr) {
    for (const std::string& name : table_->columns) column_names_.push_back(name.c_str());
    const vs_table attached{
        table_->rows,     table_->held.first,   table_->held.last,     table_->width(),
        table_->stride(), column_names_.data(), table_->design.data(), table_->response.empty() ? nullptr : table_->response.data()};
    const std::string unfit = call([&](char** message) { return functions_.attach(model_.get(), &attached, message); });
    if (!unfit.empty())
      throw UserError(
          fmt::format("model.library: '{}' does not take these rows ({}). Correct [data], or choose another library.", path, unfit));
  }
  dim_ = functions_.dim(model_.get());
  if (dim_ < 1)
    throw UserError(fmt::format("model.library: '{}' has {} parameters (at least one is needed). Choose another model.", path, dim_));
  find_variables();
}

void LibraryModel::find_variables() {
  const bool whole = functions_.constrained_count != nullptr && functions_.constrained_names != nullptr && functions_.constrain != nullptr;
  const std::vector<std::string> names = whole ? split(functions_.constrained_names(model_.get(), true, false)) : parameter_names();
  if (whole && static_cast<int>(names.size()) == functions_.constrained_count(model_.get(), true, false)) {
    variables_ = group_variables(names, order_);
    parameters_ = functions_.constrained_count(model_.get(), false, false);
    return;
  }
  for (const std::string& name : parameter_names()) variables_.push_back({name, {}});
}

std::vector<std::string> LibraryModel::parameter_names() const {
  std::vector<std::string> names = split(functions_.names(model_.get()));
  return static_cast<Index>(names.size()) == dim_ ? names : Model::parameter_names();
}

bool LibraryModel::has_hessian_vector() const { return table_ == nullptr && exact_products_; }

void LibraryModel::constrain(ConstBatchView theta, BatchView out) const {
  if (order_.empty()) return Model::constrain(theta, out);
  std::vector<double> from(static_cast<std::size_t>(dim_));
  std::vector<double> values(order_.size());
  for (Index s = 0; s < theta.count; ++s) {
    for (Index d = 0; d < dim_; ++d) from[static_cast<std::size_t>(d)] = theta(d, s);
    const std::string problem =
        call([&](char** message) { return functions_.constrain(model_.get(), true, false, from.data(), values.data(), nullptr, message); });
    if (!problem.empty()) fail(problem);
    for (std::size_t k = 0; k < order_.size(); ++k) out(static_cast<Index>(k), s) = problem.empty() ? values[order_[k]] : kNan;
  }
}

void LibraryModel::unconstrain(std::span<const double> values, std::span<double> theta) const {
  if (order_.empty()) return Model::unconstrain(values, theta);
  if (functions_.unconstrain == nullptr) {
    throw UserError(
        fmt::format("{}: values cannot be taken to the real line (the library has no bs_param_unconstrain). Start from "
                    "coordinates instead.",
                    path_));
  }
  std::vector<double> given(order_.size(), 0.0);
  for (std::size_t k = 0; k < order_.size() && k < values.size(); ++k) given[order_[k]] = values[k];
  const std::string problem =
      call([&](char** message) { return functions_.unconstrain(model_.get(), given.data(), theta.data(), message); });
  if (!problem.empty()) throw UserError(fmt::format("{}: these values are outside the support ({}). Correct them.", path_, problem));
}

void LibraryModel::column(const double* theta, const double* direction, Wanted wanted, double* result) const {
  const auto dim = static_cast<std::size_t>(dim_);
  double* products = result + wanted.hessian_row(dim_);
  double value = 0.0;
  std::string problem;
  if (wanted.gradient) {
    problem = call([&](char** message) { return functions_.gradient(model_.get(), false, true, theta, &value, result + 1, message); });
  } else if (wanted.value) {
    problem = call([&](char** message) { return functions_.value(model_.get(), false, true, theta, &value, message); });
  }
  if (problem.empty() && wanted.hessian_vector) {
    double again = 0.0;
    problem = call(
        [&](char** message) { return functions_.hessian_vector(model_.get(), false, true, theta, direction, &again, products, message); });
  }
  result[0] = wanted.value ? value : 0.0;
  const auto count = static_cast<std::size_t>(wanted.rows(dim_));
  if (!problem.empty()) {
    result[0] = wanted.value ? -kInfinity : 0.0;
    for (std::size_t k = 1; k < count; ++k) result[k] = kNan;
    fail(problem);
    return;
  }
  for (std::size_t k = 0; k < count; ++k) {
    if (std::isfinite(result[k])) continue;
    fail(k == 0 ? fmt::format("a log density of {}", result[k]) : fmt::format("derivative {} is {}", (k - 1) % dim, result[k]));
    return;
  }
}

void LibraryModel::log_prior(ConstBatchView theta, Evaluation& out) const {
  const Wanted wanted = out.wanted;
  if (!wanted.value && !wanted.gradient && !wanted.hessian_vector) return;
  if (table_ != nullptr) {
    batch(theta, out, [&](const double* from, Index count, int what, double* to, char** message) {
      return functions_.prior_batch(model_.get(), from, count, what, to, message);
    });
    out.counts.add_evaluations(wanted, theta.count);
    return;
  }
  std::vector<double> from(static_cast<std::size_t>(dim_));
  std::vector<double> direction(wanted.hessian_vector ? from.size() : 0);
  std::vector<double> result(static_cast<std::size_t>(wanted.rows(dim_)));
  for (Index s = 0; s < theta.count; ++s) {
    for (Index d = 0; d < dim_; ++d) {
      from[static_cast<std::size_t>(d)] = theta(d, s);
      if (wanted.hessian_vector) direction[static_cast<std::size_t>(d)] = out.direction(d, s);
    }
    column(from.data(), direction.data(), wanted, result.data());
    for (Index k = wanted.value ? 0 : 1; k < wanted.rows(dim_); ++k) out.out(k, s) += result[static_cast<std::size_t>(k)];
  }
  out.counts.add_evaluations(wanted, theta.count);
}

template <class Batched>
void LibraryModel::batch(ConstBatchView theta, Evaluation& out, const Batched& batched) const {
  const Wanted wanted = out.wanted;
  const int what = (wanted.value ? VS_VALUE : 0) | (wanted.gradient ? VS_GRADIENT : 0);
  const Index height = wanted.rows(dim_);
  thread_local tiles::Batch results;  // kept between calls, so that nothing is allocated in the steady state
  results.resize(height, theta.count);
  const std::string problem = call([&](char** message) { return batched(theta.data, theta.count, what, results.data(), message); });
  if (!problem.empty()) {
    // Each column on its own: what one of them does must not depend on the others.
    tiles::Batch alone(dim_, 1);
    tiles::Batch result(height, 1);
    for (Index s = 0; s < theta.count; ++s) {
      for (Index d = 0; d < dim_; ++d) alone(d, 0) = theta(d, s);
      const std::string why = call([&](char** message) { return batched(alone.data(), 1, what, result.data(), message); });
      if (!why.empty()) fail(why);
      for (Index k = 0; k < height; ++k) results(k, s) = why.empty() ? result(k, 0) : k == 0 ? -kInfinity : kNan;
    }
  }
  for (Index s = 0; s < theta.count; ++s) {
    bool finite = true;
    for (Index k = wanted.value ? 0 : 1; k < height; ++k) {
      finite = finite && std::isfinite(results(k, s));
      out.out(k, s) += results(k, s);
    }
    if (!finite && problem.empty()) fail("a log density or derivative that is not finite");
  }
}

void LibraryModel::log_likelihood(const RowList& rows, ConstBatchView theta, Evaluation& out) const {
  if (table_ == nullptr) return Model::log_likelihood(rows, theta, out);
  const vs_rows wanted{rows.range.first, rows.range.last, rows.indices, rows.index_count};
  out.counts.add_rows(out.wanted, theta.count * rows.size());
  if (rows.size() == 0) return;
  batch(theta, out, [&](const double* from, Index count, int what, double* to, char** message) {
    return functions_.likelihood_batch(model_.get(), &wanted, from, count, what, to, message);
  });
}

Entry library_entry() {
  return entry_with("library", "any Stan model compiled with BridgeStan, or a plug-in with that interface: a shared library and its data",
                    "gaussian.so", R"({"mean": [0.5, -1.0, 0.25], "sd": [1.0, 2.0, 0.5]})");
}

Entry library_rows_entry() {
  Entry entry = entry_with("library_rows", "a plug-in over the rows of [data], in batches and minibatches: see variscope_plugin.h",
                           "logistic.so", R"({"prior_mean": 0.25, "prior_sd": 1.5})");
  entry.response = ResponseKind::binary;
  entry.words.push_back({"response", "what the library's rows explain", "binary", false, {"binary", "real", "count", "category"}});
  entry.smoke.words["response"] = "binary";
  entry.response_of = [](const Arguments& arguments) {
    const std::string& word = arguments.word("response");
    if (word == "real") return ResponseKind::real;
    if (word == "count") return ResponseKind::count;
    return word == "category" ? ResponseKind::category : ResponseKind::binary;
  };
  return entry;
}

}  // namespace variscope::models
