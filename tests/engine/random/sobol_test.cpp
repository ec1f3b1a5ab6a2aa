/// Scrambled Sobol points: published points, the net property, Owen's scrambling digit by digit, exact variances, and the same bits in any
/// piece.
#include "engine/random/sobol.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <boost/random/sobol.hpp>
#include <cmath>
#include <functional>
#include <vector>

#include "engine/error.hpp"
#include "engine/random/inverse_normal.hpp"

namespace variscope::random {
namespace {

// Two-sided false alarm rates of a standard normal z: 1e-6 beyond 4.9.
constexpr double kZ = 4.9;

Stream point_of(std::uint32_t net, Index point) { return {17, Purpose::testing, 3, net, static_cast<std::uint32_t>(point)}; }

/// Points [0, points) of nets [0, nets), side by side.
std::vector<Stream> points_of(Index nets, Index points) {
  std::vector<Stream> streams;
  for (Index r = 0; r < nets; ++r) {
    for (Index i = 0; i < points; ++i) streams.push_back(point_of(static_cast<std::uint32_t>(r), i));
  }
  return streams;
}

/// How to scramble: as documented, or a broken twin.
enum class Scrambling { owen, digital_shift, same_in_all_dimensions, none };

/// Coordinate d of a point, digit by digit from the documented counters, one Philox call for every bit.
double reference(const ScrambledSobol& sobol, const Stream& point, Index d, Scrambling scrambling = Scrambling::owen) {
  const std::uint64_t code = sobol.unscrambled(point.minor, d);
  if (scrambling == Scrambling::none) return (static_cast<double>(code >> 12) + 0.5) * 0x1p-52;
  const int digits = std::max(6, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(sobol.points() - 1))));
  Stream tree = point;
  tree.minor = scrambling == Scrambling::same_in_all_dimensions ? 0 : static_cast<std::uint32_t>(d);
  Stream below = point;
  if (scrambling == Scrambling::digital_shift) below.minor = 0;  // the shift's digits, the same for all points
  std::uint64_t bits = 0;
  std::uint64_t prefix = 0;
  for (int level = 0; level < digits; ++level) {
    const std::uint64_t node = (1ULL << level) + (scrambling == Scrambling::digital_shift ? 0 : prefix);
    const auto words = philox(tree, ScrambledSobol::kFlipBlocks + static_cast<std::uint32_t>(node >> 7));
    const std::uint64_t flip = (words[(node >> 5) & 3] >> (node & 31)) & 1;
    const std::uint64_t digit = (code >> (63 - level)) & 1;
    bits |= (digit ^ flip) << (63 - level);
    prefix |= digit << level;
  }
  const auto words = philox(below, ScrambledSobol::kDigitBlocks + static_cast<std::uint32_t>(d / 2));
  const std::size_t half = d % 2 == 0 ? 0 : 2;
  bits |= ((static_cast<std::uint64_t>(words[half + 1]) << 32) | words[half]) >> digits;
  return to_uniform(static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32));
}

double coordinate(const ScrambledSobol& sobol, Index point, Index d) { return static_cast<double>(sobol.unscrambled(point, d)) * 0x1p-64; }

// The first ten points of Joe and Kuo's own program for new-joe-kuo-6.21201 (web.maths.unsw.edu.au/~fkuo/sobol), dimensions 1 to 3.
TEST(Sobol, FirstPointsAreThePublishedOnes) {
  const double published[10][3] = {{0, 0, 0},
                                   {0.5, 0.5, 0.5},
                                   {0.75, 0.25, 0.25},
                                   {0.25, 0.75, 0.75},
                                   {0.375, 0.375, 0.625},
                                   {0.875, 0.875, 0.125},
                                   {0.625, 0.125, 0.875},
                                   {0.125, 0.625, 0.375},
                                   {0.1875, 0.3125, 0.9375},
                                   {0.6875, 0.8125, 0.4375}};
  const ScrambledSobol sobol(3, 16);
  for (Index i = 0; i < 10; ++i) {
    for (Index d = 0; d < 3; ++d) EXPECT_EQ(coordinate(sobol, i, d), published[i][d]) << i << " " << d;
  }
}

TEST(Sobol, PointsAreBoostsInAllDimensions) {
  constexpr Index kPoints = 300;
  for (const Index dim : {Index{1}, Index{40}, ScrambledSobol::kMaxDim}) {
    const ScrambledSobol sobol(dim, kPoints);
    boost::random::sobol boost(static_cast<std::size_t>(dim));  // starts behind the origin
    for (Index i = 1; i < kPoints; ++i) {
      for (Index d = 0; d < dim; ++d) ASSERT_EQ(sobol.unscrambled(i, d), boost()) << i << " " << d;
    }
  }
}

