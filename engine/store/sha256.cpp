/// SHA-256 by OpenSSL's EVP interface.
#include "engine/store/sha256.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"

namespace variscope::store {
namespace {

void require(int status, const char* call) {
  if (status != 1) throw SystemError(fmt::format("{}: SHA-256 (OpenSSL refused)", call));
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  require(state_->context != nullptr ? 1 : 0, "EVP_MD_CTX_new");
  require(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr), "EVP_DigestInit_ex");
}

Sha256::~Sha256() = default;

void Sha256::add(const void* bytes, std::size_t size) {
  if (size > 0) require(EVP_DigestUpdate(state_->context, bytes, size), "EVP_DigestUpdate");
}

void Sha256::add_number(std::uint64_t value) {
  std::array<unsigned char, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
  add(bytes.data(), bytes.size());
}

void Sha256::add_text(std::string_view text) {
  add_number(text.size());
  add(text.data(), text.size());
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(state_->context, digest.data(), &size), "EVP_DigestFinal_ex");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 digest;
  digest.add(bytes.data(), bytes.size());
  return digest.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) throw_errno("open", path);
  Sha256 digest;
  std::vector<char> block(std::size_t{1} << 20);
  while (true) {
    const auto size = std::fread(block.data(), 1, block.size(), file.get());
    digest.add(block.data(), size);
    if (size < block.size()) break;
  }
  if (std::ferror(file.get()) != 0) throw_errno("read", path);
  return digest.hex();
}

}  // namespace variscope::store
