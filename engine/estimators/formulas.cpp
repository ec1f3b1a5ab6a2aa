/// Formulas by name; a test holds the list against the catalogue.
#include "engine/estimators/formulas.hpp"

#include <map>

namespace variscope::estimators {

std::string formula(const std::string& estimator) {
  static const std::map<std::string, std::string> all = {
      {"sf_raw", "avg f(z_i) h(z_i)"},
      {"sf_mean", "avg (f(z_i) - b) h(z_i), b = mean of f over earlier samples"},
      {"sf_loo", "avg (f(z_i) - b_i) h(z_i), b_i = mean of f over the other M - 1 samples"},
      {"sf_rb", "avg (f_d(z_i) - a_p) h_p(z_i), f_d: f less the log q of other coordinates, a_p = Cov(f h, h) / Var h of earlier samples"},
      {"sf_rb_same", "as sf_rb, a_p from the same M samples"},
      {"pw_cfe", "avg dz grad l(z_i) + grad H"},
      {"pw_kl", "avg dz grad l_likelihood(z_i) - grad KL(q || prior)"},
      {"stl", "avg dz grad (l - log q)(z_i), log q's own parameters held"},
      {"mix_stl_cfe", "c stl + (1 - c) pw_cfe, c = -sum Cov(g, h) / sum Var h of earlier samples"},
      {"pw_antithetic", "pw_cfe with eps_{2i+1} = -eps_{2i}"},
      {"pw_rqmc", "pw_cfe with eps_i = Phi^-1(u_i), u an Owen-scrambled Sobol net of M points"},
      {"pw_stratified",
       "avg sum_k w_k dz_k grad f(z_k,i) for means and scales, avg w_j (f(z_j,i) - sum_k w_k f(z_k,i)) for logits, f = l - log q"},
      {"pw_local", "avg sum_n dz_n grad_eta log p(y_n | eta_n), eta_n = x_n'm + (x_n' Sigma x_n)^(1/2) eps_{n,i}, - grad KL(q || prior)"},
      {"taylor_hessian", "avg dz (grad l(z_i) - grad l(m) - D2l(m) (z_i - m)) + its expectation + grad H"},
      {"taylor_hvp", "as taylor_hessian for m; for the scale avg dz (grad l(z_i) - grad l(m)) + grad H"},
      {"pw_quadratic", "avg dz (grad l(z_i) - (b + B (z_i - m))) + its expectation + grad H, b and diagonal B of earlier samples"},
      {"bonnet_price",
       "avg grad l(z_i) for m, avg of half the Hessian of l(z_i) for the covariance, through the chain to lambda, + grad H"},
      {"svrg", "pw_cfe with grad l_B(z_i) - grad l_B(m~) + grad l_N(m~) for the mean, m~ that of an earlier step"},
      {"saga",
       "pw_cfe with grad l_B(z_i) - N/B sum_{n in B} c_n + sum_n c_n for the mean, c_n = grad l_n at the mean when n was last drawn"},
      {"joint_cv", "pw_cfe - C_B(eps_i) + E C, C the path derivative of every row's second-order expansion at the snapshot q~"},
      {"mvd",
       "avg k_p (f(z_i with noise d drawn from q+) - f(.. from q-)), q+ and q- the weak derivative's parts, coupled, f = l; of two noises "
       "times the other one; by the chain rule to lambda, + grad H"},
      {"arm", "avg (f(1[u_i > s(-phi)]) - f(1[u_i < s(phi)])) (u_i - 1/2), s(phi) = 1 / (1 + exp(-phi)), f = l, + grad H"},
      {"disarm", "avg 1/2 (f(b_i) - f(b'_i)) (-1)^b' 1[b != b'] s(|phi|), b and b' from u_i and 1 - u_i, f = l, + grad H"},
      {"rebar", "avg (f(b_i) - f(y~)) h(b_i) - dy~ l'(y~) + dy l'(y), y and y~ the relaxed variable without and given b, f = l, + grad H"},
      {"gumbel_softmax", "avg dy grad l(y_i), y = s((phi + logistic noise) / temperature), + grad H"},
      {"straight_through", "avg s (1 - s) grad l(b_i), + grad H"},
      {"iwae", "sum_i v_i (dz grad log w(z_i) - h(z_i)), w = p / q, v_i = w_i / sum w"},
      {"stl_iw", "sum_i v_i dz grad log w(z_i), v_i = w_i / sum w, log q's own parameters held"},
      {"dreg", "sum_i v_i^2 dz grad log w(z_i), v_i = w_i / sum w, log q's own parameters held"},
  };
  const auto found = all.find(estimator);
  return found == all.end() ? std::string() : found->second;
}

}  // namespace variscope::estimators
