/// The runs' own tables, turned: what was a section becomes a column.
#include "experiments/report/combined.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "engine/error.hpp"
#include "experiments/report/chain_summaries.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/fit_summaries.hpp"
#include "experiments/report/tables.hpp"

namespace variscope::experiments {

namespace {

enum class Better { lower, higher, near_one };

/// Where a quantity is found among the tables of a run.
struct Quantity {
  const char* key;
  const char* table;
  const char* title;
  Better better;
  bool first;  ///< shown unless another is asked for
};

constexpr std::array<Quantity, 16> kQuantities{
    {{"trace_total", "t1", "total variance of an estimate, tr Var", Better::lower, true},
     {"fisher_trace", "t1", "variance in the Fisher metric", Better::lower, false},
     {"signal_to_noise", "t1", "signal to noise", Better::higher, false},
     {"evaluations", "t1", "evaluations of an estimate", Better::lower, false},
     {"gap", "t4", "gap to the optimum at the end (nat)", Better::lower, true},
     {"evaluations_to_tolerance", "t4", "gradient evaluations to come within the tolerance", Better::lower, false},
     {"mean_error_rms", "t5", "root mean square error of the means, in reference sds", Better::lower, true},
     {"sd_ratio", "t5", "sd over reference sd, geometric mean", Better::near_one, true},
     {"k_hat", "t5", "k-hat", Better::lower, false},
     {"log_density", "t6", "log predictive density per row (nat)", Better::higher, true},
     {"rmse", "t6", "root mean square error of predictions", Better::lower, false},
     {"ess_per_gradient_all", "s1", "effective draws per gradient, warm-up included", Better::higher, true},
     {"ess_per_second_all", "s1", "effective draws per core-second, warm-up included (1/s)", Better::higher, false},
     {"rhat_max", "s1", "largest R-hat", Better::near_one, true},
     {"mean_z", "s1", "error of the means, in standard errors", Better::lower, true},
     {"sd_z", "s1", "error of the sds, in standard errors", Better::lower, false}}};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// What a method was given to spend: of methods side by side this must be the same.
bool is_budget(const std::string& key) {
  static const std::set<std::string> keys = {"estimators.samples",     "estimators.batch_rows", "estimators.replicas", "fit.steps",
                                             "fit.budget_evaluations", "sampler.chains",        "sampler.warmup",      "sampler.draws"};
  return keys.contains(key);
}

/// Settings that say which run it was, or how often something was measured, not what.
bool says_which(const std::string& key) {
  return key.starts_with("study.") || key.starts_with("output.") || key.starts_with("limits.") || key.starts_with("replicates.") ||
         key.starts_with("components.") || key == "fit.repeats" || key == "sampler.thin" || key == "fit.trace_every";
}

/// A cell's own place among the runs: its settings are compared with those of other runs' cells, its id says whose it is.
template <class Cell>
void take_over(Cell cell, const std::string& run, std::vector<Cell>& all) {
  cell.id = run + "/" + cell.id;
  std::erase_if(cell.settings, [](const auto& setting) { return says_which(setting.first); });
  all.push_back(std::move(cell));
}

std::string run_of(const std::string& id) { return id.substr(0, id.find('/')); }

std::string setting(const Pairs& settings, const std::string& key) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.first == key; });
  return found == settings.end() ? "unset" : found->second;
}

std::string same_text(const std::set<std::string>& values) { return fmt::format("{}", fmt::join(values, " / ")); }

/// Cells of one column: what has to be the same of them.
class Common {
 public:
  void add(const std::string& id, const Pairs& settings) {
    runs_.insert(run_of(id));
    for (const auto& [key, value] : settings) {
      if (is_budget(key)) budgets_[key].insert(value);
    }
  }

  void check(const std::string& heading, const std::map<std::string, std::string>& data, bool any_budget) const {
    std::set<std::string> contents;
    for (const std::string& run : runs_) contents.insert(data.at(run));
    if (contents.size() > 1) {
      throw UserError(
          fmt::format("variscope report: {}: the runs {} are of other data under one name (their fingerprints differ), and their "
                      "results are not comparable. Report them apart.",
                      heading, fmt::join(runs_, ", ")));
    }
    if (any_budget) return;
    for (const auto& [key, values] : budgets_) {
      if (values.size() < 2) continue;
      throw UserError(
          fmt::format("variscope report: {}: methods had other budgets ({} = {}), and their results are not comparable. Choose runs of one "
                      "budget, or see them as rows of their own with --any-budget.",
                      heading, key, same_text(values)));
    }
  }

