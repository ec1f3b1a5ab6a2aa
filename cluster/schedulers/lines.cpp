/// What the files of several schedulers share: splitting answers, joining ids.
#include "cluster/schedulers/lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace variscope::cluster::detail {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string line(text.substr(0, end));
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string join_ids(const std::vector<std::string>& ids, std::string_view separator) {
  std::string text;
  for (const std::string& id : ids) {
    if (!text.empty()) text += separator;
    text += id;
  }
  return text;
}

std::string behind_successors(const Job& job, std::string_view submit) {
  return fmt::format(
      "# Later tries of the tasks are jobs of their own (job/ids): this one comes after them.\n"
      "seen=$(cat job/seen.{0} 2>/dev/null || echo 0)\n"
      "known=$(cat job/ids 2>/dev/null | wc -l)\n"
      "if [ -n \"$job\" ] && [ \"$known\" -gt \"$seen\" ] && [ ! -e job/cancelled ]; then\n"
      "  if next=$(cd job && {1} {2}); then\n"
      "    echo \"$known\" >job/seen.{0}\n"
      "    printf '%s\\n' \"$next\" >>job/ids.{0} && say \"waits for later tries of the tasks as job $next.\"\n"
      "    exit 0\n"
      "  fi\n"
      "fi\n",
      job.task_name, submit, job.script);
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace variscope::cluster::detail
