/// A study as a job: from a spec and a site to a script in the run directory, and into the queue.
#include "experiments/submit/submit.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"
#include "engine/store/sha256.hpp"
#include "experiments/command/version.hpp"
#include "experiments/plan/parts.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/submit/run_command.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

/// Schedulers on a busy login node take their time.
constexpr double submit_seconds = 300;

std::string this_program() {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  if (error) throw SystemError(fmt::format("cannot find this program's file (/proc/self/exe: {})", error.message()));
  return program.string();
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

template <class T>
void take(T& target, const T& given) {
  if (given != T{}) target = given;
}

void apply(const SubmitOptions& options, Site& site, cluster::Job& job) {
  take(job.resources.nodes, options.nodes);
  take(job.resources.tasks_per_node, options.tasks_per_node);
  take(job.resources.cpus_per_task, options.cpus_per_task);
  if (options.memory_gib > 0) job.resources.memory_mib = static_cast<Index>(std::ceil(options.memory_gib * 1024));
  if (!options.time.empty()) {
    const auto seconds = parse_seconds(options.time);
    if (!seconds)
      throw UserError(
          fmt::format("--time '{}': not a time above 0. Write minutes, HH:MM:SS or D-HH:MM:SS.", cluster::one_line(options.time)));
    job.resources.wall_seconds = *seconds;
  } else if (site.scheduler == "local" && !site.wall_time_given) {
    job.resources.wall_seconds = 0;  // nothing ends it
  }
  take(job.account, options.account);
  take(job.partition, options.partition);
  take(job.constraint, options.constraint);
  take(job.mail.user, options.mail);
  take(job.maximum_tries, options.tries);
  if (options.no_requeue) job.requeue = false;
  if (!options.after.empty()) {
    const auto on = options.after_any ? cluster::Dependency::On::end : cluster::Dependency::On::success;
    job.after = cluster::Dependency{on, options.after};
  }
}

/// Tasks of --array: that many, or as many as there are cells and the site lets.
Index array_tasks(const std::string& asked, const Site& site, const cluster::Job& job, Index cells) {
  if (asked.empty()) return 0;
  if (asked == "auto") {
    const auto partition = site.partitions.find(job.partition);
    Index most = site.limits.array_tasks;
    if (partition != site.partitions.end() && partition->second.array_tasks > 0) most = partition->second.array_tasks;
    const Index tasks = most > 0 ? std::min(most, cells) : cells;
    return tasks > 1 ? tasks : 0;
  }
  const bool digits = asked.size() <= 6 && asked.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoll(asked) < 2)
    throw UserError(
        fmt::format("--array '{}': not a number of tasks. Write 2 or more, or auto: a task for each cell, as far as the site lets.",
                    cluster::one_line(asked)));
  return std::stoll(asked);
}

/// The study in parts: an array of tasks, and a job behind it that puts the parts together, whatever became of them: what a task has not
/// done it does itself.
void make_array(const Plan& plan, Index tasks, Index at_once, const std::string& program, const std::string& spec, Submission& submission) {
  cluster::Job& job = submission.job;
  job.array = {tasks, at_once};
  job.task_option = "--part";
  job.task_directory = "parts";
  const std::vector<Index> part_of = deal_cells(plan, tasks);
  std::vector<double> work(static_cast<std::size_t>(tasks), 0.0);
  std::vector<std::string> cells(static_cast<std::size_t>(tasks));
  double total = 0;
  for (std::size_t c = 0; c < part_of.size(); ++c) {
    const auto part = static_cast<std::size_t>(part_of[c]);
    const double of_cell = cell_work(plan, plan.cells[c]);
    total += of_cell;
    work[part] += of_cell;
    cells[part] += " " + plan.cells[c].id;
  }
  for (std::size_t part = 0; part < cells.size(); ++part)
    submission.shares += fmt::format("task {}: {:.0f} % of the work:{}\n", part, total > 0 ? 100 * work[part] / total : 0.0, cells[part]);

  cluster::Job& collect = submission.collect = job;
  collect.array = {};
  collect.name = job.name + "-collect";
  collect.script = "collect.sh";
  collect.task_name = "collect";
  collect.task_option.clear();
  collect.task_directory.clear();
  // Its own dependency is the array.
  collect.after.reset();
  collect.spec.clear();
  collect.go_on.clear();
  collect.start = {program, "resume", job.directory, "--threads", std::to_string(job.resources.cpus_per_task)};
  // One rank, if it can hold what the study needs.
  try {
    const Plan alone = make_plan(spec, 1, static_cast<int>(job.resources.cpus_per_task), {}, job.directory);
    const double bytes = 1024.0 * 1024 * static_cast<double>(job.resources.memory_mib);
    if (job.resources.memory_mib == 0 || alone.prediction.memory_bytes() < bytes)
      collect.resources.nodes = collect.resources.tasks_per_node = 1;
  } catch (const UserError&) {
    // It takes what a task takes.
  }
}

