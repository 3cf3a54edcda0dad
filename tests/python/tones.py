"""Finds the tone of audio files in what a caller heard."""

import math
import struct
import wave

#: The clips' tone; nothing else in a scripted call has it.
PITCH = 1300.0


def heard(path):
    """Seconds of a WAV file in which the clips' tone is most of what is heard, in stretches of 20 ms; and where each is."""
    with wave.open(str(path)) as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(data) // 2}h", data)
    size, places = rate // 50, []
    for start in range(0, len(samples) - size, size):
        part = samples[start:start + size]
        energy = sum(s * s for s in part) / size
        sine = sum(s * math.sin(2 * math.pi * PITCH * n / rate) for n, s in enumerate(part))
        cosine = sum(s * math.cos(2 * math.pi * PITCH * n / rate) for n, s in enumerate(part))
        if energy > 1e5 and 2 * (sine**2 + cosine**2) / size**2 > 0.7 * energy:
            places.append(start / rate)
    return len(places) / 50, places
