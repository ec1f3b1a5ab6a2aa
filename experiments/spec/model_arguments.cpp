/// Settings to the catalogue's arguments.
#include "experiments/spec/model_arguments.hpp"

namespace variscope::experiments {

models::Arguments model_arguments(const Settings& settings, const data::Table* table) {
  models::Arguments arguments;
  arguments.numbers = settings.model.numbers;
  arguments.words = settings.model.words;
  arguments.lists = settings.model.lists;
  arguments.table = table;
  arguments.words.emplace("spec_directory", settings.model.directory);
  return arguments;
}

models::ResponseKind response_kind(const Settings& settings) {
  const models::Entry& entry = *models::find(settings.model.name);
  return entry.response_of ? entry.response_of(model_arguments(settings)) : entry.response;
}

}  // namespace variscope::experiments