TEST(Sobol, RefusesWhatItCannotDo) {
  EXPECT_THROW(ScrambledSobol(ScrambledSobol::kMaxDim + 1, 16), UserError);
  EXPECT_THROW(ScrambledSobol(0, 16), UserError);
  EXPECT_THROW(ScrambledSobol(1, 0), UserError);
  EXPECT_THROW(ScrambledSobol(1, ScrambledSobol::kMaxPoints + 1), UserError);
}

// Every coordinate, by whichever path, is the one that the documented counters give: whole nets, nets side by side, pieces that begin
// anywhere, points in any order, lane blocks of one net or of many.
TEST(Sobol, FillIsTheDocumentedScrambling) {
  for (const Index points : {1, 3, 16, 64, 65, 100, 200, 1024, 5000}) {
    for (const Index dim : {1, 2, 7, 8, 19}) {
      const ScrambledSobol sobol(dim, points);
      std::vector<std::vector<Stream>> batches = {points_of(3, std::min<Index>(points, 24))};
      std::vector<Stream> piece;
      for (Index i = points / 3; i < std::min(points, points / 3 + 150); ++i) piece.push_back(point_of(5, i));
      std::vector<Stream> scattered;
      for (Index i = 0; i < 20; ++i) scattered.push_back(point_of(static_cast<std::uint32_t>(i % 3), (i * 7919) % points));
      std::vector<Stream> other_seeds = scattered;
      for (std::size_t i = 0; i < other_seeds.size(); ++i) {
        other_seeds[i].seed = i << 31;
        other_seeds[i].purpose = i % 2 == 0 ? Purpose::net_noise : Purpose::testing;
        other_seeds[i].task = static_cast<std::uint32_t>(i / 4);
      }
      batches.insert(batches.end(), {piece, scattered, other_seeds});
      for (const std::vector<Stream>& streams : batches) {
        tiles::Batch uniforms(dim, static_cast<Index>(streams.size()));
        tiles::Batch normals(dim, static_cast<Index>(streams.size()));
        sobol.fill_uniform(streams.data(), uniforms.view());
        sobol.fill_normal(streams.data(), normals.view());
        for (Index s = 0; s < uniforms.count(); ++s) {
          for (Index d = 0; d < dim; ++d) {
            const double u = reference(sobol, streams[static_cast<std::size_t>(s)], d);
            ASSERT_EQ(uniforms(d, s), u) << points << " " << dim << " " << s << " " << d;
            double z = u;
            inverse_normal(&z, 1);
            ASSERT_EQ(normals(d, s), z) << points << " " << dim << " " << s << " " << d;
          }
        }
      }
    }
  }
}

// Pieces of any size, each in a batch of its own, and fewer dimensions of the same net: the whole's bits.
TEST(Sobol, PiecesEqualTheWhole) {
  constexpr Index kPoints = 1000;
  constexpr Index kDim = 37;
  const ScrambledSobol sobol(kDim, kPoints);
  const std::vector<Stream> streams = points_of(1, kPoints);
  tiles::Batch whole(kDim, kPoints);
  sobol.fill_normal(streams.data(), whole.view());
  for (const Index parts : {2, 3, 7, 125, 1000}) {
    for (Index part = 0; part < parts; ++part) {
      const Range range = balanced_range(kPoints, parts, part);
      tiles::Batch piece(part % 2 == 0 ? kDim : 6, range.size());
      sobol.fill_normal(streams.data() + range.first, piece.view());
      for (Index s = 0; s < piece.count(); ++s) {
        for (Index d = 0; d < piece.dim(); ++d) ASSERT_EQ(piece(d, s), whole(d, range.first + s));
      }
    }
  }
}

/// Whether `count` numbers lie one in each of `count` equal intervals.
bool one_in_each(std::vector<Index> intervals) {
  std::sort(intervals.begin(), intervals.end());
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    if (intervals[i] != static_cast<Index>(i)) return false;
  }
  return true;
}