 private:
  std::set<std::string> runs_;
  std::map<std::string, std::set<std::string>> budgets_;
};

/// A number of one method in one column.
struct Entry {
  std::string row;
  std::string run;
  TableCell cell;
};

/// One column: a problem, and its entries of every quantity.
struct Problem {
  std::string heading;
  std::map<std::string, std::vector<Entry>> entries;  ///< by quantity
};

/// Distance of a value from the best there is, on a scale where less is better.
double badness(double value, Better better) {
  return better == Better::lower ? value : better == Better::higher ? -value : std::abs(std::log(value));
}

/// The interval of an estimate on that scale.
std::pair<double, double> bad_interval(const diagnostics::Estimate& e, Better better) {
  double a = badness(e.lower, better);
  double b = badness(e.upper, better);
  if (a > b) std::swap(a, b);
  if (better == Better::near_one && e.lower < 1 && e.upper > 1) a = 0;
  return {a, b};
}

void mark_best(std::vector<TableCell*>& column, Better better) {
  std::vector<TableCell*> ranked;
  for (TableCell* cell : column) {
    if (cell->kind == CellKind::absent) continue;
    // What cannot be relied on cannot be beaten either.
    if (cell->kind != CellKind::estimate || !cell->estimate.reliable() || !cell->estimate.has_interval()) return;
    ranked.push_back(cell);
  }
  if (ranked.size() < 2) return;
  for (TableCell* best : ranked) {
    const double end = bad_interval(best->estimate, better).second;
    const bool separate = std::all_of(ranked.begin(), ranked.end(),
                                      [&](TableCell* other) { return other == best || bad_interval(other->estimate, better).first > end; });
    best->best = separate;
  }
}

class Combiner {
 public:
  Combiner(const std::vector<NamedRun>& runs, bool any_budget) : any_budget_(any_budget) {
    for (const NamedRun& run : runs) {
      const auto found = run.record.provenance.find("data");
      data_[run.name] = found == run.record.provenance.end() ? "" : found->second;
      for (const CellRecord& cell : run.record.cells) take_over(cell, run.name, cells_);
      for (const FitCellRecord& cell : run.record.fits) take_over(cell, run.name, fits_);
      for (const ChainCellRecord& cell : run.record.chains) take_over(cell, run.name, chains_);
    }
    if ((cells_.empty() ? 0 : 1) + (fits_.empty() ? 0 : 1) + (chains_.empty() ? 0 : 1) > 1) {
      throw UserError(
          "variscope report: the runs are of different kinds (variances, fits and chains have no quantity in common that one table could "
          "hold). Report runs of one kind together; T5 of fits and of chains has the same columns.");
    }
    if (!fits_.empty()) add_fits();
    if (!chains_.empty()) add_chains();
    if (!cells_.empty()) add_variances();
  }

  Table table(const std::string& wanted, const std::vector<NamedRun>& runs) {
    Table table;
    table.place = "";
    table.panels = {"methods as rows, models as columns"};
    for (const Problem& problem : problems_) table.columns.emplace_back(Column{problem.heading, problem.heading, "", 0});
    std::vector<std::string> names;
    for (const NamedRun& run : runs) names.push_back(run.name);
    bool any_best = false;
    for (const Quantity& quantity : kQuantities) {
      if (wanted.empty() ? !quantity.first : wanted != quantity.key) continue;
      TableSection section = section_of(quantity);
      if (section.rows.empty()) continue;
      section.cell = "runs";
      section.cell_heading = fmt::format("{}", fmt::join(names, ", "));
      for (const TableRow& row : section.rows)
        any_best = any_best || std::any_of(row.cells.begin(), row.cells.end(), [](const TableCell& cell) { return cell.best; });
      table.sections.push_back(std::move(section));
    }
    table.title = fmt::format("Runs together: {}", fmt::join(names, ", "));
    table.caption =
        "Every column is one problem: the same model, data and, of variances, the same variational parameters. 95 % intervals in brackets. "
        "Bold (* in text): the best of its column, its interval apart from every other's; where nothing is bold, noise does not tell the "
        "methods apart, or a number has no interval to be judged by.";
    if (any_budget_) table.footnotes.emplace_back("Budgets differ: a row's name says its own.");
    return table;
  }

