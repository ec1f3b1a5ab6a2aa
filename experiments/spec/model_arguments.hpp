/// What a model's catalogue entry is asked, from one cell's settings.
#pragma once

#include "engine/models/catalogue.hpp"
#include "experiments/spec/settings.hpp"

namespace variscope::experiments {

/// The keys of [model], and as the word "spec_directory" where files of the model are relative to; table may be null. The model must be
/// known.
models::Arguments model_arguments(const Settings& settings, const data::Table* table = nullptr);

/// What response the model of these settings explains.
models::ResponseKind response_kind(const Settings& settings);

}  // namespace variscope::experiments
