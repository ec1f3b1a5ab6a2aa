/// Taking, judging and leaving the lock file.
#include "engine/store/run_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "engine/error.hpp"
#include "engine/store/durable.hpp"

namespace variscope::store {
namespace {

/// The holder as the lock file tells it. `began` distinguishes processes that got the same number one after the other.
struct Holder {
  std::string host;
  pid_t pid = 0;
  std::string began;
};

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) throw_errno("gethostname", "this host");
  return name.data();
}

/// Field `wanted` (3 or more) of /proc/<pid>/stat; empty if unknown.
std::string stat_field(pid_t pid, int wanted) {
  std::ifstream stream(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(stream, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= wanted && fields >> field; ++number) {
  }
  return fields ? field : std::string();
}

/// When a process began, in clock ticks since boot.
std::string beginning_of(pid_t pid) { return stat_field(pid, 22); }

std::string describe(const Holder& holder) { return fmt::format("host {}\npid {}\nbegan {}\n", holder.host, holder.pid, holder.began); }

Holder parse(const std::string& text) {
  Holder holder;
  std::istringstream stream(text);
  std::string line;
  while (std::getline(stream, line)) {
    const auto blank = line.find(' ');
    const auto key = line.substr(0, blank);
    const auto value = blank == std::string::npos ? std::string() : line.substr(blank + 1);
    if (key == "host") holder.host = value;
    if (key == "pid") std::istringstream(value) >> holder.pid;
    if (key == "began") holder.began = value;
  }
  return holder;
}

bool is_dead(const Holder& holder) {
  if (holder.host != host_name() || holder.pid <= 0) return false;
  if (::kill(holder.pid, 0) != 0 && errno == ESRCH) return true;
  // One that nobody has waited for yet has closed its files all the same.
  const auto state = stat_field(holder.pid, 3);
  if (state == "Z" || state == "X") return true;
  const auto began = beginning_of(holder.pid);
  return !holder.began.empty() && !began.empty() && began != holder.began;
}

std::string name_of(const Holder& holder) {
  return holder.host.empty() ? "an unknown process" : fmt::format("process {} on host {}", holder.pid, holder.host);
}

/// Whether a lock of another host stays undated for `stale`. The file's own dates alone are compared.
bool falls_silent(const std::filesystem::path& file, std::chrono::milliseconds stale) {
  std::error_code gone;
  const auto first = std::filesystem::last_write_time(file, gone);
  const auto began = std::chrono::steady_clock::now();
  while (!gone && std::chrono::steady_clock::now() - began < stale) {
    std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(stale / 20, std::chrono::seconds(1)));
    if (std::filesystem::last_write_time(file, gone) != first && !gone) return false;
  }
  return true;
}

/// Creates the lock file, or returns false if there is one.
bool create(const std::filesystem::path& file, const std::string& text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0 && errno == EEXIST) return false;
  if (descriptor < 0) {
    const std::string reason = std::generic_category().message(errno);
    throw UserError(fmt::format("{}: cannot be created ({}). Choose a run directory that can be written.", file.string(), reason));
  }
  try {
    write_at(descriptor, text.data(), text.size(), 0, file);
    if (::fsync(descriptor) != 0) throw_errno("fsync", file);
  } catch (...) {
    ::close(descriptor);
    ::unlink(file.c_str());
    throw;
  }
  if (::close(descriptor) != 0) throw_errno("close", file);
  return true;
}

/// Removes the lock that was judged, and no other: two processes that find it stale must not remove each other's new lock.
void remove_judged(const std::filesystem::path& file, const std::string& text) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  struct stat opened {};
  struct stat named {};
  if (::flock(descriptor, LOCK_EX) == 0 && ::fstat(descriptor, &opened) == 0 && ::stat(file.c_str(), &named) == 0 &&
      opened.st_ino == named.st_ino && read_text_file(file) == text) {
    ::unlink(file.c_str());
  }
  ::close(descriptor);
}

}  // namespace

RunLock::RunLock(std::filesystem::path file, ForeignLock foreign, LockTimes times) : file_(std::move(file)) {
  text_ = describe({host_name(), ::getpid(), beginning_of(::getpid())});
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (create(file_, text_)) {
      heart_ = std::thread([this, times] { beat(times.beat); });
      return;
    }
    std::string text;
    try {
      text = read_text_file(file_);
    } catch (const SystemError&) {
      continue;  // its holder has just left
    }
    const auto holder = parse(text);
    const bool stale = is_dead(holder) || foreign == ForeignLock::take_over ||
                       (foreign == ForeignLock::wait && holder.host != host_name() && falls_silent(file_, times.stale));
    if (!stale) {
      throw UserError(fmt::format("{}: in use by {}. Wait until it has ended; if it no longer runs, remove {}.",
                                  file_.parent_path().string(), name_of(holder), file_.string()));
    }
    remove_judged(file_, text);
  }
  throw UserError(fmt::format("{}: other processes keep taking the lock. Run one at a time in a directory.", file_.string()));
}

RunLock::~RunLock() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    done_ = true;
  }
  leaving_.notify_all();
  if (heart_.joinable()) heart_.join();
  try {
    if (read_text_file(file_) == text_) ::unlink(file_.c_str());
  } catch (const std::exception&) {
    // Taken over or removed by hand: nothing of ours is left.
  }
}

void RunLock::beat(std::chrono::milliseconds every) {
  // The main thread alone is to be interrupted.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock<std::mutex> guard(mutex_);
  while (!leaving_.wait_for(guard, every, [this] { return done_; })) {
    try {
      // A lock that was taken over is its new holder's to date.
      if (read_text_file(file_) == text_) ::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
    } catch (const std::exception&) {
      // The directory is away for now: the next commit will tell.
    }
  }
}

void RunLock::require_held() const {
  std::string text;
  try {
    text = read_text_file(file_);
  } catch (const SystemError& error) {
    throw SystemError(fmt::format("{}: the lock of this run is gone ({}). Resume it when the directory is there again.",
                                  file_.parent_path().string(), error.what()));
  }
  if (text != text_) {
    throw SystemError(fmt::format("{}: {} has taken this run over. It goes on there.", file_.parent_path().string(), name_of(parse(text))));
  }
}

std::string lock_holder(const std::filesystem::path& file) {
  try {
    const auto holder = parse(read_text_file(file));
    return is_dead(holder) ? std::string() : name_of(holder);
  } catch (const SystemError&) {
    return {};
  }
}

}  // namespace variscope::store