 private:
  /// Sections of these tables by heading, into problems.
  void add_tables(const std::vector<NamedTable>& tables, const std::map<std::string, std::string>& heading_of_section) {
    for (const NamedTable& named : tables) {
      for (const TableSection& section : named.table.sections) {
        const auto known = heading_of_section.find(section.cell + "\n" + section.point);
        const std::string heading = known == heading_of_section.end() ? section.cell_heading : known->second;
        if (heading.empty()) continue;
        // Of T6, rows held out where there are some.
        if (named.name == "t6" && section.point == "training" && holds_out(named.table, section.cell_heading)) continue;
        for (std::size_t c = 0; c < named.table.columns.size(); ++c) {
          for (const Quantity& quantity : kQuantities) {
            if (named.name != quantity.table || named.table.columns[c].key != quantity.key) continue;
            for (const TableRow& row : section.rows) add(heading, quantity.key, {row.label(), run_of(section.cell), row.cells[c]});
          }
        }
      }
    }
  }

  static bool holds_out(const Table& table, const std::string& heading) {
    return std::any_of(table.sections.begin(), table.sections.end(),
                       [&](const TableSection& s) { return s.cell_heading == heading && s.point == "test"; });
  }

  void add(const std::string& heading, const std::string& quantity, Entry entry) {
    auto found = std::find_if(problems_.begin(), problems_.end(), [&](const Problem& p) { return p.heading == heading; });
    if (found == problems_.end()) found = problems_.insert(problems_.end(), {heading, {}});
    std::vector<Entry>& entries = found->entries[quantity];
    for (Entry& other : entries) {
      if (other.row != entry.row) continue;
      // One method in two runs: the same numbers once, others under their runs' names.
      const bool same = other.cell.kind == entry.cell.kind && other.cell.text == entry.cell.text &&
                        other.cell.estimate.value == entry.cell.estimate.value && other.cell.estimate.lower == entry.cell.estimate.lower;
      if (same) return;
      entry.row += fmt::format(" ({})", entry.run);
      break;
    }
    entries.push_back(std::move(entry));
  }

  void check(const std::map<std::string, Common>& columns) const {
    for (const auto& [heading, column] : columns) column.check(heading, data_, any_budget_);
  }

  void add_fits() {
    const ReportContext context;
    std::map<std::string, Common> columns;
    for (const FitProblem& problem : summarise_posteriors(fits_)) {
      for (const FitGroup& group : problem.groups) columns[problem.heading].add(group.cell->id, group.cell->settings);
    }
    check(columns);
    add_tables(fit_tables(fits_, context), {});
  }

  void add_chains() {
    std::map<std::string, Common> columns;
    std::size_t next = 0;
    const std::vector<SamplerEntry> entries = summarise_chains(chains_);
    for (const ChainCellRecord& cell : chains_) {
      for (std::size_t k = 0; k < cell.samplers.size(); ++k) columns[entries[next++].problem].add(cell.id, cell.settings);
    }
    check(columns);
    add_tables(chain_tables(chains_, {}), {});
  }

  /// What decides a variance but for the estimator and its budget, in words: "logistic_regression, mean_field_gaussian, N = 569".
  static std::string variance_problem(const CellRecord& cell, const std::set<std::string>& differing) {
    std::string text = fmt::format("{}, {}", cell.model, cell.family);
    if (cell.rows > 0) text += fmt::format(", N = {}", cell.rows);
    for (const std::string& key : differing) {
      const bool decides = key.starts_with("model.") || key.starts_with("data.") || key.starts_with("family.") || key == "objective";
      if (decides && key != "model.name" && key != "family.name") text += fmt::format(", {} = {}", key, setting(cell.settings, key));
    }
    return text;
  }

  void add_variances() {
    std::vector<const CellRecord*> all;
    for (const CellRecord& cell : cells_) all.push_back(&cell);
    const std::set<std::string> differing = differing_settings(all);
    std::map<std::string, Common> columns;
    std::map<std::string, const CellRecord*> first;
    std::map<std::string, std::string> headings;
    for (const CellRecord& cell : cells_) {
      if (cell.points.empty()) continue;
      const std::string heading = variance_problem(cell, differing);
      columns[heading].add(cell.id, cell.settings);
      const PointRecord& point = cell.points.back();
      // Only the last point of a path: variances elsewhere are no summary of it.
      for (const PointRecord& other : cell.points) headings[cell.id + "\n" + other.label] = "";
      headings[cell.id + "\n" + point.label] = heading;
    }
    check(columns);
    for (const CellRecord& cell : cells_) {
      if (cell.points.empty()) continue;
      const std::string heading = variance_problem(cell, differing);
      const auto [known, fresh] = first.try_emplace(heading, &cell);
      if (!fresh) check_point(heading, known->second->points.back(), cell.points.back(), known->second->id, cell.id);
    }
    ReportContext context;
    const std::vector<CellSummary> summaries = summarise_cells(cells_, context);
    std::vector<NamedTable> tables = report_tables(summaries, {}, context);
    std::erase_if(tables, [](const NamedTable& named) { return named.name != "t1"; });
    for (NamedTable& named : tables) {
      for (TableSection& section : named.table.sections) {
        for (TableRow& row : section.rows) {
          const std::string words = any_budget_ ? budget_words(section.cell, differing) : "";
          if (!words.empty()) row.variant += (row.variant.empty() ? "" : ", ") + words;
        }
      }
    }
    add_tables(tables, headings);
  }

