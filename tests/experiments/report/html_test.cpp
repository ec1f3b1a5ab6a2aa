/// The report page: warnings first, nothing from elsewhere, hostile names inert, downloads that are the tables' files.
#include "experiments/report/html.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "experiments/report/render.hpp"
#include "experiments/report/warnings.hpp"
#include "tests/experiments/report/example.hpp"

namespace variscope::experiments {
namespace {

namespace fs = std::filesystem;

ReportContext context_of(const std::string& study) {
  ReportContext context = {study, "3f9a1c0d", "0.1.0", "pw_cfe"};
  context.provenance = {{"spec_text", "name = \"a </pre><script>alert(1)</script>\"\n"}, {"compiler", "GNU 12.2.0"}};
  return context;
}

std::vector<NamedTable> example_tables(const std::vector<CellRecord>& cells, const ReportContext& context) {
  const std::vector<CellSummary> summaries = summarise_cells(cells, context);
  return report_tables(summaries, predict(summaries), context);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// RFC 4648, by the definition: six bits a character.
std::string decoded(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6U | static_cast<unsigned>(digits.find(c));
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes += static_cast<char>(bits >> static_cast<unsigned>(held) & 255U);
    }
  }
  return bytes;
}

/// What the link that saves `file` holds.
std::string downloaded(const std::string& page, const std::string& file) {
  const std::size_t link = page.find("download=\"" + file + "\"");
  if (link == std::string::npos) return "";
  const std::size_t from = page.find("base64,", link) + 7;
  return decoded(page.substr(from, page.find('"', from) - from));
}

TEST(Page, HoldsEveryTableItsFilesAndNothingFromElsewhere) {
  const std::vector<CellRecord> cells = testing::example_study();
  const ReportContext context = context_of("study");
  const std::vector<NamedTable> tables = example_tables(cells, context);
  const std::string page =
      render_page(tables, {{"variance", "study: variance", "<svg viewBox=\"0 0 1440 480\"></svg>", "a,b\n1,2\n"}}, context);
  for (const NamedTable& named : tables) {
    EXPECT_EQ(count(page, "<section id=\"" + named.name + "\">"), 1U);
    EXPECT_EQ(downloaded(page, named.name + ".csv"), render_csv(named.table));
    EXPECT_EQ(downloaded(page, named.name + ".tex"), render_latex(named.table));
  }
  EXPECT_EQ(downloaded(page, "variance.csv"), "a,b\n1,2\n");
  EXPECT_NE(page.find("width=\"1440\" height=\"480\""), std::string::npos) << "the picture's place must be kept free";
  for (const char* tag : {"table", "section", "details", "figure", "main", "ul", "tr", "div"}) {
    EXPECT_EQ(count(page, std::string("<") + tag + ">") + count(page, std::string("<") + tag + " "),
              count(page, std::string("</") + tag + ">"))
        << tag;
  }
  EXPECT_EQ(page.find("http"), std::string::npos) << "a page without network asks for nothing";
  EXPECT_EQ(count(page, "<script>"), 1U);
}

TEST(Page, NamesAreTextWhateverTheyHold) {
  const std::string hostile = "<img src=x onerror=alert(1)> & \"quotes\" 'single'";
  const std::string page = render_page({}, {}, context_of(hostile));
  EXPECT_EQ(page.find("<img src=x"), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot; &#39;single&#39;"), std::string::npos);
  EXPECT_NE(page.find("a &lt;/pre&gt;&lt;script&gt;alert(1)"), std::string::npos);
  EXPECT_EQ(html_escaped(std::string("a\x01") + "b\tc"), "ab\tc");
}

TEST(Page, WarnsOfABiasedEstimatorByName) {
  const std::vector<CellRecord> cells = testing::example_study();
  const ReportContext context = context_of("study");
  const std::vector<NamedTable> tables = example_tables(cells, context);
  std::string found;
  for (const std::string& warning : report_warnings(tables, context)) {
    if (warning.find("Failed the bias gate") != std::string::npos) found += warning;
  }
  EXPECT_NE(found.find("sf_wrong (cell_000"), std::string::npos) << found;
  EXPECT_EQ(found.find("pw_cfe"), std::string::npos) << found;
  const std::string page = render_page(tables, {}, context);
  EXPECT_LT(page.find("Failed the bias gate"), page.find("<table"));
  EXPECT_EQ(page.find("No warnings"), std::string::npos);
}

/// One table with one row and one column.
NamedTable single(const std::string& key, const TableCell& cell) {
  Table table;
  table.title = "T: study";
  table.panels = {"all"};
  table.columns = {{key, key, "", 0}};
  table.sections = {{"cell_000", "a model", "All", {{"nuts", {cell}}}, {}}};
  return {"t", false, table};
}

TEST(Page, EveryThresholdIsTakenFromItsSide) {
  const auto warns = [](const std::string& key, double value) {
    TableCell cell;
    cell.kind = CellKind::number;
    cell.estimate.value = value;
    return report_warnings({single(key, cell)}, context_of("study")).size();
  };
  EXPECT_EQ(warns("rhat_max", 1.011), 1U);
  EXPECT_EQ(warns("rhat_max", 1.009), 0U);
  EXPECT_EQ(warns("k_hat", 0.71), 1U);
  EXPECT_EQ(warns("k_hat", 0.69), 0U);
  EXPECT_EQ(warns("e_bfmi", 0.29), 1U);
  EXPECT_EQ(warns("e_bfmi", 0.31), 0U);
  EXPECT_EQ(warns("divergences", 1), 1U);
  EXPECT_EQ(warns("divergences", 0), 0U);
  EXPECT_EQ(warns("failed", 1), 1U);
  EXPECT_EQ(warns("diverged_share", 0.1), 1U);
  TableCell infinite;
  infinite.text = "inf";
  EXPECT_EQ(report_warnings({single("k_hat", infinite)}, context_of("study")).size(), 1U);
  ReportContext failed = context_of("study");
  failed.failures = "3 of 100 evaluations failed";
  EXPECT_EQ(report_warnings({}, failed), std::vector<std::string>{"3 of 100 evaluations failed."});
}

/// A browser's view, where one is installed: the page's own script sorts by value and back, and nothing is wider than a telephone.
TEST(Page, SortsAndFitsATelephoneInABrowser) {
  if (std::system("command -v chromium > /dev/null 2>&1") != 0) GTEST_SKIP() << "no chromium here (Debian package chromium)";
  const std::vector<CellRecord> cells = testing::example_study();
  const ReportContext context = context_of("study");
  std::string page = render_page(example_tables(cells, context), {}, context);
  const std::string probe = R"(<script>
    const table = document.querySelector("table.sortable");
    const values = () => [...table.tBodies[0].rows].map((row) => row.cells[1].dataset.value).filter((v) => v !== undefined).map(Number);
    const rising = (v) => v.every((x, i) => i === 0 || v[i - 1] <= x);
    const button = table.tHead.rows[0].cells[1].querySelector("button");
    const before = values().join();
    button.click();
    const up = rising(values());
    button.click();
    const down = rising(values().reverse());
    button.click();
    const restored = values().join() === before;
    document.title = "rows " + values().length + " up " + up + " down " + down + " restored " + restored + " wide " +
      (document.documentElement.scrollWidth > window.innerWidth);
  </script>)";
  const std::string end = "</body>";
  page.insert(page.find(end), probe);
  const fs::path directory = fs::temp_directory_path() / ("variscope_page_" + std::to_string(::getpid()));
  fs::create_directories(directory);
  std::ofstream(directory / "page.html") << page;
  const std::string command =
      "cd '" + directory.string() +
      "' && timeout -k 5 60 chromium --headless --no-sandbox --disable-gpu --window-size=500,900 --user-data-dir=profile "
      "--dump-dom page.html > dom.html 2> /dev/null";
  const int status = std::system(command.c_str());
  std::ifstream file(directory / "dom.html");
  const std::string dom{std::istreambuf_iterator<char>(file), {}};
  fs::remove_all(directory);
  ASSERT_EQ(status, 0) << "chromium did not open the page";
  const std::size_t title = dom.find("<title>rows ");
  ASSERT_NE(title, std::string::npos);
  const std::string said = dom.substr(title + 7, dom.find("</title>") - title - 7);
  EXPECT_NE(said.find("up true down true restored true wide false"), std::string::npos) << said;
  EXPECT_EQ(said.find("rows 0"), std::string::npos) << said;
}

}  // namespace
}  // namespace variscope::experiments
