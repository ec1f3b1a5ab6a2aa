/// What of mpirun's standard error reaches the user. The messages are those that Open MPI 4.1.4 wrote.
#include "experiments/command/output_filter.hpp"

#include <gtest/gtest.h>

#include <string>

namespace variscope::experiments {
namespace {

const std::string rule(74, '-');

struct Seen {
  std::string text;
  int status = 0;
};

/// `piece`: bytes fed at a time, since pipes cut where they like.
Seen filter(const std::string& input, int raw_status, bool terminal = false, std::size_t piece = 1000000) {
  Seen seen;
  OutputFilter made([&](std::string_view text) { seen.text += text; }, terminal);
  for (std::size_t at = 0; at < input.size(); at += piece) made.feed(std::string_view(input).substr(at, piece));
  seen.status = made.finish(raw_status);
  return seen;
}

const std::string abort_block = rule +
                                "\nMPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD\nwith errorcode 2.\n\nNOTE: invoking "
                                "MPI_ABORT causes Open MPI to kill all MPI processes.\n" +
                                rule + "\n";
const std::string primary_block =
    rule +
    "\nPrimary job  terminated normally, but 1 process returned\na non-zero exit code. Per user-direction, the job has been aborted.\n" +
    rule + "\n";

TEST(OutputFilter, OrdinaryLinesPass) {
  EXPECT_EQ(filter("one\n[not a library line]\n--- short rule\n", 0).text, "one\n[not a library line]\n--- short rule\n");
  EXPECT_EQ(filter("no end", 0).text, "no end\n");
  EXPECT_EQ(filter("", 0).status, 0);
}

TEST(OutputFilter, OnlyTheFirstErrorOfTheRanksPassesAndGivesTheStatus) {
  const std::string input =
      "start\n" + mark_error("s.toml:1:2: bad (why). Mend it.", 2, 0) + mark_error("rank 1: later", 1, 1) + abort_block +
      "[vm:17729] [[10687,0],0] ORTE_ERROR_LOG: Data unpack would read past end of buffer in file show_help.c at line 507\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000000}}) {
    const Seen seen = filter(input, 1, false, piece);
    EXPECT_EQ(seen.text, "start\ns.toml:1:2: bad (why). Mend it.\n");
    EXPECT_EQ(seen.status, 2);
  }
}

TEST(OutputFilter, AnErrorIsFoundBehindAnotherRanksUnfinishedLine) {
  const Seen seen = filter("half a line" + mark_error("bad", 1, 3), 1);
  EXPECT_EQ(seen.text, "half a line\nbad\n");
  EXPECT_EQ(seen.status, 1);
}

TEST(OutputFilter, ProgressPassesAtOnceAndIsClearedBeforeALine) {
  std::string shown;
  OutputFilter made([&](std::string_view text) { shown += text; }, true);
  made.feed("[##  ] 50 %\x1b[K\r");
  EXPECT_EQ(shown, "[##  ] 50 %\x1b[K\r");
  made.feed("bad\n");
  EXPECT_EQ(shown, "[##  ] 50 %\x1b[K\r\x1b[Kbad\n");
}

TEST(OutputFilter, KilledBySignal) {
  const Seen seen = filter(
      primary_block + rule + "\nmpirun noticed that process rank 1 with PID 0 on node vm exited on signal 9 (Killed).\n" + rule + "\n",
      137);
  EXPECT_EQ(seen.text,
            "rank 1 on vm was killed by signal 9 (Killed). Most often memory ran out: use fewer ranks or a smaller study, or set "
            "limits.memory_gib.\n");
  EXPECT_EQ(seen.status, 1);
  EXPECT_EQ(filter("", 139).text.substr(0, 35), "a rank was killed by signal 11 (Seg");
}

TEST(OutputFilter, FailedMpiCall) {
  const Seen seen = filter(
      "[vm:1] *** An error occurred in MPI_Send\n[vm:1] *** reported by process [547618817,1]\n[vm:1] *** on communicator MPI_COMM_WORLD\n"
      "[vm:1] *** MPI_ERR_RANK: invalid rank\n[vm:1] *** MPI_ERRORS_ARE_FATAL (processes in this communicator will now abort,\n",
      6);
  EXPECT_EQ(seen.text.substr(0, 56), "rank 1: MPI_Send failed (MPI_ERR_RANK: invalid rank). A ");
  EXPECT_EQ(seen.status, 1);
  EXPECT_EQ(filter("[vm:1] [[2,0],0] ORTE_ERROR_LOG: Out of resource\n", 6).text.substr(0, 49),
            "a rank failed in a call of the MPI library (mpiru");
}

TEST(OutputFilter, SilentExit) {
  const Seen seen = filter(primary_block + rule +
                               "\nmpirun detected that one or more processes exited with non-zero status, thus causing\nthe job to be "
                               "terminated. The first process to do so "
                               "was:\n\n  Process name: [[10672,1],3]\n  Exit code:    2\n" +
                               rule + "\n",
                           2);
  EXPECT_EQ(seen.text.substr(0, 44), "rank 3 ended with status 2 without saying wh");
  EXPECT_EQ(seen.status, 2);
}

TEST(OutputFilter, LauncherRefuses) {
  const Seen slots = filter(
      rule + "\nThere are not enough slots available in the system to satisfy the 5\nslots that were requested by the application:\n" +
          rule + "\n",
      1);
  EXPECT_EQ(slots.text.substr(0, 38), "mpirun has no room for that many ranks");
  EXPECT_EQ(slots.status, 2);
  const Seen other = filter(rule + "\nmpirun could not do\nsomething.\n\nLong advice.\n" + rule + "\n", 213);
  EXPECT_EQ(other.text.substr(0, 71), "mpirun failed with status 213 (mpirun could not do something.). Set VAR");
  EXPECT_EQ(other.status, 1);
}

}  // namespace
}  // namespace variscope::experiments
