// Shows the subtitles as a conversation. Changed entries are updated in place; a hidden live region is told only
// whole sentences, so that a screen reader isn't interrupted by every piece.

import { byId, create } from "./dom";
import { duration } from "./latency";
import type { InterruptReason } from "./messages";
import type { Entry, Subtitles } from "./subtitles";

const INTERRUPTED: Record<InterruptReason, string> = {
  unknown: "interrupted",
  words: "interrupted by a word",
  voice: "interrupted by your voice",
  command: "interrupted by the button",
  speech: "interrupted by an announcement",
  text: "interrupted by your text",
};

/** Sentences kept in the live region. */
const MAX_SPOKEN = 20;

interface Shown {
  item: HTMLLIElement;
  text: HTMLElement;
  meta: HTMLElement;
  announced: boolean;
}

export class ConversationView {
  private readonly log = byId("log", HTMLElement);
  private readonly list = byId("entries", HTMLOListElement);
  private readonly empty = byId("empty", HTMLElement);
  private readonly spoken = byId("spoken", HTMLElement);
  private shown = new Map<Entry, Shown>();

  render(subtitles: Subtitles): void {
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
    const entries = new Set(subtitles.entries);
    for (const [entry, { item }] of this.shown) {
      if (entries.has(entry)) continue;
      item.remove();
      this.shown.delete(entry);
    }
    for (const entry of subtitles.entries) this.renderEntry(entry);
    this.empty.hidden = entries.size > 0;
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  private renderEntry(entry: Entry): void {
    const shown = this.shown.get(entry) ?? this.add(entry);
    shown.item.classList.toggle("interim", !entry.final);
    shown.item.classList.toggle("interrupted", entry.interrupted !== null);
    shown.item.dataset["sentence"] = entry.key;
    shown.item.dataset["final"] = String(entry.final);
    if (shown.text.textContent !== entry.text) shown.text.textContent = entry.text;
    const remarks = [
      entry.interrupted ? INTERRUPTED[entry.interrupted] : "",
      entry.typed ? "typed" : "",
      entry.latency ? duration(entry.latency.total) : "",
    ].filter(Boolean);
    const meta = remarks.join(" · ");
    if (shown.meta.textContent !== meta) shown.meta.textContent = meta;
    // A question that the user takes up again is announced once more when it is whole.
    if (!entry.final) shown.announced = false;
    else if (!shown.announced) {
      shown.announced = true;
      this.announce(`${entry.side === "user" ? "You" : "Agent"}: ${entry.text}${entry.interrupted ? " (interrupted)" : ""}`);
    }
  }

  private add(entry: Entry): Shown {
    const item = create("li", `entry ${entry.side}`);
    item.dataset["testid"] = `${entry.side}-subtitle`;
    const text = create("p", "words");
    const meta = create("p", "meta");
    item.append(create("span", "unseen", entry.side === "user" ? "You:" : "Agent:"), text, meta);
    this.list.append(item);
    const shown = { item, text, meta, announced: false };
    this.shown.set(entry, shown);
    return shown;
  }

  private announce(sentence: string): void {
    this.spoken.append(create("p", "", sentence));
    while (this.spoken.childElementCount > MAX_SPOKEN) this.spoken.firstElementChild?.remove();
  }
}
