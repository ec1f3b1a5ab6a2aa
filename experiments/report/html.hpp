/// The whole report as one HTML page that needs nothing else: no network, no other file.
#pragma once

#include <string>
#include <vector>

#include "experiments/report/tables.hpp"

namespace variscope::experiments {

/// A picture of the page.
struct PagePicture {
  std::string name;   ///< "variance"
  std::string title;  ///< what it shows, for those who do not see it
  std::string svg;    ///< the file's text
  std::string data;   ///< the CSV that it draws
};

/// Text with the characters that HTML reads as markup escaped; fit for element content and quoted attributes.
std::string html_escaped(const std::string& text);
/// Warnings at the top, then every table (sortable; CSV and LaTeX to download), the pictures, spec and provenance of the context.
std::string render_page(const std::vector<NamedTable>& tables, const std::vector<PagePicture>& pictures, const ReportContext& context);

}  // namespace variscope::experiments
