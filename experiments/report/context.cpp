/// What a report says about its origin, from a run's provenance.
#include <fmt/format.h>

#include <sstream>

#include "experiments/report/summaries.hpp"

namespace variscope::experiments {

ReportContext report_context(const std::map<std::string, std::string>& provenance, const std::string& results_hash) {
  const auto field = [&](const char* key) {
    const auto found = provenance.find(key);
    return found == provenance.end() ? std::string() : found->second;
  };
  ReportContext context;
  context.study = field("study");
  context.provenance = provenance;
  context.results_hash = results_hash;
  context.program_version =
      fmt::format("{} (git {:.12}{})", field("version"), field("git_revision"), field("git_modified") == "yes" ? ", modified" : "");
  context.failures = field("failed_evaluations");
  std::istringstream lines(field("excluded_cells"));
  for (std::string line; std::getline(lines, line);) context.excluded.push_back(line);
  return context;
}

}  // namespace variscope::experiments
