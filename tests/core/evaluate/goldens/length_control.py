"""Makes length_control.json: logistic regressions of preferences on length differences, by scipy.

    python3 tests/core/evaluate/goldens/length_control.py

The penalized likelihood is minimized by a trust region with exact derivatives, and the error is the delta method's, of
the inverse of the Hessian.
"""
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

HERE = Path(__file__).parent
PENALTY = 0.01


def fit(preferences, differences):
    y, d = np.array(preferences, float), np.array(differences, float)
    deviation = d.std(ddof=1)
    x = np.stack([np.ones_like(d), np.tanh(d / deviation) if deviation > 0 else np.zeros_like(d)])
    penalty = np.diag([0, PENALTY])

    def loss(t):
        z = t @ x
        return np.sum(np.logaddexp(0, z) - y * z) + t @ penalty @ t / 2

    def gradient(t):
        return x @ (expit(t @ x) - y) + penalty @ t

    def hessian(t):
        p = expit(t @ x)
        return (x * (p * (1 - p))) @ x.T + penalty

    best = minimize(loss, np.zeros(2), jac=gradient, hess=hessian, method="trust-exact", options=dict(gtol=1e-11))
    t = best.x
    for _ in range(3):
        t = t - np.linalg.solve(hessian(t), gradient(t))
    rate = expit(t[0])
    error = np.sqrt(np.linalg.inv(hessian(t))[0, 0])
    return dict(
        rate=float(rate),
        stderr=float(rate * (1 - rate) * error),
        low=float(expit(t[0] - 1.959963984540054 * error)),
        high=float(expit(t[0] + 1.959963984540054 * error)),
        effect=float(t[1]),
    )


def draw(seed, n, a, b, mean, deviation):
    g = np.random.default_rng(seed)
    d = np.rint(g.normal(mean, deviation, n))
    p = expit(a + b * np.tanh(d / deviation))
    u = g.random(n)
    # A band around the threshold is a tie.
    return [float(v) for v in np.where(u < p - 0.1, 1, np.where(u > p + 0.1, 0, 0.5))], [int(v) for v in d]


CASES = dict(
    longer=draw(1, 200, 0.0, 1.5, 300, 250),
    shorter=draw(2, 60, 0.6, -0.8, -40, 90),
    few=([1, 0, 0.5, 1, 1], [12, -3, 0, 7, -8]),
    graded=([0.83, 0.12, 0.4, 0.91, 0.66, 0.25], [410, -220, 35, 12, -77, 60]),
    # Length alone decides: without the penalty there is no finite fit.
    separated=([1, 1, 1, 0, 0, 0, 1, 0], [5, 9, 40, -3, -12, -30, 2, -1]),
    equal=([1, 0, 0, 0.5, 1, 1], [0, 0, 0, 0, 0, 0]),
    ties=([0.5] * 7, [3, -9, 4, 11, 0, 2, -6]),
    # All but one are won by very long answers.
    saturated=([1] * 39 + [0], [1000 + i for i in range(39)] + [-1000]),
)
made = {
    name: dict(preferences=preferences, differences=differences, **fit(preferences, differences))
    for name, (preferences, differences) in CASES.items()
}
text = json.dumps(made, indent=2)
(HERE / "length_control.json").write_text(text + "\n")
