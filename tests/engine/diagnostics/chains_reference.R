# Figures of chains_reference.hpp, by the R package posterior (nested R-hat and E-BFMI, which its version 1.4.0 has not, are written out).
suppressMessages(library(posterior))

# Lehmer's generator: every number and every operation on it is exact in doubles. u in (0, 1).
uniforms <- function(seed, n) {
  u <- numeric(n)
  state <- seed
  for (i in 1:n) {
    state <- (16807 * state) %% 2147483647
    u[i] <- state / 2147483647
  }
  u
}
# kind -> matrix draws x chains, from uniforms in the order chain by chain
ar <- function(u, phi) {
  x <- u - 0.5
  for (i in seq_along(x)[-1]) x[i] <- phi * x[i - 1] + x[i]
  x
}
make <- function(kind, chains, draws, seed) {
  u <- matrix(uniforms(seed, chains * draws), draws, chains)
  switch(kind,
    uniform = u,
    ar = apply(u, 2, ar, phi = 0.9),
    antithetic = apply(u, 2, ar, phi = -0.7),
    alternating = (u - 0.5) / 64 + rep(c(1, -1), length.out = draws),
    cauchy = tan(3.141592653589793 * (u - 0.5)),
    shifted = u + rep(c(0.5, rep(0, chains - 1)), each = draws),
    scaled = (u - 0.5) * rep(c(4, rep(1, chains - 1)), each = draws),
    ties = floor(5 * u),
    constant = 0 * u + 0.1,
    stuck = 0 * u + rep(0.5 * (1:chains), each = draws),
    tiny = u / 2^70,
    nan = { u[2, 1] <- NaN; u },
    infinite = { u[2, 1] <- Inf; u[3, 2] <- -Inf; u },
    half_infinite = { u[u > 0.3] <- Inf; u })
}
nested <- function(x, superchains) {
  if (posterior:::should_return_NA(x)) return(NA_real_)
  ids <- rep(1:superchains, each = ncol(x) / superchains)
  groups <- lapply(1:superchains, function(k) x[, ids == k, drop = FALSE])
  within <- sapply(groups, function(g) {
    between <- if (ncol(g) > 1) var(colMeans(g)) else 0
    inside <- if (nrow(g) > 1) mean(apply(g, 2, var)) else 0
    between + inside
  })
  sqrt(1 + var(sapply(groups, mean)) / mean(within))
}
bfmi <- function(e) sum(diff(e)^2) / sum((e - mean(e))^2)

# Beyond 1e12 only rounding keeps the figure from being infinite: chains that differ and do not move.
number <- function(x) if (is.na(x)) "kNaN" else if (x > 1e12) "kInfinity" else sprintf("%.17g", x)
# Of 2 or 3 draws posterior 1.4.0 drops a dimension and takes chains for draws: no reference there.
cases <- list(
  list("uniform", 4, 1), list("uniform", 4, 4), list("uniform", 2, 5), list("uniform", 2, 6),
  list("uniform", 4, 7), list("uniform", 4, 12), list("ar", 3, 13), list("uniform", 1, 100), list("uniform", 1, 101), list("ar", 1, 1000),
  list("uniform", 3, 101), list("ar", 4, 1000), list("ar", 3, 333), list("antithetic", 4, 500), list("antithetic", 1, 77),
  list("alternating", 4, 200), list("cauchy", 4, 400), list("cauchy", 2, 1001), list("uniform", 100, 20), list("ar", 64, 100),
  list("shifted", 4, 250), list("scaled", 4, 250), list("ties", 4, 200), list("ties", 3, 51), list("constant", 4, 50),
  list("stuck", 4, 50), list("tiny", 4, 50), list("nan", 4, 50), list("infinite", 4, 50), list("half_infinite", 4, 50))
for (i in seq_along(cases)) {
  kind <- cases[[i]][[1]]; chains <- cases[[i]][[2]]; draws <- cases[[i]][[3]]
  x <- make(kind, chains, draws, 1002 + i)
  z <- function(v) posterior:::z_scale(posterior:::.split_chains(v))
  guarded <- function(f) {
    value <- tryCatch(suppressWarnings(f), error = function(e) NA_real_)
    if (length(value) == 1) value else NA_real_
  }
  figures <- c(
    rhat_basic(x, split = FALSE), rhat_basic(x), posterior:::.rhat(z(x)), posterior:::.rhat(z(posterior:::fold_draws(x))), rhat(x),
    guarded(ess_basic(x, split = FALSE)), ess_mean(x), ess_sd(x), ess_bulk(x), guarded(ess_tail(x)), unlist(lapply(c(0, 0.1, 0.5, 1), function(p) guarded(ess_quantile(x, p)))),
    mcse_mean(x), mcse_sd(x), guarded(mcse_quantile(x, 0.05)), guarded(mcse_quantile(x, 0.5)), guarded(mcse_quantile(x, 0.95)),
    guarded(quantile2(x, 0.1)),
    if (chains %% 2 == 0) guarded(nested(x, 2)) else NA,
    if (draws > 1 && kind != "constant" && kind != "stuck") bfmi(x[, 1]) else NA,
    if (draws > 3) sapply(c(2, 4), function(i) guarded(posterior:::autocorrelation(x[, 1])[i])) else c(NA, NA))
  stopifnot(length(figures) == 24)
  cat(sprintf("    {\"%s\", %d, %d, %d, {%s}},\n", kind, chains, draws, 1002 + i, paste(sapply(figures, number), collapse = ", ")))
}
