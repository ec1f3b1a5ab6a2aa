/// Which columns of a data file a study uses, and as what.
#pragma once

#include "engine/models/catalogue.hpp"
#include "experiments/dataset/dataset.hpp"

namespace variscope::experiments {

/// Fills in what is known before any row is read: uses of the fields, the response's and the side columns' fields. dataset.file.fields and
/// dataset.response are given. UserError for names that are unknown (with the nearest), twice there, or of no use.
void choose_fields(Dataset& dataset, const Settings::Data& settings, models::ResponseKind response);

/// Fills in what follows from the levels: the columns of the design and its products.
/// Coding: a level's column is 1 on its rows and 0 elsewhere, named "species[versicolor]". The first level has none, it is what the others
/// are compared with; without an intercept the first categorical column keeps it. Products of levels take all but the first.
void code_columns(Dataset& dataset, const Settings::Data& settings);

}  // namespace variscope::experiments
