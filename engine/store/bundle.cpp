/// Two flat datasets, and the order in which they were filled.
#include "engine/store/bundle.hpp"

#include <utility>

#include "engine/error.hpp"
#include "engine/store/segment_file.hpp"
#include "engine/store/values.hpp"

namespace variscope::store {
namespace {

const std::string format_name = "variscope bundle segment";
constexpr Index format_version = 1;

}  // namespace

SegmentEntry write_bundle(const std::filesystem::path& run, Index checkpoint, Index writer, const Bundle& bundle) {
  return write_segment_file(run, checkpoint, writer, [&](const Handle& file) {
    write_attribute(file, "format", format_name);
    write_attribute(file, "format_version", format_version);
    write_doubles(file, "numbers", {bundle.numbers.size()}, bundle.numbers.data()).close();
    write_texts(file, "texts", bundle.texts).close();
  });
}

Bundle read_bundle(const std::filesystem::path& run, const SegmentEntry& entry) {
  const auto file = open_segment_file(run, entry, format_name, format_version);
  return {read_doubles(file, "numbers"), read_texts(file, "texts")};
}

void BundleWriter::add(const std::vector<double>& values) {
  bundle_.numbers.push_back(static_cast<double>(values.size()));
  bundle_.numbers.insert(bundle_.numbers.end(), values.begin(), values.end());
}

double BundleReader::number() {
  if (next_number_ >= bundle_.numbers.size()) throw SystemError("bundle: fewer numbers than expected (another program wrote it)");
  return bundle_.numbers[next_number_++];
}

std::vector<double> BundleReader::numbers() {
  const auto count = static_cast<std::size_t>(number());
  if (count > bundle_.numbers.size() - next_number_) throw SystemError("bundle: fewer numbers than expected (another program wrote it)");
  const auto first = bundle_.numbers.begin() + static_cast<std::ptrdiff_t>(next_number_);
  next_number_ += count;
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

const std::string& BundleReader::text() {
  if (next_text_ >= bundle_.texts.size()) throw SystemError("bundle: fewer texts than expected (another program wrote it)");
  return bundle_.texts[next_text_++];
}

}  // namespace variscope::store
