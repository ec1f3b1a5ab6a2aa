/// A bundle: numbers and texts of one owner as a segment of its own, read back whole. Paths and states of fits under way are kept so.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/store/segments.hpp"

namespace variscope::store {

/// What it means is its owner's affair. Whole numbers are numbers below 2^53; NaN and infinities come back as they were.
struct Bundle {
  std::vector<double> numbers;
  std::vector<std::string> texts;
  friend bool operator==(const Bundle&, const Bundle&) = default;
};

/// As write_segment.
[[nodiscard]] SegmentEntry write_bundle(const std::filesystem::path& run, Index checkpoint, Index writer, const Bundle& bundle);
/// Throws SystemError if size or SHA-256 differ from the entry's.
[[nodiscard]] Bundle read_bundle(const std::filesystem::path& run, const SegmentEntry& entry);

/// Puts values into a bundle, in an order that BundleReader repeats.
class BundleWriter {
 public:
  void add(double value) { bundle_.numbers.push_back(value); }
  void add(const std::vector<double>& values);
  void add(const std::string& text) { bundle_.texts.push_back(text); }
  [[nodiscard]] Bundle take() { return std::move(bundle_); }

 private:
  Bundle bundle_;
};

/// Takes them out again. Throws SystemError where there are none left.
class BundleReader {
 public:
  explicit BundleReader(const Bundle& bundle) : bundle_(bundle) {}
  [[nodiscard]] double number();
  [[nodiscard]] Index integer() { return static_cast<Index>(number()); }
  [[nodiscard]] std::vector<double> numbers();
  [[nodiscard]] const std::string& text();

 private:
  const Bundle& bundle_;
  std::size_t next_number_ = 0;
  std::size_t next_text_ = 0;
};

}  // namespace variscope::store
