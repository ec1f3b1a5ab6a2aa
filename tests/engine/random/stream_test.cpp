/// Philox streams: known answers, distinct counters for distinct meanings, distributions, and equal bits on every path.
#include "engine/random/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "engine/random/sobol.hpp"

namespace variscope::random {
namespace {

using Words = std::array<std::uint32_t, 4>;

/// A stream whose counter and key are the given words (the top word must carry a purpose that fits the enumeration's type).
Words raw(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  Stream s;
  s.seed = (static_cast<std::uint64_t>(key[1]) << 32) | key[0];
  s.minor = counter[1];
  s.major = counter[2];
  s.purpose = static_cast<Purpose>(counter[3] >> 24);
  s.task = counter[3] & 0xffffffU;
  return philox(s, counter[0]);
}

// Known answers: Random123's kat_vectors, philox4x32 with 10 rounds.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(raw({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t f = 0xffffffffU;
  EXPECT_EQ(raw({f, f, f, f}, {f, f}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(raw({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Every combination of small and extreme field values, two blocks each: no two consumers share (key, counter).
TEST(Philox, NoTwoConsumersShareACounter) {
  const std::vector<std::uint32_t> words = {0, 1, 2, 3, 255, 256, 65535, 65536, 0x7fffffff, 0xfffffffeU, 0xffffffffU};
  const std::vector<std::uint32_t> tasks = {0, 1, 2, 255, 256, 65535, 0xfffffeU, 0xffffffU};
  const std::vector<Purpose> purposes = {
      Purpose::data_generation, Purpose::data_truth,      Purpose::path_noise,     Purpose::path_rows,   Purpose::replicate_noise,
      Purpose::replicate_rows,  Purpose::reference_noise, Purpose::optimum_noise,  Purpose::net_noise,   Purpose::training_noise,
      Purpose::training_rows,   Purpose::component_noise, Purpose::component_rows, Purpose::local_noise, Purpose::replica_rows,
      Purpose::prior_draw,      Purpose::response_draw,   Purpose::split_rows,     Purpose::fit_noise,   Purpose::fit_rows,
      Purpose::fit_evaluation,  Purpose::posterior_draw,  Purpose::particle_start, Purpose::testing};
  std::set<std::tuple<std::array<std::uint32_t, 2>, std::array<std::uint32_t, 4>>> seen;
  std::size_t consumers = 0;
  for (const std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32, (1ULL << 32) + 1, ~0ULL}) {
    for (const Purpose purpose : purposes) {
      for (const auto task : tasks) {
        for (const auto major : words) {
          for (const auto minor : words) {
            for (const std::uint32_t block : {0U, 1U, 0xffffffffU}) {
              const Stream s{seed, purpose, task, major, minor};
              seen.emplace(s.key(), s.counter(block));
              ++consumers;
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), consumers);
}

// A scrambled net may share all four of its fields with plain streams: its flips (minor: dimension), its digits (minor: point) and their
// draws (blocks below 2^31) stay apart, up to the largest net. The lists hold what each of them can reach, ends included.
TEST(Philox, NetsStayApartFromPlainStreams) {
  const auto last_dim = static_cast<std::uint32_t>(ScrambledSobol::kMaxDim - 1);
  const auto last_point = static_cast<std::uint32_t>(ScrambledSobol::kMaxPoints - 1);
  const auto last_flip = static_cast<std::uint32_t>((ScrambledSobol::kMaxPoints - 1) >> 7);  // the heap's last bit is 2^31 - 1
  std::set<std::array<std::uint32_t, 4>> seen;
  std::size_t consumers = 0;
  const auto consume = [&](std::uint32_t minor, std::uint32_t block) {
    seen.insert(Stream{1, Purpose::net_noise, 2, 3, minor}.counter(block));
    ++consumers;
  };
  for (const std::uint32_t dim : {0U, 1U, 2U, 1000U, last_dim}) {
    for (const std::uint32_t block : {0U, 1U, 2U, 1000U, last_flip}) consume(dim, ScrambledSobol::kFlipBlocks + block);
  }
  for (const std::uint32_t point : {0U, 1U, 2U, 1000U, last_dim, last_point}) {
    for (const std::uint32_t pair : {0U, 1U, 2U, last_dim / 2}) consume(point, ScrambledSobol::kDigitBlocks + pair);
  }
  for (const std::uint32_t minor : {0U, 1U, 2U, 1000U, last_dim, last_point, 0xffffffffU}) {
    for (const std::uint32_t block : {0U, 1U, 2U, 1000U, 0x7fffffffU}) consume(minor, block);
  }
  EXPECT_EQ(seen.size(), consumers);
  // Nor do the two ranges of blocks ever meet each other, or wrap around.
  EXPECT_LT(ScrambledSobol::kDigitBlocks + last_dim / 2, ScrambledSobol::kFlipBlocks);
  EXPECT_GT(ScrambledSobol::kFlipBlocks + last_flip, ScrambledSobol::kFlipBlocks);
}

TEST(Uniform, NeverReachesTheEnds) {
  EXPECT_GT(to_uniform(0, 0), 0.0);
  EXPECT_LT(to_uniform(0xffffffffU, 0xffffffffU), 1.0);
  EXPECT_EQ(to_uniform(0, 0), 0x1p-53);
}

// A column's normals are those of its stream, number by number, in any lane and beside any neighbours.
TEST(Normal, BatchEqualsSingleNumbers) {
  for (const Index dim : {1, 2, 5, 31}) {
    for (const Index count : {1, 3, 8, 13}) {
      std::vector<Stream> streams;
      for (Index s = 0; s < count; ++s)
        streams.push_back({42, Purpose::testing, 1, static_cast<std::uint32_t>(s % 3), static_cast<std::uint32_t>(s)});
      tiles::Batch out(dim, count);
      fill_normal(streams.data(), out.view());
      for (Index s = 0; s < count; ++s) {
        for (Index d = 0; d < dim; ++d) EXPECT_EQ(out(d, s), normal(streams[static_cast<std::size_t>(s)], static_cast<std::uint32_t>(d)));
      }
    }
  }
}

// Rows picked by number: neighbours that share a block, gaps, repetitions, an odd beginning; and the last stream behind the live ones.
TEST(Normal, RowsEqualSingleNumbers) {
  const std::vector<std::uint32_t> lanes = {1, 2, 3, 4, 4, 5, 8, 10, 11, 13, 13, 4294967294U, 4294967295U};
  const auto count = static_cast<int>(lanes.size());
  for (const Index live : {1, 3, 8}) {
    std::vector<Stream> streams;
    for (Index s = 0; s < live; ++s) streams.push_back({42, Purpose::testing, 1, 7, static_cast<std::uint32_t>(s)});
    constexpr Index kStride = 11;
    std::vector<double> out(static_cast<std::size_t>(kStride * count), 99.0);
    normal_rows(streams.data(), live, lanes.data(), count, out.data(), kStride);
    for (Index k = 0; k < count; ++k) {
      for (Index s = 0; s < kStride; ++s) {
        const double got = out[static_cast<std::size_t>(k * kStride + s)];
        if (s >= tiles::kLanes) {
          EXPECT_EQ(got, 99.0);
        } else {
          EXPECT_EQ(got, normal(streams[static_cast<std::size_t>(std::min(s, live - 1))], lanes[static_cast<std::size_t>(k)]));
        }
      }
    }
  }
}

double phi(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// Dvoretzky-Kiefer-Wolfowitz with Massart's constant: P(D > sqrt(log(2 / a) / 2n)) <= a = 1e-6.
double dkw_limit(std::size_t n) { return std::sqrt(std::log(2 / 1e-6) / (2.0 * static_cast<double>(n))); }

double largest_distance(std::vector<double> x, double (*cdf)(double)) {
  std::sort(x.begin(), x.end());
  double worst = 0;
  const auto n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double f = cdf(x[i]);
    worst = std::max({worst, std::fabs(f - static_cast<double>(i) / n), std::fabs(f - static_cast<double>(i + 1) / n)});
  }
  return worst;
}

TEST(Normal, HasTheNormalDistribution) {
  std::vector<double> z;
  std::vector<double> shifted;
  double cross = 0;
  for (std::uint32_t i = 0; i < 100000; ++i) {
    const Stream s{9, Purpose::testing, 0, i, 0};
    z.push_back(normal(s, 0));
    z.push_back(normal(s, 1));
    cross += z[z.size() - 1] * z[z.size() - 2];
  }
  for (const double v : z) shifted.push_back(v + 0.02);  // the broken twin
  EXPECT_LT(largest_distance(z, phi), dkw_limit(z.size()));
  EXPECT_GT(largest_distance(shifted, phi), dkw_limit(z.size()));
  EXPECT_LT(std::fabs(cross) / std::sqrt(100000.0), 4.9);  // two-sided false alarm 1e-6
}

TEST(UniformIndex, CoversTheBoundEvenly) {
  std::vector<int> hits(7, 0);
  for (std::uint32_t i = 0; i < 70000; ++i) ++hits[uniform_index({3, Purpose::testing, 0, i, 0}, 0, 7)];
  double chi2 = 0;
  for (const int h : hits) chi2 += (h - 10000.0) * (h - 10000.0) / 10000.0;
  EXPECT_LT(chi2, 38.3);  // chi-square with 6 degrees of freedom, false alarm 1e-6
}

TEST(StreamTest, FilledBitsAreThoseOfUniformIndex) {
  const Stream stream{0x123456789abcdefULL, Purpose::testing, 7, 11, 13};
  for (const std::uint32_t first : {0U, 2U, 6U, 128U, 4294967200U}) {
    for (const std::size_t count : {0U, 1U, 2U, 15U, 16U, 17U, 64U}) {
      std::vector<std::uint64_t> bits(count + 1, 42);
      fill_bits(stream, first, std::span(bits).first(count));
      EXPECT_EQ(bits[count], 42U);  // nothing behind the end
      for (std::size_t i = 0; i < count; ++i) {
        // Philox itself (Random123), two words a lane.
        const auto lane = first + static_cast<std::uint32_t>(i);
        const auto words = philox(stream, lane / 2);
        const std::size_t low = lane % 2 * 2;
        EXPECT_EQ(bits[i], (static_cast<std::uint64_t>(words[low + 1]) << 32) | words[low]) << first << " " << i;
        EXPECT_EQ(to_index(bits[i], 1000), uniform_index(stream, lane, 1000));
      }
    }
  }
}

}  // namespace
}  // namespace variscope::random
