# Figures of pareto_reference.hpp.
suppressMessages(library(loo))
u <- function(S) ((1:S) * 0.6180339887498949) %% 1
cases <- list(list(S=1000, k=0.3), list(S=400, k=0.8), list(S=4000, k=-0.5), list(S=60, k=1.2))
for (c in cases) {
  r <- -c$k * log1p(-u(c$S)) + 0.1 * sin(1:c$S) + 5
  p <- suppressWarnings(psis(r, r_eff = 1))
  raw <- p$log_weights[, 1]
  lw <- weights(p, log = TRUE, normalize = TRUE)[, 1]
  s <- sort(lw, decreasing = TRUE)
  cat(sprintf("    {%d, %.1f, %.17g, %.17g, %.17g, {%.17g, %.17g, %.17g}},\n", c$S, c$k, p$diagnostics$pareto_k,
      1 / sum(exp(2 * lw)), matrixStats::logSumExp(raw) - log(c$S), s[1], s[2], s[10]))
}
x <- sort((1 / 0.4) * ((1 - u(200))^-0.4 - 1))
f <- loo::gpdfit(x, wip = FALSE); cat(sprintf("%.17g %.17g\n", f$k, f$sigma))
