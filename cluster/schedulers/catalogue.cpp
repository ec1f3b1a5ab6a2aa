/// The schedulers that sites can name. A scheduler is one file and one line here.
#include "cluster/schedulers/scheduler.hpp"

namespace variscope::cluster {

const std::vector<SchedulerEntry>& schedulers() {
  static const std::vector<SchedulerEntry> entries = {slurm_entry(), pbs_entry(), lsf_entry(), sge_entry(), flux_entry(), local_entry()};
  return entries;
}

const SchedulerEntry* find_scheduler(const std::string& name) {
  for (const SchedulerEntry& entry : schedulers()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::string state_name(JobState state) {
  switch (state) {
    case JobState::pending:
      return "pending";
    case JobState::blocked:
      return "blocked";
    case JobState::running:
      return "running";
    case JobState::ending:
      return "ending";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::cancelled:
      return "cancelled";
    case JobState::timed_out:
      return "timed out";
    case JobState::preempted:
      return "preempted";
    case JobState::node_failed:
      return "node failed";
    case JobState::out_of_memory:
      return "out of memory";
    case JobState::gone:
      return "gone";
  }
  return "";
}

bool is_alive(JobState state) {
  return state == JobState::pending || state == JobState::blocked || state == JobState::running || state == JobState::ending;
}

std::string SchedulerCommand::text() const { return quote_line(words) + (input.empty() ? "" : " < " + quote(input)); }

}  // namespace variscope::cluster
