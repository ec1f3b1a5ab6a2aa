/// Roles of columns, treatment coding, and products.
#include "experiments/dataset/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/data/columns.hpp"
#include "engine/error.hpp"

namespace variscope::experiments {

using models::ResponseKind;

namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

std::size_t field_of(const Dataset& dataset, const std::string& name) {
  return static_cast<std::size_t>(data::find_column(dataset.file.fields, name, dataset.path));
}

void check_twice(const Dataset& dataset, const char* key, const Names& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (seen.insert(name).second) continue;
    throw UserError(fmt::format("{}: column '{}' stands twice in {} (each is used once). Remove one.", dataset.path, name, key));
  }
}

void use(Dataset& dataset, std::size_t field, const Settings::Data& settings) {
  dataset.file.uses[field] = contains(settings.categorical, dataset.file.fields[field]) ? CellUse::level : CellUse::number;
}

/// "x1*x2" -> x1, x2.
Names factors_of(const Dataset& dataset, const std::string& product) {
  Names factors;
  for (std::size_t at = 0; at <= product.size();) {
    const std::size_t stop = std::min(product.find('*', at), product.size());
    factors.emplace_back(data::detail::trim(std::string_view(product).substr(at, stop - at)));
    at = stop + 1;
  }
  if (factors.size() < 2 || contains(factors, "")) {
    throw UserError(fmt::format("{}: '{}' is no interaction (columns with '*' between them are). Write \"x1*x2\" into data.interactions.",
                                dataset.path, product));
  }
  return factors;
}

/// Columns of the design that stand for a field in products: itself, or its levels but the first.
std::vector<Index> standing_for(const Dataset& dataset, const std::string& name, const std::string& product) {
  const std::size_t field = field_of(dataset, name);
  std::vector<Index> positions;
  bool there = false;
  for (std::size_t c = 0; c < dataset.design.size(); ++c) {
    if (dataset.design[c].field != field) continue;
    there = true;
    if (dataset.design[c].level != 0) positions.push_back(static_cast<Index>(c));
  }
  if (!there && dataset.levels[field].size() != 1) {
    throw UserError(fmt::format("{}: interaction '{}': '{}' is no column of the design (products are of those). Add it to data.columns.",
                                dataset.path, product, name));
  }
  return positions;
}

void add_product(Dataset& dataset, const std::string& product) {
  std::vector<data::ProductColumn> made(1);
  for (const std::string& factor : factors_of(dataset, product)) {
    std::vector<data::ProductColumn> longer;
    for (const data::ProductColumn& one : made) {
      for (const Index position : standing_for(dataset, factor, product)) {
        data::ProductColumn next = one;
        if (!next.name.empty()) next.name += '*';
        next.name += dataset.columns[static_cast<std::size_t>(position)];
        next.factors.push_back(position);
        longer.push_back(std::move(next));
      }
    }
    made = std::move(longer);
  }
  dataset.products.insert(dataset.products.end(), made.begin(), made.end());
}

}  // namespace

void choose_fields(Dataset& dataset, const Settings::Data& settings, ResponseKind response) {
  const Names& fields = dataset.file.fields;
  dataset.file.uses.assign(fields.size(), CellUse::unused);
  check_twice(dataset, "data.columns", settings.columns);
  check_twice(dataset, "data.side_columns", settings.side_columns);
  check_twice(dataset, "data.categorical", settings.categorical);
  for (const std::string& name : settings.categorical) field_of(dataset, name);
  if (!dataset.response.empty()) {
    dataset.response_field = field_of(dataset, dataset.response);
    use(dataset, *dataset.response_field, settings);
    if (response == ResponseKind::category) dataset.file.uses[*dataset.response_field] = CellUse::level;
    for (const Names* names : {&settings.columns, &settings.side_columns}) {
      if (!contains(*names, dataset.response)) continue;
      throw UserError(fmt::format("{}: column '{}' is the response (it is explained, and cannot explain). Remove it from {}.", dataset.path,
                                  dataset.response, names == &settings.columns ? "data.columns" : "data.side_columns"));
    }
  }
  for (const std::string& name : settings.side_columns) {
    dataset.side_fields.push_back(field_of(dataset, name));
    use(dataset, dataset.side_fields.back(), settings);
  }
  dataset.side_columns = settings.side_columns;
  Names design = settings.columns;
  if (design == Names{"*"}) {
    design.clear();
    for (const std::string& name : fields) {
      if (name != dataset.response && !contains(settings.side_columns, name)) design.push_back(name);
    }
  }
  for (const std::string& name : design) {
    dataset.design.push_back({field_of(dataset, name), -1});
    use(dataset, dataset.design.back().field, settings);
  }
  for (const std::string& name : settings.categorical) {
    if (dataset.file.uses[field_of(dataset, name)] != CellUse::unused) continue;
    throw UserError(
        fmt::format("{}: column '{}' is named in data.categorical and has no use (it is neither in data.columns nor in "
                    "data.side_columns). Add it there, or remove it.",
                    dataset.path, name));
  }
}

void code_columns(Dataset& dataset, const Settings::Data& settings) {
  bool keep_first = !settings.intercept;
  const std::vector<Dataset::Column> chosen = std::move(dataset.design);
  dataset.design.clear();
  for (const Dataset::Column& column : chosen) {
    const std::string& name = dataset.file.fields[column.field];
    if (dataset.file.uses[column.field] != CellUse::level) {
      dataset.design.push_back(column);
      dataset.columns.push_back(name);
      continue;
    }
    const Names& levels = dataset.levels[column.field];
    for (std::size_t k = keep_first ? 0 : 1; k < levels.size(); ++k) {
      dataset.design.push_back({column.field, static_cast<Index>(k)});
      dataset.columns.push_back(fmt::format("{}[{}]", name, levels[k]));
    }
    keep_first = false;
  }
  check_twice(dataset, "data.interactions", settings.interactions);
  for (const std::string& product : settings.interactions) add_product(dataset, product);
  for (const data::ProductColumn& product : dataset.products) dataset.columns.push_back(product.name);
  data::check_column_names(dataset.columns, dataset.path);
}

}  // namespace variscope::experiments