/// Nothing that is there already may be lost or run twice.
void require_free(const Submission& submission) {
  const fs::path run = submission.job.directory;
  std::error_code ignored;
  if (fs::exists(run / "run.h5", ignored)) {
    throw UserError(
        fmt::format("{}: there is a record already. Choose another directory with --output, or remove it.", (run / "run.h5").string()));
  }
  const auto record = read_job_record(run.string());
  if (!record) return;
  for (const auto& [id, report] : ask_scheduler(record->scheduler, record->ids(run.string()))) {
    if (is_alive(report.state)) {
      throw UserError(fmt::format("{}: job {} of this run is {}. Wait for it, or end it with 'variscope cancel {}'.", run.string(), id,
                                  cluster::state_name(report.state), cluster::quote(run.string())));
    }
  }
}

/// Runs a submit command. SystemError if there is no id in its answer.
std::string id_of(const cluster::SchedulerCommand& command, const std::string& script, const fs::path& folder,
                  const cluster::Scheduler& scheduler) {
  const CommandOutcome outcome = run_command(command, folder.string(), scheduler.unset_prefixes(), submit_seconds);
  std::string id = outcome.status == 0 ? scheduler.parse_id(outcome.output) : "";
  if (!id.empty()) return id;
  std::string said = cluster::one_line(outcome.error.empty() ? outcome.output : outcome.error);
  while (!said.empty() && (said.back() == ' ' || said.back() == '.')) said.pop_back();
  throw SystemError(fmt::format("{} refused the job (status {}: {}). The script is {}", command.words[0], outcome.status, said,
                                (folder / script).string()));
}

/// Array and what comes behind it, into the queue; each id is remembered at once.
void submit_all(const Submission& submission, const SubmitOptions& options, const fs::path& folder,
                const std::function<void(const std::string&)>& submitted) {
  const auto scheduler = cluster::find_scheduler(submission.site.scheduler)->make();
  const cluster::Job& job = submission.job;
  const bool array = job.array.tasks > 0;
  if (array && scheduler->arrays() == cluster::Arrays::chained)
    store::write_text_file(folder / submission.collect.script, collect_script(submission, {}));
  std::vector<std::string> ids;
  const auto submit = [&](const cluster::SchedulerCommand& command, const std::string& script) {
    ids.push_back(id_of(command, script, folder, *scheduler));
    submitted(ids.back());
  };
  if (array && scheduler->arrays() == cluster::Arrays::separate) {
    for (Index task = 0; task < job.array.tasks; ++task) submit(scheduler->submit_task(job.script, task, options.raw), job.script);
  } else {
    submit(submission.command, job.script);
  }
  if (!array || scheduler->arrays() == cluster::Arrays::chained) return;
  store::write_text_file(folder / submission.collect.script, collect_script(submission, ids));
  submit(scheduler->submit(submission.collect.script, options.raw), submission.collect.script);
}

}  // namespace

std::string collect_script(const Submission& submission, const std::vector<std::string>& after) {
  cluster::Job collect = submission.collect;
  if (!after.empty()) collect.after = cluster::Dependency{cluster::Dependency::On::end, after};
  const auto scheduler = cluster::find_scheduler(submission.site.scheduler)->make();
  return cluster::render_script(*scheduler, submission.site.scheduler, collect);
}

Submission prepare_submission(const SubmitOptions& options) {
  Submission submission{read_site(options.site), {}, "", {}, {}, ""};
  Site& site = submission.site;
  cluster::Job& job = submission.job = site.job;
  apply(options, site, job);
  check_limits(site, job);  // before planning for ranks that the site has not
  const auto* entry = cluster::find_scheduler(site.scheduler);

  const Plan plan = make_plan(options.spec, job.resources.ranks(), static_cast<int>(job.resources.cpus_per_task), {}, options.output);
  fs::path directory = plan.directory;
  if (options.output.empty() && !site.results.empty()) directory = fs::path(site.results) / directory.filename();
  job.directory = fs::absolute(directory).lexically_normal().string();
  job.name = options.name.empty() ? plan.name : options.name;
  job.spec = fs::absolute(options.spec).lexically_normal().string();
  job.spec_sha256 = store::sha256(plan.spec.text);
  job.made_by = version_text();
  const std::string program = site.program.empty() ? this_program() : site.program;
  job.start = {program, "run", job.spec, "--threads", std::to_string(job.resources.cpus_per_task), "--output", job.directory};
  job.go_on = {program, "resume", job.directory, "--threads", std::to_string(job.resources.cpus_per_task)};
  // Of a complete run, too: resuming that prints its report and is done.
  job.progress_marks = {"MANIFEST", "run.h5"};
  const Index tasks = array_tasks(options.array, site, job, static_cast<Index>(plan.cells.size()));
  job.array.tasks = tasks;
  check_limits(site, job);
  if (tasks > 0) {
    make_array(plan, tasks, options.at_once, program, options.spec, submission);
  } else {
    if (options.at_once > 0) throw UserError("--at-once: there is no array. Give --array too, or leave it out.");
    // Of a study that was begun in parts, too.
    job.progress_marks.emplace_back("parts");
  }

  const auto scheduler = entry->make();
  submission.script = cluster::render_script(*scheduler, site.scheduler, job);
  submission.command = scheduler->submit(job.script, options.raw);
  return submission;
}