TEST(Sobol, EveryIntervalHoldsOnePoint) {
  for (const Index points : {2, 8, 64, 512, 4096}) {
    const Index dim = points == 64 ? ScrambledSobol::kMaxDim : 60;
    const ScrambledSobol sobol(dim, points);
    tiles::Batch u(dim, points);
    for (std::uint32_t net = 0; net < 3; ++net) {
      std::vector<Stream> streams = points_of(1, points);
      for (Stream& s : streams) s.major = net;
      sobol.fill_uniform(streams.data(), u.view());
      for (Index d = 0; d < dim; ++d) {
        std::vector<Index> intervals;
        for (Index s = 0; s < points; ++s) intervals.push_back(static_cast<Index>(u(d, s) * static_cast<double>(points)));
        ASSERT_TRUE(one_in_each(intervals)) << points << " " << d;
      }
    }
  }
}

// The first two dimensions are a (0, m, 2)-net: one point in each box 2^-a x 2^-(m - a), for all a. Independent draws are the broken twin.
TEST(Sobol, FirstTwoDimensionsAreANet) {
  constexpr int kM = 10;
  constexpr Index kPoints = 1 << kM;
  const ScrambledSobol sobol(2, kPoints);
  const std::vector<Stream> streams = points_of(1, kPoints);
  tiles::Batch u(2, kPoints);
  const auto is_net = [&] {
    for (int a = 0; a <= kM; ++a) {
      std::vector<Index> boxes;
      for (Index s = 0; s < kPoints; ++s)
        boxes.push_back((static_cast<Index>(std::ldexp(u(0, s), a)) << (kM - a)) + static_cast<Index>(std::ldexp(u(1, s), kM - a)));
      if (!one_in_each(boxes)) return false;
    }
    return true;
  };
  sobol.fill_uniform(streams.data(), u.view());
  EXPECT_TRUE(is_net());
  for (Index s = 0; s < kPoints; ++s) {
    for (Index d = 0; d < 2; ++d) u(d, s) = uniform(streams[static_cast<std::size_t>(s)], static_cast<std::uint32_t>(d));
  }
  EXPECT_FALSE(is_net());
}

/// z-scores of the mean and of the variance of uniforms, and their chi-square over 64 bins.
struct Uniformity {
  double mean = 0;
  double variance = 0;
  double chi_square = 0;
  [[nodiscard]] bool holds() const {
    return std::fabs(mean) < kZ && std::fabs(variance) < kZ && chi_square < 131;  // 63 degrees of freedom: 1e-6
  }
};

Uniformity uniformity(const std::vector<double>& u) {
  Uniformity result;
  const auto n = static_cast<double>(u.size());
  std::vector<double> hits(64, 0);
  double squares = 0;
  for (const double x : u) {
    result.mean += (x - 0.5) * std::sqrt(12 / n);
    squares += (x - 0.5) * (x - 0.5);
    hits[static_cast<std::size_t>(x * 64)] += 1;
  }
  result.variance = (squares / n - 1.0 / 12) / std::sqrt(1.0 / 180 / n);  // Var (x - 1/2)^2 = 1/80 - 1/144
  for (const double h : hits) result.chi_square += (h - n / 64) * (h - n / 64) / (n / 64);
  return result;
}

// Each point of each dimension is uniform over the scramblings, also where the number of points is no power of two.
TEST(Sobol, EveryCoordinateIsUniformOverNets) {
  constexpr Index kNets = 20000;
  for (const Index points : {4, 100, 1024}) {
    const ScrambledSobol sobol(9, points);
    for (const Index point : {Index{0}, Index{1}, points - 1}) {
      std::vector<Stream> streams;
      for (std::uint32_t r = 0; r < kNets; ++r) streams.push_back(point_of(r, point));
      tiles::Batch u(9, kNets);
      sobol.fill_uniform(streams.data(), u.view());
      for (Index d = 0; d < 9; ++d) {
        std::vector<double> values;
        for (Index r = 0; r < kNets; ++r) values.push_back(u(d, r));
        EXPECT_TRUE(uniformity(values).holds()) << points << " " << point << " " << d;
      }
    }
  }
  const ScrambledSobol sobol(9, 4);
  EXPECT_FALSE(uniformity(std::vector<double>(kNets, reference(sobol, point_of(0, 1), 0, Scrambling::none))).holds());  // the broken twin
}

/// z-score of the correlation of a(r) and b(r), uniforms, over nets r.
double correlation_z(Index nets, const std::function<double(std::uint32_t)>& a, const std::function<double(std::uint32_t)>& b) {
  double sum = 0;
  for (Index r = 0; r < nets; ++r) {
    const auto net = static_cast<std::uint32_t>(r);
    sum += (a(net) - 0.5) * (b(net) - 0.5) * 12;
  }
  return sum / std::sqrt(static_cast<double>(nets));
}

