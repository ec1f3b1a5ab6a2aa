/// Blocks at even distances.
#include "experiments/run/fingerprint.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "engine/store/sha256.hpp"

namespace variscope::experiments {
namespace {

constexpr Index kBlock = 64 << 10;
constexpr Index kBlocks = 64;

std::string of_file(const std::string& path) {
  std::error_code error;
  const auto size = static_cast<Index>(std::filesystem::file_size(path, error));
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return fmt::format("{}: cannot be read", std::filesystem::path(path).filename().string());
  store::Sha256 digest;
  std::string block(static_cast<std::size_t>(kBlock), '\0');
  const Index whole = (size + kBlock - 1) / kBlock;
  const Index count = std::min(whole, kBlocks);
  for (Index k = 0; k < count; ++k) {
    file.seekg(whole <= kBlocks ? k * kBlock : (size - kBlock) / (kBlocks - 1) * k);
    file.read(block.data(), kBlock);
    digest.add(block.data(), static_cast<std::size_t>(file.gcount()));
    file.clear();
  }
  return fmt::format("{}: {} bytes, {:.16}", escape_bytes(std::filesystem::path(path).filename().string()), size, digest.hex());
}

}  // namespace

std::string fingerprint(const Plan& plan) {
  std::string text;
  for (const DataPlan& data : plan.data) text += (text.empty() ? "" : "; ") + of_file(data.dataset.path);
  return text.empty() ? "none" : text;
}

std::string escape_bytes(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte > 0x20 && byte < 0x7f && c != '%' ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return text;
}

std::string unescape_bytes(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      bytes += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

}  // namespace variscope::experiments
