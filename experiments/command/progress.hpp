/// How far a study has come: one redrawn line on a terminal, a plain line now and then in a log.
#pragma once

#include <chrono>
#include <string>

#include "engine/index.hpp"

namespace variscope::experiments {

enum class ProgressStyle { silent, log, terminal };

/// "[#######             ]  35 %  1.2k replicates/s  2 min 10 s left", cut to `columns`.
std::string format_bar(const std::string& unit, double done, double total, double seconds, int columns, double already = 0);
/// "progress: 35 % (352 of 1000 replicates), 1.2k replicates/s, 12 s elapsed, 2 min 10 s left"
std::string format_log_line(const std::string& unit, double done, double total, double seconds, double already = 0);
/// "850 ms", "12 s", "2 min 10 s", "3 h 05 min", "4 d 02 h".
std::string format_duration(double seconds);
/// "1.2k", "35", "4.1M": three digits at most.
std::string format_count(double value);

/// Writes to standard error. One per study; only rank 0 shows anything. Calls cost a clock reading unless an update is due.
class Progress {
 public:
  /// `shown`: rank 0 and not --quiet. `unit`: what is counted, plural.
  explicit Progress(bool shown, std::string unit = "replicates");
  /// For tests and for callers that know better.
  Progress(ProgressStyle style, std::string unit);
  ~Progress();  ///< clears an unfinished bar, so that an error stands on a line of its own
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Work in any unit whose rate is worth showing.
  void start(double total) { start(total, 0); }
  /// `already`: what an earlier session did, no part of the rate.
  void start(double total, double already);
  /// `work` more is done (not the sum).
  void advance(double work);
  /// A line that stays, above the bar.
  void message(const std::string& text);
  /// Last state and the time taken.
  void finish();

  [[nodiscard]] double done() const { return done_; }
  [[nodiscard]] double total() const { return total_; }
  [[nodiscard]] const std::string& unit() const { return unit_; }
  /// At the rate so far; negative: unknown.
  [[nodiscard]] double seconds_left() const;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);
  void clear();

  ProgressStyle style_;
  std::string unit_;
  double total_ = 0;
  double done_ = 0;
  double already_ = 0;
  bool running_ = false;
  bool bar_shown_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace variscope::experiments