TEST(Sobol, NetsAndDimensionsAreIndependent) {
  constexpr Index kNets = 20000;
  const ScrambledSobol sobol(4, 64);
  for (const Index point : {0, 5}) {
    const auto u = [&](std::uint32_t seed, std::uint32_t task, std::uint32_t major, Index d, Scrambling scrambling = Scrambling::owen) {
      return reference(sobol, {seed, Purpose::testing, task, major, static_cast<std::uint32_t>(point)}, d, scrambling);
    };
    const auto base = [&](std::uint32_t r) { return u(1, 0, r, 0); };
    EXPECT_LT(std::fabs(correlation_z(kNets, base, [&](std::uint32_t r) { return u(1, 0, r + 1, 0); })), kZ);
    EXPECT_LT(std::fabs(correlation_z(kNets, base, [&](std::uint32_t r) { return u(1, 1, r, 0); })), kZ);
    EXPECT_LT(std::fabs(correlation_z(kNets, base, [&](std::uint32_t r) { return u(2, 0, r, 0); })), kZ);
    for (const Index d : {1, 2, 3}) EXPECT_LT(std::fabs(correlation_z(kNets, base, [&](std::uint32_t r) { return u(1, 0, r, d); })), kZ);
    // The broken twin: one scrambling for all dimensions.
    EXPECT_GT(std::fabs(correlation_z(kNets, base, [&](std::uint32_t r) { return u(1, 0, r, 1, Scrambling::same_in_all_dimensions); })),
              kZ);
  }
}

// Owen's scrambling flips the second digits of points 0 and 1 (whose first digits differ) independently; a digital shift flips them
// together.
TEST(Sobol, FlipsAreNested) {
  constexpr int kNets = 20000;
  const ScrambledSobol sobol(2, 16);
  const auto z = [&](Scrambling scrambling, Index d, Index i, Index j, int digit) {
    int equal = 0;
    for (std::uint32_t r = 0; r < kNets; ++r) {
      const auto a = static_cast<int>(std::ldexp(reference(sobol, point_of(r, i), d, scrambling), digit));
      const auto b = static_cast<int>(std::ldexp(reference(sobol, point_of(r, j), d, scrambling), digit));
      equal += (a & 1) == (b & 1) ? 1 : 0;
    }
    return (equal - kNets / 2.0) / std::sqrt(kNets / 4.0);
  };
  for (const Index d : {0, 1}) {
    for (const int digit : {2, 3, 4, 5, 9}) {
      EXPECT_LT(std::fabs(z(Scrambling::owen, d, 0, 1, digit)), kZ);
      EXPECT_GT(std::fabs(z(Scrambling::digital_shift, d, 0, 1, digit)), kZ);
    }
  }
}

/// Mean over a net's points of f(coordinates), for nets [0, nets).
std::vector<double> net_means(const ScrambledSobol& sobol, Index nets, const std::function<double(const std::vector<double>&)>& f,
                              Scrambling scrambling = Scrambling::owen) {
  const Index points = sobol.points();
  const std::vector<Stream> streams = points_of(nets, points);
  tiles::Batch u(sobol.dim(), nets * points);
  if (scrambling == Scrambling::owen) sobol.fill_uniform(streams.data(), u.view());
  std::vector<double> means;
  std::vector<double> x(static_cast<std::size_t>(sobol.dim()));
  for (Index r = 0; r < nets; ++r) {
    double sum = 0;
    for (Index s = r * points; s < (r + 1) * points; ++s) {
      for (Index d = 0; d < sobol.dim(); ++d) {
        x[static_cast<std::size_t>(d)] =
            scrambling == Scrambling::owen ? u(d, s) : reference(sobol, streams[static_cast<std::size_t>(s)], d, scrambling);
      }
      sum += f(x);
    }
    means.push_back(sum / static_cast<double>(points));
  }
  return means;
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

Moments moments(const std::vector<double>& x) {
  Moments m;
  const auto n = static_cast<double>(x.size());
  for (const double v : x) m.mean += v / n;
  for (const double v : x) m.variance += (v - m.mean) * (v - m.mean) / (n - 1);
  return m;
}

// Each point is uniform in an interval of its own, independently: the mean of a sum of coordinates has variance dim / (12 M^3) exactly, and
// is so near to normal that the variance of n of them has the relative standard error sqrt(2 / n). A digital shift moves all points alike:
// dim / (12 M^2). Unscrambled points are all biased alike.
TEST(Sobol, LinearFunctionHasItsExactVariance) {
  constexpr Index kNets = 2000;
  constexpr Index kDim = 3;
  const auto sum = [](const std::vector<double>& x) { return x[0] + x[1] + x[2]; };
  for (const Index points : {8, 64, 256}) {
    const ScrambledSobol sobol(kDim, points);
    const double exact = kDim / (12 * std::pow(static_cast<double>(points), 3));
    const auto z = [&](const Moments& m) { return (m.variance / exact - 1) / std::sqrt(2.0 / kNets); };
    const Moments owen = moments(net_means(sobol, kNets, sum));
    EXPECT_LT(std::fabs(z(owen)), kZ) << points;
    EXPECT_LT(std::fabs(owen.mean - kDim / 2.0) / std::sqrt(exact / kNets), kZ) << points;
    if (points > 64) continue;
    EXPECT_GT(std::fabs(z(moments(net_means(sobol, kNets, sum, Scrambling::digital_shift)))), kZ) << points;
    EXPECT_GT(std::fabs(z(moments(net_means(sobol, kNets, sum, Scrambling::none)))), kZ) << points;
  }
}

/// Least-squares slope of log y over log x.
double log_slope(const std::vector<double>& x, const std::vector<double>& y) {
  double mean_x = 0;
  double mean_y = 0;
  const auto n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += std::log(x[i]) / n;
    mean_y += std::log(y[i]) / n;
  }
  double top = 0;
  double bottom = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    top += (std::log(x[i]) - mean_x) * (std::log(y[i]) - mean_y);
    bottom += (std::log(x[i]) - mean_x) * (std::log(x[i]) - mean_x);
  }
  return top / bottom;
}

