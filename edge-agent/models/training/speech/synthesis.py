"""Speech of every free synthesiser at hand (espeak-ng with its variants, flite), as 16 kHz float32, resumable and seeded."""

import io
import subprocess
import wave

import numpy as np

RATE = 16_000
ESPEAK_VOICES = [f"{accent}+{variant}" for accent in ("en-us", "en-gb", "en-gb-scotland") for variant in
                 ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5", "croak")]
FLITE_VOICES = ["kal16", "awb", "rms", "slt"]
# Half of the speech is human-like concatenation (flite), half has free pitch and formants (espeak-ng).
FLITE_SHARE = 0.5


def resampled(samples, rate):
    """Band-limited to the new rate, by transform: whole utterances are short."""
    if rate == RATE:
        return samples
    count = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples)
    wanted = count // 2 + 1
    spectrum = np.pad(spectrum, (0, max(0, wanted - len(spectrum))))[:wanted]
    return np.fft.irfft(spectrum, count) * (count / len(samples))


def spoken(text, rng):
    """One utterance in a voice, pitch, speed and vocal-tract length drawn from `rng`; full scale 1."""
    if rng.random() < FLITE_SHARE:
        voice = FLITE_VOICES[rng.integers(len(FLITE_VOICES))]
        stretch = f"duration_stretch={rng.uniform(0.8, 1.25):.2f}"
        command = ["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", "/dev/stdout"]
    else:
        voice = ESPEAK_VOICES[rng.integers(len(ESPEAK_VOICES))]
        command = ["espeak-ng", "-v", voice, "-s", str(rng.integers(120, 210)), "-p", str(rng.integers(20, 80)),
                   "--stdout", text]
    data = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with wave.open(io.BytesIO(data)) as sound:
        rate = sound.getframerate()
        # A stream's header does not know its length: whatever follows it is sound.
        raw = data[44 : 44 + (len(data) - 44) // 2 * 2]
    samples = np.frombuffer(raw, "<i2").astype(np.float64) / 32_768
    # Playing a voice slower or faster moves formants and pitch as another vocal tract would.
    return resampled(samples, rate * rng.uniform(0.87, 1.15)).astype(np.float32)
