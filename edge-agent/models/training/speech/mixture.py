"""A small mixture over the static cepstra of all speech, merged from the acoustic model's own Gaussians."""

import numpy as np

import sphinx_files as sphinx

COMPONENTS, ROUNDS, SEED = 128, 40, 1
LEAST_WEIGHT = 1e-7


def speech_mixture(mean, variance, codes, owner, fillers):
    """Of [codebook, density, dimension] statics: k-means over means, moments matched. Silence and noises are left out."""
    weights = sphinx.weight_table()[codes]
    weights /= weights.sum(axis=0)
    share = np.zeros(mean.shape[:2])
    for book in set(range(len(mean))) - set(fillers):
        share[book] = weights[:, owner == book].sum(axis=1)
    share = (share / share.sum()).ravel()
    keep = share > LEAST_WEIGHT
    mean, variance = mean.reshape(-1, mean.shape[2])[keep], variance.reshape(-1, mean.shape[2])[keep]
    share = share[keep] / share[keep].sum()
    spread = np.sqrt(share @ (variance + mean**2) - (share @ mean) ** 2)
    rng = np.random.default_rng(SEED)
    centre = mean[rng.choice(len(share), COMPONENTS, replace=False, p=share)]
    for _ in range(ROUNDS):
        nearest = (((mean[:, None] - centre[None]) / spread) ** 2).sum(axis=2).argmin(axis=1)
        for k in np.unique(nearest):
            centre[k] = share[nearest == k] @ mean[nearest == k] / share[nearest == k].sum()
    out = {"weights": [], "means": [], "variances": []}
    for k in np.unique(nearest):
        own = nearest == k
        weight = share[own].sum()
        middle = share[own] @ mean[own] / weight
        out["weights"].append(round(float(weight), 6))
        out["means"].append(middle.round(3).tolist())
        out["variances"].append((share[own] @ (variance[own] + mean[own] ** 2) / weight - middle**2).round(3).tolist())
    return out
