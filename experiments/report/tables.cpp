/// All tables of a run that it has something to say in, in the order in which they are read.
#include "experiments/report/tables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/samplers/catalogue.hpp"
#include "experiments/report/chain_summaries.hpp"
#include "experiments/report/combiner_table.hpp"
#include "experiments/report/crossing.hpp"
#include "experiments/report/entries.hpp"
#include "experiments/report/t1.hpp"
#include "experiments/report/t1b.hpp"
#include "experiments/report/t1r.hpp"
#include "experiments/report/t1u.hpp"
#include "experiments/report/t4.hpp"
#include "experiments/report/t5.hpp"
#include "experiments/report/t5_chains.hpp"
#include "experiments/report/t6.hpp"

namespace variscope::experiments {

const std::vector<std::string>& table_names() {
  static const std::vector<std::string> names = {"t1",        "t1i",       "t1b",         "t1x", "t1u", "t1r",          "t2",
                                                 "t2_shards", "t2_checks", "t3",          "t4",  "t5",  "t5_variables", "t5_correlations",
                                                 "t6",        "s1",        "s1_variables"};
  return names;
}

std::vector<NamedTable> report_tables(const std::vector<CellSummary>& cells, const Predictions& predictions, const ReportContext& context) {
  std::vector<NamedTable> tables;
  const auto add = [&](const char* name, Table table, bool details) {
    if (!table.sections.empty()) {
      tables.push_back({name, details, std::move(table)});
    }
  };
  add("t1", t1(cells, context), false);
  add("t1i", t1i(cells, context), false);
  add("t1b", t1b(cells, context), false);
  add("t1x", t1x(cells, context), true);
  add("t1u", t1u(cells, context), true);
  add("t1r", t1r(cells, context), true);
  add("t2", t2(predictions.components, context), true);
  add("t2_shards", t2_shards(predictions.shards, context), true);
  add("t2_checks", t2_checks(predictions.components, context), true);
  add("t3", t3(predictions.scaling, context), true);
  if (tables.empty()) {
    tables.push_back({"t1", false, t1(cells, context)});
  }
  return tables;
}

std::vector<NamedTable> fit_tables(const std::vector<FitCellRecord>& cells, const ReportContext& context) {
  const std::vector<FitProblem> problems = summarise_fits(cells);
  const std::vector<FitProblem> posteriors = summarise_posteriors(cells);
  std::vector<NamedTable> tables = {{"t4", false, t4(problems, context)}, {"t5", false, t5(posteriors, context)}};
  if (tables.front().table.sections.empty()) tables.erase(tables.begin());
  Table variables = t5_variables(posteriors, context);
  if (!variables.sections.empty()) tables.push_back({"t5_variables", true, std::move(variables)});
  Table correlations = t5_correlations(posteriors, context);
  if (!correlations.sections.empty()) tables.push_back({"t5_correlations", true, std::move(correlations)});
  Table predictive = t6(posteriors, context);
  if (!predictive.sections.empty()) tables.push_back({"t6", false, std::move(predictive)});
  return tables;
}

namespace {

/// "4 chains, each 2000 draws behind 1000 iterations of warm-up".
std::string chain_words(const ChainCellRecord& cell) {
  const std::string which = cell.first_chain > 0 ? fmt::format(" from chain {} on", cell.first_chain) : "";
  const std::string kept = cell.stored != cell.draws ? fmt::format(", {} of them stored", cell.stored) : "";
  const bool fewer = std::any_of(cell.samplers.begin(), cell.samplers.end(), [&](const auto& s) { return s.draws < cell.draws; });
  return fmt::format("{} chains{}, each {}{} draws behind {} iterations of warm-up{}", cell.chains, which, fewer ? "at most " : "",
                     cell.draws, cell.warmup, kept);
}

/// Dynamics on minibatches that no acceptance step corrects.
bool is_biased(const std::string& sampler) {
  const samplers::Entry* entry = samplers::find(sampler);
  return entry != nullptr && !entry->capabilities.exact &&
         std::any_of(entry->parameters.begin(), entry->parameters.end(), [](const auto& p) { return p.name == "batch_rows"; });
}

/// Of all cells with the section's problem: how many chains, which samplers are biased, which could not be run.
void add_chain_notes(const std::vector<ChainCellRecord>& cells, const std::vector<SamplerEntry>& entries, TableSection& section) {
  std::vector<std::string> words;
  const auto add = [&](std::vector<std::string>& notes, const std::string& note) {
    if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
  };
  std::size_t next = 0;
  for (const ChainCellRecord& cell : cells) {
    bool here = false;
    for (const ChainsRecord& chains : cell.samplers) {
      if (entries[next++].problem != section.cell_heading) continue;
      here = true;
      if (!is_biased(chains.sampler)) continue;
      add(section.notes, fmt::format("{} is biased: its effective draws are of another law than the posterior. Judge it by its error "
                                     "against a reference (T5)",
                                     chains.sampler));
    }
    if (!here) continue;
    add(words, chain_words(cell));
    for (const Exclusion& e : cell.exclusions) add(section.notes, fmt::format("without {}: {}", e.estimator, e.reason));
  }
  section.notes.insert(section.notes.begin(), words.size() == 1 ? words[0] : "chains and draws as the rows say");
}

}  // namespace

std::vector<NamedTable> chain_tables(const std::vector<ChainCellRecord>& cells, const ReportContext& context) {
  const std::vector<SamplerEntry> entries = summarise_chains(cells);
  Table samplers = sampler_table(entries, context.study);
  for (TableSection& section : samplers.sections) add_chain_notes(cells, entries, section);
  std::vector<NamedTable> tables = {{"s1", false, std::move(samplers)}};
  Table quality = t5_chains(entries, context.study);
  if (!quality.sections.empty()) tables.push_back({"t5", false, std::move(quality)});
  Table combined = combiner_table(cells, context.study);
  if (!combined.sections.empty()) tables.push_back({"c1", false, std::move(combined)});
  tables.push_back({"s1_variables", true, sampler_moments(entries, context.study)});
  const std::vector<FitCellRecord> predictions = predictions_of_chains(cells);
  Table predictive = t6(summarise_posteriors(predictions), context);
  if (!predictive.sections.empty()) {
    predictive.caption +=
        " Of chains, one fit stands for all of a sampler's; draws are taken as if independent, so that their standard error "
        "is too small where chains mix slowly.";
    tables.push_back({"t6", false, std::move(predictive)});
  }
  return tables;
}

Table shortened(const Table& table, const std::string& file) {
  Table result = table;
  for (Column& column : result.columns) {
    column.panel = table.essential.contains(column.key) ? column.panel : csv_only;
  }
  result.caption = fmt::format("Shortened; the whole table and what its columns mean: {}", file);
  return result;
}

}  // namespace variscope::experiments
