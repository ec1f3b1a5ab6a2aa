/// The serial communicator is alone; the dry run knows sizes and refuses to talk.
#include "cluster/communicator/communicator.hpp"

#include <array>
#include <stdexcept>

#include <gtest/gtest.h>

#include "cluster/topology/ownership.hpp"

namespace variscope::cluster {
namespace {

TEST(SerialCommunicator, CollectivesAreTheIdentity) {
  const auto alone = Communicator::serial();
  EXPECT_EQ(alone.rank(), 0);
  EXPECT_EQ(alone.size(), 1);
  std::array<double, 2> data{1.5, -2.5};
  alone.broadcast(data);
  alone.sum_in_any_order(data);
  EXPECT_EQ(data, (std::array<double, 2>{1.5, -2.5}));
  std::string text = "spec";
  alone.broadcast(text);
  EXPECT_EQ(text, "spec");
  EXPECT_EQ(alone.all_gather("only"), std::vector<std::string>{"only"});
  EXPECT_EQ(alone.maximum(-3.0), -3.0);
  alone.barrier();
  alone.wait_sends();
  EXPECT_EQ(alone.split(7).size(), 1);
  EXPECT_EQ(alone.messages_sent(), 0);
  EXPECT_EQ(alone.bytes_sent(), 0);
}

TEST(SerialCommunicator, HasNobodyToTalkTo) {
  const auto alone = Communicator::serial();
  std::array<double, 1> data{};
  EXPECT_THROW(alone.start_send(data, 0, 0), std::logic_error);
  EXPECT_THROW(alone.receive(data, 0, 0), std::logic_error);
}

TEST(DryRun, KnowsSizesAndOwnership) {
  const auto pretended = Communicator::dry_run(4096, 17);
  EXPECT_EQ(pretended.rank(), 17);
  EXPECT_EQ(pretended.size(), 4096);
  const Ownership ownership{100000, 1, pretended.size()};
  EXPECT_EQ(ownership.range(pretended.rank()), (Range{416, 440}));  // 17 and 18 times 100000 / 4096: 415.04 and 439.45, rounded up
  EXPECT_EQ(pretended.bytes_sent(), 0);
}

TEST(DryRun, RefusesToTalk) {
  const auto pretended = Communicator::dry_run(8);
  std::array<double, 1> data{};
  std::string text;
  EXPECT_THROW(static_cast<void>(pretended.split(0)), std::logic_error);
  EXPECT_THROW(pretended.start_send(data, 1, 0), std::logic_error);
  EXPECT_THROW(pretended.receive(data, 1, 0), std::logic_error);
  EXPECT_THROW(pretended.broadcast(data), std::logic_error);
  EXPECT_THROW(pretended.broadcast(text), std::logic_error);
  EXPECT_THROW(pretended.barrier(), std::logic_error);
  EXPECT_THROW(static_cast<void>(pretended.all_gather("x")), std::logic_error);
  EXPECT_THROW(pretended.sum_in_any_order(data), std::logic_error);
  EXPECT_THROW(static_cast<void>(pretended.maximum(1.0)), std::logic_error);
  EXPECT_EQ(pretended.messages_sent(), 0);  // refused messages were not sent
  EXPECT_EQ(pretended.bytes_sent(), 0);
}

}  // namespace
}  // namespace variscope::cluster
