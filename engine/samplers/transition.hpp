/// The coroutine that an iteration is: it runs until it needs a density, and goes on when the density is there.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

namespace variscope::samplers {

/// Frames of coroutines, kept by the thread that last ended one: no allocation per iteration. At most 2^16 frames are kept a thread.
class FramePool {
 public:
  static void* take(std::size_t bytes);
  static void give(void* frame, std::size_t bytes) noexcept;
};

/// One iteration of one chain, or a part of one that another awaits (`co_await part(step)`). Lazy: nothing runs before the first resume.
/// What it throws is rethrown by whoever awaits it, or by rethrow().
class [[nodiscard]] Transition {
 public:
  // The names from here on are the language's.
  struct promise_type {  // NOLINT(readability-identifier-naming)
    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::exception_ptr error;

    struct Final {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) const noexcept { return self.promise().continuation; }
      void await_resume() const noexcept {}
    };
    Transition get_return_object() { return Transition(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    Final final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }
    static void* operator new(std::size_t bytes) { return FramePool::take(bytes); }
    static void operator delete(void* frame, std::size_t bytes) noexcept { FramePool::give(frame, bytes); }
  };

  Transition() = default;
  Transition(Transition&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Transition& operator=(Transition&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  Transition(const Transition&) = delete;
  Transition& operator=(const Transition&) = delete;
  ~Transition() {
    if (handle_) handle_.destroy();
  }

  [[nodiscard]] std::coroutine_handle<> handle() const { return handle_; }
  [[nodiscard]] bool done() const { return handle_.done(); }
  void rethrow() const {
    if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> outer) noexcept {
    handle_.promise().continuation = outer;
    return handle_;
  }
  void await_resume() const { rethrow(); }

 private:
  explicit Transition(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace variscope::samplers
