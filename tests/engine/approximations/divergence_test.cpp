/// Divergences by quadrature against closed forms.
#include "engine/approximations/divergence.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "engine/families/full_rank_gaussian.hpp"
#include "engine/families/mean_field_gaussian.hpp"
#include "engine/models/gaussian.hpp"
#include "engine/models/student_t.hpp"

namespace variscope::approximations {
namespace {

TEST(Divergence, OfNormalsIsTheClosedForm) {
  // log p = -(z - a)^2 h / 2, unnormalised: KL to N(a, 1/h) is known; log p lacks log sqrt(h / 2 pi).
  const models::Gaussian model({2.0}, {0.5});
  const std::vector<double> lambda = {-0.3, std::log(1.7)};
  const families::MeanFieldGaussian q(lambda);
  const double kl = 0.5 * (2.0 * (1.7 * 1.7 + 0.8 * 0.8) - 1 - std::log(2.0 * 1.7 * 1.7));
  const Divergence d = divergence(density_of(model), q);
  EXPECT_NEAR(d.elbo, -kl + 0.5 * std::log(2 * M_PI / 2.0), 1e-12);
  // log q - log p = c + b e + a e^2 in q's noise e: E of its square is (c + a)^2 + b^2 + 2 a^2.
  const double a = -0.5 + 0.5 * 2.0 * 1.7 * 1.7;
  const double b = 2.0 * -0.8 * 1.7;
  const double c = -std::log(1.7) - 0.5 * std::log(2 * M_PI) + 0.5 * 2.0 * 0.8 * 0.8;
  EXPECT_NEAR(d.log_square, (c + a) * (c + a) + b * b + 2 * a * a, 1e-11);
}

TEST(Divergence, InTwoDimensionsIsTheClosedForm) {
  // The posterior itself: no divergence, and the ELBO is the log of the normaliser.
  const models::Gaussian model({2.0, 0.6, 0.6, 1.5}, {0.5, -1.0});
  const double det = 2.0 * 1.5 - 0.36;
  const double l00 = std::sqrt(1.5 / det);
  const double l10 = -0.6 / det / l00;
  const double l11 = std::sqrt(2.0 / det - l10 * l10);
  const std::vector<double> lambda = {0.5, -1.0, std::log(l00), std::log(l11), l10};
  families::Arguments arguments;
  arguments.dim = 2;
  const auto q = families::full_rank_gaussian_entry().make(arguments, lambda);
  const Divergence d = divergence(density_of(model), *q);
  EXPECT_NEAR(d.elbo, std::log(2 * M_PI / std::sqrt(det)), 1e-12);
  EXPECT_NEAR(d.log_square, std::pow(std::log(2 * M_PI / std::sqrt(det)), 2), 1e-11);
}

TEST(Divergence, RefusesMuchNoise) {
  const models::StudentT model(3, 0.0, 1.0, 3.0);
  const std::vector<double> lambda(6, 0.0);
  EXPECT_THROW((void)divergence(density_of(model), families::MeanFieldGaussian(lambda)), std::invalid_argument);
}

}  // namespace
}  // namespace variscope::approximations
