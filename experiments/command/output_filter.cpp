/// What mpirun and its ranks write to standard error, reduced to what the user should see.
#include "experiments/command/output_filter.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <regex>
#include <utility>

namespace variscope::experiments {
namespace {

constexpr char error_mark = '\x02';
constexpr const char* see_all = "Set VARISCOPE_MPIRUN_OUTPUT=all to see all that mpirun writes.";

bool is_rule(std::string_view text) { return text.size() >= 60 && text.find_first_not_of('-') == std::string_view::npos; }

/// "[host:1234] ..." is how Open MPI's library begins its lines.
bool from_library(std::string_view text) {
  if (text.empty() || text[0] != '[') return false;
  const std::size_t close = text.find(']');
  const std::size_t colon = text.substr(0, close).rfind(':');
  if (close == std::string_view::npos || colon == std::string_view::npos || colon + 1 == close) return false;
  return text.substr(colon + 1, close - colon - 1).find_first_not_of("0123456789") == std::string_view::npos;
}

bool from_launcher(std::string_view text) {
  return text.starts_with("mpirun: ") || text.starts_with("mpirun has exited") || text.starts_with("mpirun noticed") ||
         text.starts_with("PMIX ERROR");
}

std::string signal_text(int number, const std::string& who) {
  const char* name = strsignal(number);
  std::string advice = "This is a defect: please report it with the spec.";
  if (number == SIGKILL) advice = "Most often memory ran out: use fewer ranks or a smaller study, or set limits.memory_gib.";
  if (number == SIGTERM || number == SIGINT || number == SIGHUP) advice = "Something outside the program ended it.";
  return fmt::format("{} was killed by signal {} ({}). {}", who, number, name == nullptr ? "unknown" : name, advice);
}

}  // namespace

std::string mark_error(std::string_view text, int status, int rank) { return fmt::format("{}{} {} {}\n", error_mark, status, rank, text); }

OutputFilter::OutputFilter(std::function<void(std::string_view)> sink, bool terminal) : sink_(std::move(sink)), terminal_(terminal) {}

void OutputFilter::feed(std::string_view bytes) {
  if (copy_) copy_(bytes);
  while (!bytes.empty()) {
    const std::size_t end = bytes.find_first_of("\n\r");
    pending_.append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    const std::string line = std::move(pending_);
    pending_.clear();
    take(line, bytes[end]);
    bytes.remove_prefix(end + 1);
  }
}

void OutputFilter::take(std::string_view text, char end) {
  if (end == '\r') {
    sink_(std::string(text) + '\r');
    bar_shown_ = true;
    return;
  }
  if (const std::size_t mark = text.find(error_mark); mark != std::string_view::npos) {
    // What stands before the mark is another rank's unfinished line.
    if (mark > 0) take(text.substr(0, mark), '\n');
    static const std::regex pattern("(\\d+) (\\d+) (.*)");
    const std::string rest(text.substr(mark + 1));
    std::smatch parts;
    if (!std::regex_match(rest, parts, pattern)) return show(rest);
    if (!rank_status_) {
      rank_status_ = std::stoi(parts[1]);
      show(parts[3].str());
    }
    return;
  }
  if (is_rule(text)) {
    in_block_ = !in_block_;
    held_.emplace_back();
  } else if (in_block_ || from_library(text) || from_launcher(text)) {
    held_.emplace_back(text);
  } else {
    show(text);
  }
}

void OutputFilter::show(std::string_view text) {
  std::string line;
  if (bar_shown_ && terminal_) line += "\x1b[K";
  bar_shown_ = false;
  line.append(text);
  line += '\n';
  sink_(line);
}

int OutputFilter::finish(int raw_status) {
  if (!pending_.empty()) take(std::exchange(pending_, {}), '\n');
  if (rank_status_) return *rank_status_;
  if (raw_status == 0) return 0;
  const Verdict verdict = explain_failure(held_, raw_status);
  show(verdict.text);
  return verdict.status;
}

Verdict explain_failure(const std::vector<std::string>& messages, int raw_status) {
  static const std::regex by_signal("process rank (\\d+) with PID \\d+ on node (\\S+) exited on signal (\\d+)");
  static const std::regex in_call("\\*\\*\\* An error occurred in (\\w+)");
  static const std::regex reported("\\*\\*\\* reported by process \\[\\d+,(\\d+)\\]");
  static const std::regex reason("\\*\\*\\* (MPI_ERR_.*)");
  static const std::regex aborted("MPI_ABORT was invoked on rank (\\d+)");
  static const std::regex process("Process name: \\[\\[\\d+,\\d+\\],(\\d+)\\]");
  static const std::regex code("(?:Exit code:|with errorcode) +(\\d+)");
  std::string call;
  std::string why;
  std::string rank;
  std::string first;
  std::optional<int> exit_code;
  bool sentence = false;
  std::smatch found;
  for (const std::string& line : messages) {
    if (std::regex_search(line, found, by_signal))
      return {signal_text(std::stoi(found[3]), fmt::format("rank {} on {}", found[1].str(), found[2].str())), 1};
    if (line.find("not enough slots available") != std::string::npos) {
      return {
          "mpirun has no room for that many ranks (its host file or scheduler gives fewer slots). Use fewer ranks, or ask the scheduler "
          "for more.",
          2};
    }
    if (std::regex_search(line, found, in_call)) call = found[1];
    if (std::regex_search(line, found, reason)) why = found[1];
    if (std::regex_search(line, found, reported) || std::regex_search(line, found, aborted) || std::regex_search(line, found, process))
      rank = found[1];
    if (std::regex_search(line, found, code)) exit_code = std::stoi(found[1]);
    // The first paragraph of the first message, as one sentence.
    if (line.empty() || from_library(line)) {
      sentence = sentence || !first.empty();
    } else if (!sentence) {
      first += (first.empty() ? "" : " ") + line;
    }
  }
  if (!call.empty()) {
    return {fmt::format("rank {}: {} failed ({}). A node or the network may have failed; if not, this is a defect: please report it.",
                        rank.empty() ? "?" : rank, call, why.empty() ? "no reason given" : why),
            1};
  }
  if (exit_code && !rank.empty()) {
    return {fmt::format("rank {} ended with status {} without saying why. {}", rank, *exit_code, see_all), *exit_code == 2 ? 2 : 1};
  }
  if (raw_status > 128 && raw_status < 160) return {signal_text(raw_status - 128, "a rank"), 1};
  if (first.empty() && raw_status > 2 && raw_status < 128) {
    return {fmt::format("a rank failed in a call of the MPI library (mpirun ended with status {} and lost the message). {}", raw_status,
                        see_all),
            1};
  }
  if (!first.empty()) return {fmt::format("mpirun failed with status {} ({}). {}", raw_status, first, see_all), 1};
  return {fmt::format("mpirun failed with status {} without saying why. {}", raw_status, see_all), 1};
}

}  // namespace variscope::experiments
