/// What the files of several schedulers share: splitting answers, joining ids.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/schedulers/job.hpp"
#include "cluster/schedulers/shell.hpp"

namespace variscope::cluster::detail {

/// Lines without their ends; none after the last line break.
std::vector<std::string> lines_of(std::string_view text);
/// Parts between separators, empty ones too.
std::vector<std::string> split(std::string_view text, char separator);
/// Words between blanks.
std::vector<std::string> words_of(std::string_view text);
std::string join_ids(const std::vector<std::string>& ids, std::string_view separator);
/// Scheduler::after_array_lines of schedulers whose jobs have successors, which are in job/ids: `submit`, run in job/, submits behind those
/// that came after the first $seen.
std::string behind_successors(const Job& job, std::string_view submit);

/// Whether all are digits, and there is one.
bool is_number(std::string_view text);

}  // namespace variscope::cluster::detail
