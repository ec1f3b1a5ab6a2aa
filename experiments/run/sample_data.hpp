/// The data of a study of chains as groups of its trace files: observed_data and constant_data.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/communicator/communicator.hpp"
#include "engine/data/table.hpp"
#include "engine/store/trace.hpp"

namespace variscope::experiments {

/// observed_data: the response. constant_data: the design as the model sees it, and side columns. On rank 0 of `shards`, whose ranks hold
/// the rows; nothing on the others. Collective over `shards`. Memory: the whole table once more, on every rank.
std::map<std::string, std::vector<store::TraceConstant>> data_groups(const data::Table& table, const cluster::Communicator& shards);

}  // namespace variscope::experiments
