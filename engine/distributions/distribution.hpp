/// Univariate prior distributions, named in text: density with two derivatives for packs of numbers, support, draws.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "engine/random/stream.hpp"
#include "engine/simd/pack.hpp"

namespace variscope::distributions {

enum class Kind { flat, normal, student_t, cauchy, half_normal, half_cauchy, exponential, gamma, inverse_gamma, lognormal, log_flat };
enum class Support { real, positive };

/// Log density, its derivative and its second derivative.
struct Terms {
  simd::Pack value;
  simd::Pack slope;
  simd::Pack curvature;
};

/// What there is to know of a kind, for messages and documents.
struct Description {
  Kind kind;
  std::string name;
  std::vector<std::string> arguments;  ///< in order
  std::string density;                 ///< formula, normalised
};

/// A member of one of the kinds. A value.
class Distribution {
 public:
  /// flat.
  Distribution() = default;
  /// arguments in the order of Description. Throws UserError "key: problem (why). Suggestion." for a wrong number of arguments and for
  /// values outside their range (locations finite; scales, rates, shapes and degrees of freedom positive and finite).
  Distribution(Kind kind, const std::vector<double>& arguments, const std::string& key);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] double argument(std::size_t i) const { return arguments_.at(i); }
  /// As it may be written in a spec: "normal(0, 2.5)".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] Support support() const;
  /// flat (density 1) and log_flat (density 1 / x: flat on log x) integrate to no finite number; no draws.
  [[nodiscard]] bool proper() const { return kind_ != Kind::flat && kind_ != Kind::log_flat; }

  /// Normalised log density at x. Outside the support (x <= 0, or x < 0 for half_normal, half_cauchy and exponential) the value is
  /// -infinity, the derivatives 0; x is from 1e-44 to 1e44 in absolute value, or 0. A lane's bits do not depend on the others.
  [[nodiscard]] Terms terms(simd::Pack x) const;

  /// A draw that takes number `lane` of the stream and no other: a normal, or the quantile of a uniform. A normal is made of the pair of
  /// uniforms 2j and 2j + 1: draws of different kinds from one stream take lanes of different pairs. Throws std::logic_error where it is
  /// not proper.
  [[nodiscard]] double draw(const random::Stream& stream, std::uint32_t lane) const;

 private:
  Kind kind_ = Kind::flat;
  std::array<double, 3> arguments_{};
  double normaliser_ = 0;  ///< log density where everything that depends on x vanishes
};

/// All kinds, in the order of Kind.
const std::vector<Description>& descriptions();

/// A name with numbers in brackets, as it stands in a spec. No brackets are no arguments.
struct Call {
  std::string name;
  std::vector<double> arguments;
};

/// name, or name(number, ...). Throws UserError "key: problem (why). Suggestion." where text is no such thing.
Call parse_call(const std::string& text, const std::string& key);

/// The distribution that a call names. Throws UserError with the nearest name, or with the arguments expected. others: further names
/// that are valid at this place, for the message.
Distribution make(const Call& call, const std::string& key, const std::vector<std::string>& others = {});

/// make(parse_call(text, key), key).
Distribution parse(const std::string& text, const std::string& key);

}  // namespace variscope::distributions
