// A microphone file of real human speech for Chromium: stretches of silence and recorded sentences.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** LibriVox sentences from the Debian package pocketsphinx-testdata (16 kHz, mono, no pauses inside). */
const DIRECTORY = process.env.RINGLINE_SPEECH_DIR ?? "/usr/share/pocketsphinx/test/data/librivox";

export const SENTENCES = {
  young: { file: "0880", words: "he was not an ill disposed young man" },
  selfish: { file: "0890", words: "unless to be rather cold hearted and rather selfish is to be ill disposed" },
  amiable: { file: "0930", words: "he might even have been made amiable himself" },
};

/** `timeline` holds seconds of silence and names of sentences, in order. */
export function writeSpeech(path, timeline) {
  const parts = timeline.map((part) =>
    typeof part === "number" ? `|sox -n -r 16000 -c 1 -p trim 0 ${part}` : sentencePath(SENTENCES[part].file),
  );
  execFileSync("sox", [...parts, "-r", "48000", "-b", "16", path]);
  return path;
}

function sentencePath(number) {
  const path = join(DIRECTORY, `sense_and_sensibility_01_austen_64kb-${number}.wav`);
  if (!existsSync(path)) throw new Error(`${path} is absent: install pocketsphinx-testdata or set RINGLINE_SPEECH_DIR`);
  return path;
}

/** How many of the expected words a transcript has, 0 to 1; spelling and punctuation aside. */
export function wordShare(transcript, expected) {
  const heard = new Set(transcript.toLowerCase().split(/[^a-z]+/));
  const words = [...new Set(expected.split(" "))];
  return words.filter((word) => heard.has(word)).length / words.length;
}
