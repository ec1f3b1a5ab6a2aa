/// What mpirun and its ranks write to standard error, reduced to what the user should see.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace variscope::experiments {

/// A rank's error on its way to the user: "\x02status rank text". The mark cannot occur in ordinary output.
std::string mark_error(std::string_view text, int status, int rank);

/// Standard error of mpirun and all ranks goes in; what the user should see comes out.
/// Ordinary lines and progress redraws (which end in \r) pass at once. Of the ranks' error lines only the first passes; the
/// launcher's own messages are held back, and told in one line at the end if no rank has said what is wrong.
class OutputFilter {
 public:
  explicit OutputFilter(std::function<void(std::string_view)> sink, bool terminal = false);
  void feed(std::string_view bytes);
  /// Everything that is fed goes there too, as it is.
  void copy_input_to(std::function<void(std::string_view)> copy) { copy_ = std::move(copy); }
  /// `raw_status` is what the launcher exited with. Returns the status to exit with; prints the closing line if one is due.
  int finish(int raw_status);

 private:
  void take(std::string_view text, char end);
  void show(std::string_view text);

  std::function<void(std::string_view)> sink_;
  std::function<void(std::string_view)> copy_;
  bool terminal_;
  bool bar_shown_ = false;  ///< a redrawn line is on the screen
  bool in_block_ = false;   ///< between two rules of mpirun
  std::string pending_;     ///< an unfinished line
  std::vector<std::string> held_;
  std::optional<int> rank_status_;
};

/// One line that says what the launcher's messages amount to, and the exit status: 2 where a rank ended with 2, else 1.
struct Verdict {
  std::string text;
  int status = 1;
};
Verdict explain_failure(const std::vector<std::string>& messages, int raw_status);

}  // namespace variscope::experiments
