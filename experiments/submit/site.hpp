/// A site: what a cluster's jobs have in common, from a TOML profile.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/schedulers/job.hpp"

namespace variscope::experiments {

/// What a site, or one partition of it, lets a job ask for. 0: no limit is known.
struct SiteLimits {
  Index nodes = 0;
  Index cpus_per_node = 0;
  Index memory_mib_per_node = 0;
  Index wall_seconds = 0;
  Index array_tasks = 0;
};

struct Site {
  std::string name;
  std::string file;  ///< for messages; "(shipped)" in front of profiles that the program carries
  std::string description;
  std::string scheduler;
  std::string program;  ///< on the nodes; empty: this one
  std::string results;  ///< parent of run directories; empty: as the spec says
  cluster::Job job;     ///< all that a job takes over from the site
  bool wall_time_given = false;
  SiteLimits limits;
  std::map<std::string, SiteLimits> partitions;
};

/// A profile's name and where it is, for lists.
struct SiteName {
  std::string name;
  std::string file;
  std::string description;
};

/// "90", "90m", "2h", "30s", "HH:MM:SS", "D-HH:MM:SS"; a bare number is minutes. nothing if it is none of these or not positive.
std::optional<Index> parse_seconds(const std::string& text);

/// The profile of this name: a file (with a '/' or .toml in it), else NAME.toml in $XDG_CONFIG_HOME/variscope/sites (default ~/.config),
/// then $XDG_CONFIG_DIRS/variscope/sites, then those the program carries. Throws UserError "file:line:column: problem (why). Suggestion.";
/// an unknown name with the nearest one.
Site read_site(const std::string& name);
Site parse_site(const std::string& text, const std::string& name, const std::string& file);

/// All that read_site() finds by name, the user's own first.
std::vector<SiteName> known_sites();

/// UserError where the job asks for more than the site or its partition gives.
void check_limits(const Site& site, const cluster::Job& job);

namespace detail {
/// Name and text of the profiles in cluster/sites, built into the program.
const std::vector<std::pair<std::string, std::string>>& shipped_sites();
}  // namespace detail

}  // namespace variscope::experiments
