/// How progress reads.
#include "experiments/command/progress.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace variscope::experiments {
namespace {

TEST(Progress, Durations) {
  EXPECT_EQ(format_duration(0.85), "850 ms");
  EXPECT_EQ(format_duration(0.9999), "1 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(130), "2 min 10 s");
  EXPECT_EQ(format_duration(11100), "3 h 05 min");
  EXPECT_EQ(format_duration(4 * 86400 + 7200), "4 d 02 h");
  EXPECT_EQ(format_duration(1e300), "years");
}

TEST(Progress, Counts) {
  EXPECT_EQ(format_count(0.25), "0.3");
  EXPECT_EQ(format_count(5), "5");
  EXPECT_EQ(format_count(35.4), "35");
  EXPECT_EQ(format_count(999.4), "999");
  EXPECT_EQ(format_count(999.6), "1.0k");
  EXPECT_EQ(format_count(1240), "1.2k");
  EXPECT_EQ(format_count(4.06e6), "4.1M");
}

TEST(Progress, Bar) {
  EXPECT_EQ(format_bar("replicates", 0, 100, 0, 80), "[                              ]    0 %");
  EXPECT_EQ(format_bar("replicates", 50, 100, 10, 80), "[###############               ]   50 %  5 replicates/s  10 s left");
  EXPECT_EQ(format_bar("replicates", 100, 100, 10, 80), "[##############################]  100 %  10 replicates/s  1 s left");
  EXPECT_EQ(format_bar("replicates", 99.99, 100, 10, 80).find("100 %"), std::string::npos);
}

TEST(Progress, BarNeverFillsTheLine) {
  for (int columns = 1; columns < 120; ++columns)
    EXPECT_LT(format_bar("replicates", 12345, 1e6, 33, columns).size(), std::max(1u, static_cast<unsigned>(columns)) + (columns == 1))
        << columns;
}

TEST(Progress, LogLine) {
  EXPECT_EQ(format_log_line("replicates", 0, 1000, 0), "progress: 0 % (0 of 1000 replicates)");
  EXPECT_EQ(format_log_line("replicates", 352, 1000, 10),
            "progress: 35 % (352 of 1000 replicates), 35 replicates/s, 10 s elapsed, 18 s left");
  EXPECT_EQ(format_log_line("replicates", 0, 0, 1), "progress: 100 % (0 of 0 replicates)");
}

TEST(Progress, LogHasALineAtTheStartAndAtTheEnd) {
  testing::internal::CaptureStderr();
  {
    Progress progress(ProgressStyle::log, "cells");
    progress.start(10);
    for (int i = 0; i < 10; ++i) progress.advance(1);
    progress.message("a note");
    progress.finish();
    progress.finish();
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.substr(0, 54), "progress: 0 % (0 of 10 cells)\na note\ndone: 10 cells in");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}

TEST(Progress, TerminalRedrawsAtMostFiveTimesASecondAndClearsBehindItself) {
  testing::internal::CaptureStderr();
  {
    Progress progress(ProgressStyle::terminal, "cells");
    progress.start(1000);
    for (int i = 0; i < 500; ++i) progress.advance(1);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_LE(std::count(text.begin(), text.end(), '\r'), 3);
  EXPECT_TRUE(text.ends_with("\x1b[K\r"));
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(Progress, SilentWritesNothing) {
  testing::internal::CaptureStderr();
  Progress progress(ProgressStyle::silent, "cells");
  progress.start(1);
  progress.advance(1);
  progress.message("x");
  progress.finish();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace variscope::experiments
