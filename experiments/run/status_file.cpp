/// One flat JSON object.
#include "experiments/run/status_file.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/store/durable.hpp"
#include "experiments/run/stop.hpp"

namespace variscope::experiments {

int RunStatus::exit_status() const {
  if (state == "finished" || state == "committed") return 0;
  if (state == "paused") return kPausedStatus;
  return state == "failed" ? 1 : -1;
}

void write_status(const std::filesystem::path& run, const RunStatus& status) {
  nlohmann::ordered_json text{{"state", status.state},
                              {"reason", status.reason},
                              {"exit_status", status.exit_status()},
                              {"updated", status.updated},
                              {"checkpoint", status.checkpoint},
                              {"last_checkpoint", status.last_checkpoint},
                              {"done", status.done},
                              {"total", status.total},
                              {"unit", status.unit},
                              {"seconds_left", status.seconds_left},
                              {"ranks", status.ranks},
                              {"threads", status.threads},
                              {"hosts", status.hosts},
                              {"results_hash", status.hash}};
  // Not synchronised: after a loss of power it may be old, but whole. If it cannot be written, the next commit meets the same trouble and
  // has to say so.
  const auto target = run / "status.json";
  std::ofstream file(store::unfinished(target), std::ios::binary | std::ios::trunc);
  file << text.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n" << std::flush;
  std::error_code ignored;
  if (file) std::filesystem::rename(store::unfinished(target), target, ignored);
}

std::optional<RunStatus> read_status(const std::filesystem::path& run) {
  try {
    const auto text = nlohmann::json::parse(store::read_text_file(run / "status.json"));
    RunStatus status;
    text.at("state").get_to(status.state);
    text.at("reason").get_to(status.reason);
    text.at("updated").get_to(status.updated);
    text.at("checkpoint").get_to(status.checkpoint);
    text.at("last_checkpoint").get_to(status.last_checkpoint);
    text.at("done").get_to(status.done);
    text.at("total").get_to(status.total);
    text.at("unit").get_to(status.unit);
    text.at("seconds_left").get_to(status.seconds_left);
    text.at("ranks").get_to(status.ranks);
    text.at("threads").get_to(status.threads);
    status.hosts = text.value("hosts", "");
    text.at("results_hash").get_to(status.hash);
    return status;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace variscope::experiments