int submit_study(const SubmitOptions& options) {
  const Submission submission = prepare_submission(options);
  const cluster::Job& job = submission.job;
  const fs::path folder = fs::path(job.directory) / "job";
  const std::string command = fmt::format("cd {} && {}", cluster::quote(folder.string()), submission.command.text());
  require_free(submission);
  if (options.dry_run) {
    fmt::print("{}", submission.script);
    if (job.array.tasks > 0)
      fmt::print("\n# {}, behind the array (ARRAYJOB stands for its id):\n{}", submission.collect.script,
                 collect_script(submission, {"ARRAYJOB"}));
    std::fflush(stdout);
    fmt::print(stderr, "{}", submission.shares);
    fmt::print(stderr, "nothing is written or submitted (--dry-run). The command would be:\n{}\n", command);
    return 0;
  }

  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw UserError(
        fmt::format("{}: cannot be created ({}). Choose a run directory that can be written.", folder.string(), error.message()));
  fs::remove(folder / "cancelled", error);
  // A new submission has all its tries.
  for (const auto& file : fs::directory_iterator(folder)) {
    const std::string name = file.path().filename().string();
    if (name.starts_with("tries.") || name.starts_with("seen.")) fs::remove(file.path(), error);
  }
  store::write_text_file(folder / job.script, submission.script);

  JobRecord record = read_job_record(job.directory).value_or(JobRecord{});
  record.site = submission.site.name;
  record.scheduler = submission.site.scheduler;
  record.host = host_name();
  record.command = command;
  record.spec = job.spec;
  record.spec_sha256 = job.spec_sha256;
  submit_all(submission, options, folder, [&](const std::string& id) {
    record.jobs.push_back({id, now_utc()});
    write_job_record(job.directory, record);
    fmt::print("{}\n", id);
    std::fflush(stdout);
  });
  fmt::print(stderr, "{}", submission.shares);
  fmt::print(stderr, "submitted to {}: run directory {}\n", submission.site.scheduler, job.directory);
  return 0;
}

int cancel_run(const std::string& run) {
  const auto record = read_job_record(run);
  if (!record)
    throw UserError(fmt::format("{}: no job was submitted from here (no job/jobs.json). Give a run directory of 'submit'.", run));
  // The mark comes first: a job that saves and stops because of the cancelling must not put itself back.
  store::write_text_file(fs::path(run) / "job" / "cancelled", now_utc() + "\n");
  const auto scheduler = cluster::find_scheduler(record->scheduler);
  if (scheduler == nullptr)
    throw UserError(fmt::format("scheduler '{}': not known. This run was submitted by another version.", record->scheduler));
  std::string trouble;
  const std::vector<std::string> ids = record->ids(run);
  const auto reports = ask_scheduler(record->scheduler, ids, &trouble);
  std::vector<std::string> alive;
  for (const std::string& id : ids) {
    for (const auto& [key, report] : reports_of(id, reports)) {
      if (!is_alive(report.state)) continue;
      alive.push_back(id);
      break;
    }
  }
  if (alive.empty()) {
    fmt::print("no job of this run is alive.{}\n", trouble.empty() ? "" : " (" + trouble + ")");
    return 0;
  }
  const CommandOutcome outcome = run_command(scheduler->make()->cancel(alive), "/", {}, submit_seconds);
  if (outcome.status != 0)
    throw SystemError(fmt::format("{}: {}", scheduler->name, cluster::one_line(outcome.error.empty() ? outcome.output : outcome.error)));
  fmt::print("cancelled: {}\n", fmt::join(alive, " "));
  return 0;
}

}  // namespace variscope::experiments
