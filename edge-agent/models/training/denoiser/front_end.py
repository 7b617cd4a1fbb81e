"""The recogniser's front end (edge-agent/speech/front-end.ts, noise-tracker.ts, features.ts), many utterances at once."""

import numpy as np

RATE_HZ, WINDOW, SHIFT, TRANSFORM, BANDS, CEPSTRA = 16_000, 410, 160, 512, 25, 13
PRE_EMPHASIS, LOW_HZ, HIGH_HZ, LIFTER, LOG_FLOOR = 0.97, 130, 6_800, 22, 1e-4
POWER_SMOOTHING, RISE, FALL, MASK_DECAY, MASK_LEVEL, GAIN_RANGE, NEIGHBOURS = 0.7, 0.995, 0.5, 0.85, 0.2, 20, 4


def _mel_bank():
    bin_hz = RATE_HZ / TRANSFORM

    def to_mel(hz):
        return 2595 * np.log10(1 + hz / 700)

    low = to_mel(LOW_HZ)
    step = (to_mel(HIGH_HZ) - low) / (BANDS + 1)
    edges = [int(np.floor(700 * (10 ** ((low + i * step) / 2595) - 1) / bin_hz + 0.5)) for i in range(BANDS + 2)]
    bank = np.zeros((TRANSFORM // 2 + 1, BANDS), np.float32)
    for band, (left, centre, right) in enumerate(zip(edges, edges[1:], edges[2:])):
        for k in range(right - left + 1):
            bank[left + k, band] = max(0, min(k / (centre - left), (right - left - k) / (right - centre)))
    return bank


def _cosine_transform():
    c, band = np.arange(CEPSTRA)[:, None], np.arange(BANDS)
    scale = np.sqrt(np.where(c == 0, 1, 2) / BANDS) * (1 + LIFTER / 2 * np.sin(c * np.pi / LIFTER))
    return (scale * np.cos(np.pi * c * (band + 0.5) / BANDS)).astype(np.float32)


MEL_BANK = _mel_bank()
COSINE_TRANSFORM = _cosine_transform()
_HAMMING = (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))).astype(np.float32)
_NEIGHBOURHOOD = np.array(
    [[1.0 if abs(i - j) <= NEIGHBOURS else 0.0 for j in range(BANDS)] for i in range(BANDS)]
)
_NEIGHBOURHOOD /= _NEIGHBOURHOOD.sum(axis=0)


def spectra(samples):
    """samples [utterance, sample] on the scale of 16-bit integers -> complex [utterance, frame, bin]."""
    flat = np.concatenate([samples[:, :1], samples[:, 1:] - PRE_EMPHASIS * samples[:, :-1]], axis=1)
    count = (samples.shape[1] - WINDOW) // SHIFT + 1
    frames = flat[:, np.arange(count)[:, None] * SHIFT + np.arange(WINDOW)]
    return np.fft.rfft(frames * _HAMMING, TRANSFORM).astype(np.complex64)


def band_powers(spectrum):
    return np.abs(spectrum) ** 2 @ MEL_BANK


def without_noise(powers):
    """powers [utterance, frame, band] -> the same with the noise taken off, and the level of the noise."""
    powers = powers.astype(np.float64)
    cleaned, noises = np.empty_like(powers), np.empty_like(powers)
    power = powers[:, 0].copy()
    noise, floor, peak = powers[:, 0] / GAIN_RANGE, powers[:, 0] / GAIN_RANGE, np.zeros_like(power)
    for t in range(powers.shape[1]):
        power = POWER_SMOOTHING * power + (1 - POWER_SMOOTHING) * powers[:, t]
        noise = _follow(noise, power)
        signal = np.maximum(power - noise, 1)
        floor = _follow(floor, signal)
        fallen = peak * MASK_DECAY
        peak = np.maximum(fallen, signal)
        masked = np.where(signal < MASK_DECAY * fallen, fallen * MASK_LEVEL, signal)
        gain = np.clip(np.maximum(masked, floor) / np.maximum(power, 1e-20), 1 / GAIN_RANGE, GAIN_RANGE)
        cleaned[:, t], noises[:, t] = powers[:, t] * (gain @ _NEIGHBOURHOOD), noise
    return cleaned, noises


def _follow(level, value):
    keep = np.where(value >= level, RISE, FALL)
    return keep * level + (1 - keep) * value


def log_bands(powers):
    return np.log(powers + LOG_FLOOR)


def shown(powers, cleaned, noise):
    """What the denoiser is shown of each frame, [.., 75]: bands over noise, the noise's colour, what was taken off. No level."""
    raw, noise, cleaned = log_bands(powers), log_bands(noise), log_bands(cleaned)
    return np.concatenate([raw - noise, noise - noise.mean(axis=-1, keepdims=True), cleaned - raw], axis=-1)