  std::string budget_words(const std::string& id, const std::set<std::string>& differing) const {
    std::string text;
    for (const CellRecord& cell : cells_) {
      if (cell.id != id) continue;
      for (const std::string& key : differing) {
        static const std::map<std::string, std::string> letters = {
            {"estimators.samples", "M"}, {"estimators.batch_rows", "B"}, {"estimators.replicas", "R"}};
        const auto letter = letters.find(key);
        if (letter != letters.end())
          text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", letter->second, setting(cell.settings, key));
      }
    }
    return text;
  }

  static void check_point(const std::string& heading, const PointRecord& a, const PointRecord& b, const std::string& first,
                          const std::string& second) {
    // What two machines' rounding makes of one path, not two paths.
    constexpr double same_point = 1e-6;
    bool same = a.label == b.label && a.lambda.size() == b.lambda.size();
    for (std::size_t i = 0; same && i < a.lambda.size(); ++i)
      same = std::abs(a.lambda[i] - b.lambda[i]) <= same_point * (1 + std::max(std::abs(a.lambda[i]), std::abs(b.lambda[i])));
    if (same) return;
    throw UserError(
        fmt::format("variscope report: {}: {} and {} were measured at other parameters ({} / {}), and a variance belongs to its "
                    "point. Use one path for both (path.*, study.seed), or report them apart.",
                    heading, first, second, a.label, b.label));
  }

  TableSection section_of(const Quantity& quantity) {
    TableSection section;
    section.point = quantity.title;
    for (const Problem& problem : problems_) {
      const auto found = problem.entries.find(quantity.key);
      if (found == problem.entries.end()) continue;
      for (const Entry& entry : found->second) {
        const bool known =
            std::any_of(section.rows.begin(), section.rows.end(), [&](const TableRow& row) { return row.name == entry.row; });
        if (!known && entry.cell.kind != CellKind::absent)
          section.rows.push_back({entry.row, std::vector<TableCell>(problems_.size(), absent()), {}});
      }
    }
    for (std::size_t p = 0; p < problems_.size(); ++p) {
      std::vector<TableCell*> column;
      const auto found = problems_[p].entries.find(quantity.key);
      if (found == problems_[p].entries.end()) continue;
      for (const Entry& entry : found->second) {
        for (TableRow& row : section.rows) {
          if (row.name != entry.row) continue;
          row.cells[p] = entry.cell;
          column.push_back(&row.cells[p]);
        }
      }
      mark_best(column, quantity.better);
    }
    return section;
  }

  bool any_budget_;
  std::map<std::string, std::string> data_;  ///< fingerprints by run
  std::vector<CellRecord> cells_;
  std::vector<FitCellRecord> fits_;
  std::vector<ChainCellRecord> chains_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<std::string> combined_quantities() {
  std::vector<std::string> names;
  for (const Quantity& quantity : kQuantities) names.emplace_back(quantity.key);
  return names;
}

Table combine(const std::vector<NamedRun>& runs, const std::string& quantity, bool any_budget) {
  std::set<std::string> names;
  for (const NamedRun& run : runs) {
    if (!names.insert(run.name).second)
      throw UserError(
          fmt::format("variscope report: two runs are called '{}' (names of their directories tell them apart). Rename one.", run.name));
  }
  Table table = Combiner(runs, any_budget).table(quantity, runs);
  if (table.sections.empty()) {
    throw UserError(
        fmt::format("variscope report: the runs have no {} (it belongs to studies of another kind, or needs a reference). Leave "
                    "out --quantity to see what they have.",
                    quantity.empty() ? "quantity in common" : quantity));
  }
  return table;
}

}  // namespace variscope::experiments
