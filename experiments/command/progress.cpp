/// How far a study has come: one redrawn line on a terminal, a plain line now and then in a log.
#include "experiments/command/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/command/launch.hpp"

namespace variscope::experiments {
namespace {

using namespace std::chrono_literals;
constexpr auto redraw_interval = 200ms;
constexpr auto log_interval = 10s;

/// One call, so that lines of several ranks do not mix.
void write_all(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto written = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (written <= 0) return;
    done += static_cast<std::size_t>(written);
  }
}

double share(double done, double total) { return total > 0 ? std::clamp(done / total, 0.0, 1.0) : 1.0; }

/// "1.2k replicates/s", "2 min 10 s left"; empty while there is nothing to tell it from.
std::string rate_text(const std::string& unit, double done, double seconds) {
  return done > 0 && seconds > 0 ? fmt::format("{} {}/s", format_count(done / seconds), unit) : "";
}
std::string left_text(double done, double total, double seconds, double already) {
  if (!(done > already && seconds > 0)) return "";
  const double left = seconds * std::max(0.0, total - done) / (done - already);
  return (left < 1 ? std::string("1 s") : format_duration(left)) + " left";
}

}  // namespace

std::string format_count(double value) {
  static constexpr std::array<const char*, 6> suffixes = {"", "k", "M", "G", "T", "P"};
  if (!(value < 1e18)) return "many";
  if (value < 99.95) {
    const double rounded = std::round(value * 10) / 10;
    return rounded < 10 && rounded != std::floor(rounded) ? fmt::format("{:.1f}", rounded) : fmt::format("{:.0f}", value);
  }
  std::size_t step = 0;
  while (value >= 999.5 && step + 1 < suffixes.size()) {
    value /= 1000;
    ++step;
  }
  return fmt::format("{:.{}f}{}", value, value < 9.95 ? 1 : 0, suffixes[step]);
}

std::string format_duration(double seconds) {
  if (!(seconds < 3e9)) return "years";
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole % 86400 / 3600);
}

std::string format_bar(const std::string& unit, double done, double total, double seconds, int columns, double already) {
  std::string numbers = fmt::format("{:3.0f} %", std::floor(100 * share(done, total)));
  for (const std::string& part : {rate_text(unit, done - already, seconds), left_text(done, total, seconds, already)}) {
    if (!part.empty()) numbers += "  " + part;
  }
  // A line that fills the terminal would wrap and could not be redrawn: one column stays free.
  const int width = std::min(30, columns - 1 - static_cast<int>(numbers.size()) - 4);
  if (width < 5) return numbers.substr(0, static_cast<std::size_t>(std::max(0, columns - 1)));
  const int filled = static_cast<int>(share(done, total) * width);
  return fmt::format("[{}{}]  {}", std::string(static_cast<std::size_t>(filled), '#'),
                     std::string(static_cast<std::size_t>(width - filled), ' '), numbers);
}

std::string format_log_line(const std::string& unit, double done, double total, double seconds, double already) {
  std::string line = fmt::format("progress: {:.0f} % ({:.0f} of {:.0f} {})", std::floor(100 * share(done, total)), done, total, unit);
  const std::string rate = rate_text(unit, done - already, seconds);
  if (!rate.empty()) line += ", " + rate + ", " + format_duration(seconds) + " elapsed";
  if (!rate.empty() && done < total) line += ", " + left_text(done, total, seconds, already);
  return line;
}

Progress::Progress(bool shown, std::string unit)
    : Progress(!shown                   ? ProgressStyle::silent
               : progress_on_terminal() ? ProgressStyle::terminal
                                        : ProgressStyle::log,
               std::move(unit)) {}

Progress::Progress(ProgressStyle style, std::string unit) : style_(style), unit_(std::move(unit)) {}

Progress::~Progress() { clear(); }

void Progress::start(double total, double already) {
  total_ = total;
  done_ = already_ = already;
  running_ = true;
  start_ = Clock::now();
  draw(start_);
}

void Progress::advance(double work) {
  done_ += work;
  if (style_ == ProgressStyle::silent || !running_) return;
  const auto now = Clock::now();
  if (now - last_ >= (style_ == ProgressStyle::terminal ? Clock::duration(redraw_interval) : Clock::duration(log_interval))) draw(now);
}

void Progress::draw(Clock::time_point now) {
  last_ = now;
  if (style_ == ProgressStyle::silent) return;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  if (style_ == ProgressStyle::log) return write_all(format_log_line(unit_, done_, total_, seconds, already_) + "\n");
  // Drawn over the old bar, the rest of the line cleared after it: no flicker. \r ends it, so that whatever follows covers it.
  write_all(format_bar(unit_, done_, total_, seconds, terminal_columns(), already_) + "\x1b[K\r");
  bar_shown_ = true;
}

double Progress::seconds_left() const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  return running_ && done_ > already_ ? seconds * std::max(0.0, total_ - done_) / (done_ - already_) : -1;
}

void Progress::clear() {
  if (bar_shown_) write_all("\x1b[K\r");
  bar_shown_ = false;
}

void Progress::message(const std::string& text) {
  if (style_ == ProgressStyle::silent) return;
  write_all((bar_shown_ ? text + "\x1b[K" : text) + "\n");
  if (bar_shown_) draw(Clock::now());
}

void Progress::finish() {
  if (!running_) return;
  running_ = false;
  if (style_ == ProgressStyle::silent) return;
  clear();
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const std::string rate = rate_text(unit_, done_ - already_, seconds);
  write_all(
      fmt::format("done: {:.0f} {} in {}{}\n", done_ - already_, unit_, format_duration(seconds), rate.empty() ? "" : " (" + rate + ")"));
}

}  // namespace variscope::experiments
