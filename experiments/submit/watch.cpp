/// `variscope jobs` and `watch`: what the scheduler says of a run's jobs, with one query for all of them.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "cluster/schedulers/lines.hpp"
#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "experiments/submit/submit.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

/// A run of the command line with what is known of its jobs.
struct Followed {
  std::string run;
  JobRecord record;
  std::vector<std::string> ids;
  int tries = 0;          ///< starts of the script
  bool complete = false;  ///< run.h5 is there
  bool cancelled = false;
};

Followed follow(const std::string& run) {
  const auto record = read_job_record(run);
  if (!record)
    throw UserError(fmt::format("{}: no job was submitted from here (no job/jobs.json). Give a run directory of 'submit'.", run));
  Followed followed{run, *record, record->ids(run)};
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(fs::path(run) / "job", ignored)) {
    const std::string name = file.path().filename().string();
    if (!name.starts_with("tries.") || name.ends_with(".new")) continue;
    const auto words = cluster::detail::words_of(store::read_text_file(file.path()));
    if (!words.empty() && cluster::detail::is_number(words[0]) && words[0].size() < 8) followed.tries += std::stoi(words[0]);
  }
  followed.complete = fs::exists(fs::path(run) / "run.h5", ignored);
  followed.cancelled = fs::exists(fs::path(run) / "job" / "cancelled", ignored);
  return followed;
}

struct Line {
  const Followed* of = nullptr;
  std::string id;
  cluster::JobReport report;
};

/// One query a scheduler, whatever the number of runs.
std::vector<Line> ask(const std::vector<Followed>& all, std::string& trouble) {
  std::map<std::string, std::vector<std::string>> ids;
  for (const Followed& followed : all) {
    auto& of_scheduler = ids[followed.record.scheduler];
    of_scheduler.insert(of_scheduler.end(), followed.ids.begin(), followed.ids.end());
  }
  std::map<std::string, cluster::JobReports> answers;
  for (const auto& [scheduler, asked] : ids) answers[scheduler] = ask_scheduler(scheduler, asked, &trouble);
  std::vector<Line> lines;
  for (const Followed& followed : all) {
    for (const std::string& id : followed.ids) {
      const auto reports = reports_of(id, answers.at(followed.record.scheduler));
      if (reports.empty()) lines.push_back({&followed, id, {}});
      for (const auto& [key, report] : reports) lines.push_back({&followed, key, report});
    }
  }
  return lines;
}

/// The run's own files are the truth: a job that no scheduler knows any more, of a run that is complete, is done.
std::string state_text(const Line& line) {
  const bool over = !is_alive(line.report.state);
  if (over && line.of->complete) return "done";
  return cluster::state_name(line.report.state);
}

}  // namespace

JobsSummary print_jobs(const std::vector<std::string>& runs, bool json) {
  std::vector<Followed> all;
  for (const std::string& run : runs) all.push_back(follow(run));
  std::string trouble;
  const std::vector<Line> lines = ask(all, trouble);
  JobsSummary summary;
  for (const Followed& followed : all) summary.incomplete += followed.complete ? 0 : 1;
  auto rows = nlohmann::ordered_json::array();
  if (!json) fmt::print("{:<16} {:<9} {:<14} {:>5}  {:<24} {}\n", "job", "scheduler", "state", "tries", "where or why", "run");
  for (const Line& line : lines) {
    summary.alive += is_alive(line.report.state) ? 1 : 0;
    const std::string more = line.report.reason.empty() ? (line.of->cancelled ? "cancelled by its user" : "") : line.report.reason;
    if (json) {
      rows.push_back({{"job", line.id},
                      {"scheduler", line.of->record.scheduler},
                      {"state", state_text(line)},
                      {"word", line.report.word},
                      {"reason", line.report.reason},
                      {"tries", line.of->tries},
                      {"complete", line.of->complete},
                      {"run", line.of->run}});
    } else {
      fmt::print("{:<16} {:<9} {:<14} {:>5}  {:<24} {}\n", line.id, line.of->record.scheduler, state_text(line), line.of->tries, more,
                 cluster::one_line(line.of->run));
    }
  }
  if (json) fmt::print("{}\n", rows.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!trouble.empty() && !json) fmt::print(stderr, "the scheduler has not answered for all: {}\n", trouble);
  std::fflush(stdout);
  return summary;
}

int watch_jobs(const std::vector<std::string>& runs, int every_seconds) {
  while (true) {
    const JobsSummary summary = print_jobs(runs, false);
    if (summary.alive == 0) return summary.incomplete == 0 ? 0 : 1;
    std::this_thread::sleep_for(std::chrono::seconds(every_seconds));
    fmt::print("\n");
  }
}

}  // namespace variscope::experiments