// Smooth functions: variance O(M^-3 (log M)^(dim - 1)) (Owen 1997). From 400 nets a variance is known to 7 %, a slope over a factor 64 to
// 0.03. For dim = 2 the logarithm adds 1 / log M, 0.2 to 0.5 here. A digital shift gives M^-2, independent draws M^-1.
TEST(Sobol, VarianceOfASmoothFunctionFallsWithTheThirdPower) {
  constexpr Index kNets = 400;
  const auto f = [](const std::vector<double>& x) { return std::exp(x[0] + x[1]); };
  const double exact = std::pow(std::exp(1.0) - 1, 2);
  const std::vector<double> points = {8, 16, 32, 64, 128, 256, 512};
  const auto variances = [&](Scrambling scrambling) {
    std::vector<double> result;
    for (const double m : points) {
      const Moments means = moments(net_means(ScrambledSobol(2, static_cast<Index>(m)), kNets, f, scrambling));
      if (scrambling == Scrambling::owen) {
        EXPECT_LT(std::fabs(means.mean - exact) / std::sqrt(means.variance / kNets), kZ) << m;
      }
      result.push_back(means.variance);
    }
    return result;
  };
  const double slope = log_slope(points, variances(Scrambling::owen));
  EXPECT_GT(slope, -3.2);
  EXPECT_LT(slope, -2.5);
  EXPECT_GT(log_slope(points, variances(Scrambling::digital_shift)), -2.5);
}

// Normals of a net: the mean of z^2 is unbiased, and known better than from independent draws, whose mean has variance 2 / M.
TEST(Sobol, NormalsOfANetAreNormal) {
  constexpr Index kNets = 500;
  constexpr Index kPoints = 64;
  constexpr Index kDim = 50;
  const ScrambledSobol sobol(kDim, kPoints);
  const std::vector<Stream> streams = points_of(kNets, kPoints);
  tiles::Batch z(kDim, kNets * kPoints);
  sobol.fill_normal(streams.data(), z.view());
  for (const Index d : {Index{0}, Index{1}, kDim - 1}) {
    std::vector<double> means;
    std::vector<double> squares;
    for (Index r = 0; r < kNets; ++r) {
      double sum = 0;
      double square = 0;
      for (Index s = r * kPoints; s < (r + 1) * kPoints; ++s) {
        sum += z(d, s) / kPoints;
        square += z(d, s) * z(d, s) / kPoints;
      }
      means.push_back(sum);
      squares.push_back(square);
    }
    const Moments first = moments(means);
    const Moments second = moments(squares);
    EXPECT_LT(std::fabs(first.mean) / std::sqrt(first.variance / kNets), kZ);
    EXPECT_LT(std::fabs(second.mean - 1) / std::sqrt(second.variance / kNets), kZ);
    EXPECT_LT(second.variance, 0.2 * 2 / kPoints);
  }
}

}  // namespace
}  // namespace variscope::random
