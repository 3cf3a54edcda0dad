// Loudness on the scale that applications show.

/** The ends of the scale in dB of full scale: a quiet room, and loud speech. */
const FLOOR_DB = -50;
const CEILING_DB = -8;

/** Who is how loud: 0 (a quiet room) to 100 (loud speech). `userId` is "" for the local user. */
export interface Volume {
  userId: string;
  volume: number;
}

/** Maps a linear level (1 is full scale) onto 0 to 100, linear in decibels as ears are. */
export function volumeOf(level: number): number {
  const db = 20 * Math.log10(Math.max(level, 1e-7));
  return Math.round(100 * Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB))));
}
