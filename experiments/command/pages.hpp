/// What the catalogues know of one entry, as headed lines; and all of it as Markdown.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/estimators/estimator.hpp"
#include "engine/families/catalogue.hpp"
#include "engine/models/catalogue.hpp"
#include "engine/optimizers/optimizer.hpp"
#include "engine/optimizers/stopping.hpp"
#include "engine/samplers/catalogue.hpp"
#include "engine/transforms/catalogue.hpp"
#include "experiments/spec/fit_methods.hpp"

namespace variscope::experiments {

/// Heading and text; a text without a heading goes on with the one above. Kind and name first.
using Page = std::vector<std::pair<std::string, std::string>>;

/// Everything that the catalogue knows of one entry: what it is, its source, its parameters, its cost, and what is held against it.
Page page_of(const estimators::Entry& entry);
Page page_of(const samplers::Entry& entry);
Page page_of(const models::Entry& entry);
Page page_of(const families::Entry& entry);
Page page_of(const transforms::Entry& entry);
Page page_of(const optimizers::Entry& entry);
Page page_of(const optimizers::StoppingEntry& entry);
Page page_of(const FitMethod& entry);

/// TOPIC/NAME.md for every entry and README.md, which lists them; `variscope list --markdown`. Returns the exit status. UserError where a
/// file cannot be written.
int write_reference(const std::string& directory);

}  // namespace variscope::experiments
