/// Pareto-smoothed weights by the R package loo 2.5.1 (Debian r-cran-loo): Rscript tests/engine/diagnostics/pareto_reference.R
#pragma once

namespace variscope::diagnostics::testing {

/// log ratio i = 1..draws: -shape log1p(-u_i) + 0.1 sin(i) + 5, u_i = frac(0.6180339887498949 i).
struct ParetoReference {
  int draws;
  double shape;
  double khat;
  double effective_size;
  double log_mean_weight;
  double largest[3];  ///< normalised smoothed log weights: the largest, the second, the tenth
};

inline constexpr ParetoReference kParetoReferences[] = {
    {1000,
     0.3,
     0.32461321301348278,
     827.85854792794021,
     5.3589787421814474,
     {-4.9345316906562076, -5.2823775847687768, -5.8579289741713634}},
    {400,
     0.8,
     0.73660997350358814,
     46.575720220563078,
     6.3562587341769978,
     {-2.1709209321524252, -2.9850142559717323, -4.3703341660360033}},
    {4000,
     -0.5,
     -0.5660869485126846,
     3537.2991032135174,
     4.5972815364692785,
     {-7.7918865648928186, -7.7918865648928186, -7.797151997487842}},
    {60, 1.2, 0.75544029087530973, 8.2608471682381825, 7.083728491279504, {-1.2083771722524652, -2.1062588547643699, -3.9756310101255909}},
};

/// gpdfit(x, wip = FALSE) of the sorted excesses ((1 - u_i)^-0.4 - 1) / 0.4, i = 1..200.
inline constexpr double kParetoFitShape = 0.4007153398391734;
inline constexpr double kParetoFitScale = 1.0063982344529283;

}  // namespace variscope::diagnostics::testing
