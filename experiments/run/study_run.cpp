/// What studies of every kind begin and end with.
#include "experiments/run/study_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <utility>

#include "engine/error.hpp"
#include "engine/store/run_file.hpp"
#include "engine/store/segments.hpp"
#include "experiments/command/launch.hpp"
#include "experiments/plan/parts.hpp"
#include "experiments/run/fingerprint.hpp"
#include "experiments/run/identity.hpp"
#include "experiments/run/output.hpp"
#include "experiments/run/parts.hpp"
#include "experiments/run/provenance.hpp"
#include "experiments/run/status_file.hpp"
#include "experiments/run/threads.hpp"

namespace variscope::experiments {

namespace {

/// Seconds between two looks at how far a run is.
constexpr double kTellSeconds = 5;

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// Different texts in the order in which they come, by commas.
std::string distinct(const std::vector<std::string>& texts) {
  std::vector<std::string> seen;
  for (const std::string& text : texts) {
    if (std::find(seen.begin(), seen.end(), text) == seen.end()) seen.push_back(text);
  }
  return fmt::format("{}", fmt::join(seen, ","));
}

}  // namespace

StudyRun::StudyRun(const SessionOptions& options, const cluster::Communicator& world, Plan plan, const char* unit)
    : world_(world),
      reduce_(options.reduce),
      plan_(std::move(plan)),
      team_(replicate_team(world, plan_.layout)),
      whole_(whole_team(world, plan_.layout)),
      progress_(world.rank() == 0 && !options.quiet, unit),
      checkpoint_s_(options.checkpoint_s),
      part_(options.part),
      mine_(plan_.cells.size(), true),
      expected_(options.expected) {
  if (world.size() == 1) pin_threads(plan_.threads);
  if (!part_.empty()) {
    const Part part = parse_part("--part", part_);
    const std::vector<Index> part_of = deal_cells(plan_, part.of);
    for (std::size_t c = 0; c < part_of.size(); ++c) mine_[c] = part_of[c] == part.index;
  }
  check_identities(world);
}

void StudyRun::open(const RunOptions& options, const std::function<data::Table(const DataPlan&)>& load, Damaged damaged) {
  for (const DataPlan& data : plan_.data) tables_.push_back(load(data));
  // No rank has found an error in its data: only now does anything appear on disk.
  world_.barrier();
  if (world_.rank() == 0) {
    const auto bytes = static_cast<Index>(2.1 * plan_.file_bytes) + (1 << 20);
    if (options.resume)
      directory_ = std::make_unique<store::RunDirectory>(plan_.directory, store::Existing::resume, Index{0},
                                                         options.take_over ? store::ForeignLock::take_over : store::ForeignLock::wait);
    else
      directory_ = open_run_directory(plan_.directory, options.overwrite, bytes);
  }
  if (options.resume)
    go_on(damaged);
  else
    begin();
  add_session();
  // From here on the run can be resumed, whatever happens to it.
  if (world_.rank() == 0) store::write_manifest(plan_.directory, manifest_);
  last_checkpoint_ = utc_now();
  tell("running", "");
  world_.barrier();
  pace_watch_.lap();
}

bool StudyRun::works_on_path(std::size_t path) const {
  return std::any_of(plan_.cells.begin(), plan_.cells.end(),
                     [&](const CellPlan& cell) { return cell.path == static_cast<int>(path) && works_on(cell); });
}

double StudyRun::planned_calls() const {
  if (part_.empty()) return plan_.replicate_calls;
  double calls = 0;
  for (const FitItem& item : plan_.fits) {
    const CellPlan& cell = plan_.cells[static_cast<std::size_t>(item.cell)];
    if (works_on(cell)) calls += static_cast<double>(cell.fit.steps[static_cast<std::size_t>(item.estimator)]);
  }
  for (const CellPlan& cell : plan_.cells) {
    if (!works_on(cell) || plan_.of_fits()) continue;
    for (const ChainsPlan& chains : cell.chains) calls += static_cast<double>(chains.settings.iterations() * chains.settings.count());
    const auto points = static_cast<double>(plan_.paths[static_cast<std::size_t>(cell.path)].labels.size());
    if (!plan_.of_chains())
      calls += static_cast<double>(cell.settings.replicates.count) * points * static_cast<double>(cell.estimators.size());
  }
  return calls;
}

void StudyRun::warn(const std::string& text) const {
  if (world_.rank() == 0) fmt::print(stderr, "warning: {}\n", text);
}

void StudyRun::begin() {
  manifest_.run_id = fmt::format("{} {}", plan_.name, utc_now());
  // One clock's word on all ranks.
  world_.broadcast(manifest_.run_id);
  if (world_.rank() == 0) manifest_.state = identity();
  if (part_.empty()) return;
  std::string cells;
  for (const CellPlan& cell : plan_.cells) {
    if (works_on(cell)) cells += (cells.empty() ? "" : " ") + cell.id;
  }
  manifest_.state[part_key] = part_;
  manifest_.state[part_cells_key] = cells;
}

void StudyRun::end_part() {
  progress_.finish();
  manifest_.state[part_done_key] = "yes";
  commit();
  tell("committed", "");
  if (world_.rank() == 0) {
    const std::filesystem::path run = std::filesystem::path(plan_.directory).parent_path().parent_path();
    summary_ = fmt::format("part {}: all of {} is committed. `variscope resume {}` puts the parts together.\n", part_,
                           manifest_.state[part_cells_key], run.string());
  }
  directory_.reset();
}

std::map<std::string, std::string> StudyRun::identity() const {
  const Identity of_program = this_identity();
  return {{"spec_text", plan_.spec.text},
          {"spec_path", escape_bytes(std::filesystem::absolute(plan_.spec.file).lexically_normal().string())},
          {"kind", plan_.cells.front().settings.study.kind},
          {"reduce", reduce_ == cluster::Reduce::fast ? "fast" : "exact"},
          {"program_sha256", of_program.program},
          {"cpu_features_sha256", of_program.cpu_features},
          {"cpu_model", of_program.cpu_model},
          {"data", fingerprint(plan_)}};
}

void StudyRun::require_same(const std::map<std::string, std::string>& now) const {
  const auto differs = [&](const char* key) {
    const auto then = manifest_.state.find(key);
    return then == manifest_.state.end() || then->second != now.at(key);
  };
  if (differs("program_sha256")) {
    throw UserError(fmt::format(
        "{}: this run was begun by another build of variscope (executable {:.12}, this one is {:.12}), whose bits may differ. Resume with "
        "the build that began it, or run the study again.",
        plan_.directory, manifest_.state.count("program_sha256") == 0 ? "unknown" : manifest_.state.at("program_sha256"),
        now.at("program_sha256")));
  }
  if (differs("cpu_features_sha256")) {
    throw UserError(fmt::format(
        "{}: this run was begun on another kind of CPU ({}, this one is {}), so bits would differ. Resume on nodes of that kind.",
        plan_.directory, manifest_.state.at("cpu_model"), now.at("cpu_model")));
  }
  if (differs("data")) {
    throw UserError(
        fmt::format("{}: the data are not those that this run was begun with (began with {}; now {}). Restore them, or run the "
                    "study again.",
                    plan_.directory, manifest_.state.at("data"), now.at("data")));
  }
}

void StudyRun::go_on(Damaged damaged) {
  std::string text;
  if (world_.rank() == 0) {
    std::string warning;
    auto manifest = store::read_manifest(plan_.directory, &warning);
    if (!manifest)
      throw UserError(fmt::format("{}: there is no run to resume (no MANIFEST). Start it with `variscope run`.", plan_.directory));
    if (!warning.empty()) warn(warning);
    manifest_ = std::move(*manifest);
    require_same(identity());
    text = encode(manifest_);
  }
  world_.broadcast(text);
  manifest_ = store::decode_manifest(text, std::filesystem::path(plan_.directory) / "MANIFEST");
  drop_damaged(damaged);
}

void StudyRun::drop_damaged(Damaged damaged) {
  // Ranks share the reading: all that was committed is read once.
  const auto bad_of = [&](const store::Manifest& manifest) {
    std::vector<store::SegmentEntry> all = manifest.segments;
    for (const auto& bundle : manifest.bundles) all.push_back(bundle.second);
    std::string lines;
    for (auto i = static_cast<std::size_t>(world_.rank()); i < all.size(); i += static_cast<std::size_t>(world_.size())) {
      const std::string why = store::damage_of(plan_.directory, all[i]);
      if (!why.empty()) lines += all[i].name + " " + why + "\n";
    }
    std::map<std::string, std::string> bad;
    for (const std::string& part : world_.all_gather(lines)) {
      std::istringstream in(part);
      for (std::string line; std::getline(in, line);) bad.emplace(line.substr(0, line.find(' ')), line.substr(line.find(' ') + 1));
    }
    return bad;
  };
  auto bad = bad_of(manifest_);
  if (bad.empty()) return;
  for (const auto& [name, why] : bad) warn(why);
  if (damaged == Damaged::fall_back) {
    std::string text;
    if (world_.rank() == 0) {
      const auto previous = store::read_previous_manifest(plan_.directory);
      if (previous) text = encode(*previous);
    }
    world_.broadcast(text);
    if (text.empty())
      throw UserError(fmt::format("{}: damaged ({}), and there is no checkpoint before it. Restore it from a copy, or run the study again.",
                                  plan_.directory, bad.begin()->second));
    manifest_ = store::decode_manifest(text, std::filesystem::path(plan_.directory) / "MANIFEST.previous");
    bad = bad_of(manifest_);
    if (!bad.empty())
      throw UserError(fmt::format("{}: damaged ({}), and so is the checkpoint before it. Restore it from a copy, or run the study again.",
                                  plan_.directory, bad.begin()->second));
    warn(fmt::format("the checkpoint before it ({}) is used", manifest_.checkpoint));
    return;
  }
  std::erase_if(manifest_.segments, [&](const store::SegmentEntry& entry) { return bad.count(entry.name) > 0; });
  std::erase_if(manifest_.bundles, [&](const auto& bundle) { return bad.count(bundle.second.name) > 0; });
  warn(fmt::format("{} of the run's files cannot be used; what they held is computed again", bad.size()));
}

void StudyRun::add_session() {
  hosts_ = distinct(world_.all_gather(host_name()));
  std::string& sessions = manifest_.state["sessions"];
  sessions += fmt::format("{} from checkpoint {}: {} ranks of {} threads on {}, layout {}\n", utc_now(), manifest_.checkpoint,
                          world_.size(), plan_.threads, hosts_, plan_.layout.text());
  world_.broadcast(sessions);
}

int StudyRun::run() {
  try {
    try {
      work();
    } catch (const Abandoned&) {
      checkpoint();
      std::string reason;
      for (const std::string& why : world_.all_gather(stop_reason())) {
        if (reason.empty()) reason = why;
      }
      tell("paused", reason);
      if (world_.rank() == 0) {
        print_error_line(fmt::format("checkpointed after {}: {} of {} {} are done. Go on with `variscope resume {}`.", reason,
                                     format_count(progress_.done()), format_count(progress_.total()), progress_.unit(), plan_.directory),
                         kPausedStatus, 0);
      }
      directory_.reset();
      // A launcher ends the others when the first rank has left with a status: by then everything is on disk.
      world_.barrier();
      return kPausedStatus;
    }
    checkpoint();
    if (part_.empty()) {
      progress_.finish();
      tell("finishing", "");
      finish();
      tell("finished", "");
      directory_.reset();
    } else {
      end_part();
    }
  } catch (const SystemError& error) {
    tell("failed", error.what());
    const std::string what = error.what();
    throw SystemError(fmt::format("{}{} What was committed is safe: `variscope resume {}` goes on from there.", what,
                                  what.ends_with('.') ? "" : ".", plan_.directory));
  }
  if (world_.rank() == 0) fmt::print("{}", summary_);
  if (world_.rank() == 0 && !expected_.empty() && hash_ != expected_) {
    throw SystemError(fmt::format("{}: results hash {} where {} was expected. Program, CPU kind or data differ from those of that run.",
                                  plan_.directory, hash_, expected_));
  }
  return 0;
}

double StudyRun::pace() {
  // Rank 0's clock decides for all; anyone's wish to stop is everyone's.
  std::array<double, 3> votes{stop_asked() ? 1.0 : 0.0, 0.0, 0.0};
  if (world_.rank() == 0) {
    const double seconds = pace_watch_.lap();
    since_checkpoint_s_ += seconds;
    since_told_s_ += seconds;
    votes[1] = since_checkpoint_s_ >= checkpoint_s_ ? 1.0 : 0.0;
    votes[2] = seconds;
  }
  world_.sum_in_any_order(votes);
  if (votes[0] > 0) throw Abandoned();
  if (votes[1] > 0)
    checkpoint();
  else if (since_told_s_ >= kTellSeconds)
    tell("running", "");
  return votes[2];
}

void StudyRun::checkpoint() {
  since_checkpoint_s_ = 0;
  const std::string entry = save(manifest_.checkpoint + 1);
  bool any = false;
  for (const std::string& text : world_.all_gather(entry)) {
    if (text.empty()) continue;
    manifest_.segments.push_back(store::decode_segment_entry(text));
    any = true;
  }
  if (any) commit();
}

void StudyRun::commit() {
  ++manifest_.checkpoint;
  if (world_.rank() == 0) {
    directory_->require_held();
    store::write_manifest(plan_.directory, manifest_);
    last_checkpoint_ = utc_now();
    tell("running", "");
  }
  world_.barrier();
}

void StudyRun::keep(const std::string& name, const store::Bundle& bundle) {
  std::string entry;
  if (world_.rank() == 0) entry = store::encode(store::write_bundle(plan_.directory, manifest_.checkpoint + 1, 0, bundle));
  world_.broadcast(entry);
  store::SegmentEntry& place = manifest_.bundles[name];
  const std::string before = place.name;
  place = store::decode_segment_entry(entry);
  commit();
  if (world_.rank() != 0 || before.empty()) return;
  // Neither manifest names the one before that any more.
  std::error_code ignored;
  if (!retired_[name].empty()) std::filesystem::remove(directory_->path() / "segments" / retired_[name], ignored);
  retired_[name] = before;
}

std::optional<store::Bundle> StudyRun::kept(const std::string& name) {
  const auto found = manifest_.bundles.find(name);
  if (found == manifest_.bundles.end()) return std::nullopt;
  store::Bundle bundle;
  std::array<double, 2> sizes{};
  if (world_.rank() == 0) {
    bundle = store::read_bundle(plan_.directory, found->second);
    sizes = {static_cast<double>(bundle.numbers.size()), static_cast<double>(bundle.texts.size())};
  }
  world_.broadcast(std::span<double>(sizes));
  bundle.numbers.resize(static_cast<std::size_t>(sizes[0]));
  bundle.texts.resize(static_cast<std::size_t>(sizes[1]));
  world_.broadcast(std::span<double>(bundle.numbers));
  for (std::string& text : bundle.texts) world_.broadcast(text);
  return bundle;
}

void StudyRun::tell(const std::string& state, const std::string& reason) {
  since_told_s_ = 0;
  if (world_.rank() != 0 || !directory_) return;
  RunStatus status;
  status.state = state;
  status.reason = reason;
  status.updated = utc_now();
  status.last_checkpoint = last_checkpoint_;
  status.checkpoint = manifest_.checkpoint;
  status.unit = progress_.unit();
  status.done = progress_.done();
  status.total = progress_.total();
  status.seconds_left = state == "running" ? progress_.seconds_left() : -1;
  status.ranks = world_.size();
  status.threads = plan_.threads;
  status.hosts = hosts_;
  status.hash = hash_;
  write_status(plan_.directory, status);
}

void StudyRun::conclude(const std::string& report, const std::string& hash) {
  hash_ = hash;
  summary_ = report + fmt::format("\nresults hash {}\nrun file     {}\nreport       {}\n", hash, directory_->run_file().string(),
                                  (directory_->path() / "report").string());
}

bool conclude_complete(const RunOptions& options, const cluster::Communicator& world) {
  std::array<double, 1> complete{};
  const std::filesystem::path run = options.output;
  if (world.rank() == 0 && store::is_complete(run)) {
    complete[0] = 1;
    if (std::filesystem::exists(run / "segments")) {
      const store::RunLock lock(run / "lock", store::ForeignLock::wait);
      store::remove_segments(run);
    }
    RunStatus status = read_status(run).value_or(RunStatus{});
    status.hash = store::read_provenance(run / "run.h5").at("results_hash");
    if (status.state != "finished") {
      status.state = "finished";
      status.reason.clear();
      status.updated = utc_now();
      status.done = status.total;
      status.seconds_left = -1;
      write_status(run, status);
    }
    ReportOptions report;
    report.runs = {options.output};
    (void)print_report(report);
    fmt::print("\nthe run is complete\nresults hash {}\nrun file     {}\n", status.hash, (run / "run.h5").string());
  }
  world.broadcast(std::span<double>(complete));
  return complete[0] > 0;
}

Spec recorded_spec(SessionOptions& options, const cluster::Communicator& world) {
  std::string text;
  const std::filesystem::path run = options.output;
  if (world.rank() == 0) {
    auto manifest = store::read_manifest(run);
    if (!manifest)
      throw UserError(fmt::format("{}: there is no unfinished run (no MANIFEST). Start one with `variscope run`.", options.output));
    // The whole of it is read under the lock, later.
    manifest->segments.clear();
    manifest->bundles.clear();
    text = encode(*manifest);
  }
  world.broadcast(text);
  const store::Manifest manifest = store::decode_manifest(text, run / "MANIFEST");
  for (const char* key : {"spec_text", "spec_path", "reduce"}) {
    if (manifest.state.count(key) == 0)
      throw UserError(fmt::format("{}: lacks '{}' (written by another program). Run the study again.", (run / "MANIFEST").string(), key));
  }
  options.reduce = manifest.state.at("reduce") == "fast" ? cluster::Reduce::fast : cluster::Reduce::exact;
  if (const auto part = manifest.state.find(part_key); part != manifest.state.end()) {
    if (!options.part.empty() && options.part != part->second)
      throw UserError(fmt::format("--part {}: {} was begun as part {}. Name that, or another run directory.", options.part, options.output,
                                  part->second));
    options.part = part->second;
  } else if (!options.part.empty()) {
    throw UserError(fmt::format("--part {}: the run in {} goes on as one (its parts were put together). Resume it without --part.",
                                options.part, options.output));
  }
  return parse_spec(manifest.state.at("spec_text"), unescape_bytes(manifest.state.at("spec_path")));
}

}  // namespace variscope::experiments
