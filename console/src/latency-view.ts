// The panel of response times: the last turn's parts with their numbers, and the latest turns as columns on one scale.

import { byId, create } from "./dom";
import { duration, latencyBar, median, partsOf } from "./latency";
import type { TurnLatency } from "./messages";

/** Turns compared; older ones are forgotten. */
const MAX_TURNS = 20;

export class LatencyView {
  private readonly panel = byId("latency", HTMLElement);
  private readonly total = byId("latency-total", HTMLElement);
  private readonly middle = byId("latency-median", HTMLElement);
  private readonly last = byId("latency-last", HTMLElement);
  private readonly parts = byId("latency-parts", HTMLUListElement);
  private readonly earlier = byId("latency-earlier", HTMLElement);
  private turns: TurnLatency[] = [];

  clear(): void {
    this.turns = [];
    this.panel.hidden = true;
  }

  add(turn: TurnLatency): void {
    this.turns.push(turn);
    if (this.turns.length > MAX_TURNS) this.turns.shift();
    const scale = Math.max(...this.turns.map(({ total }) => total));
    const middle = median(this.turns.map(({ total }) => total));
    this.panel.hidden = false;
    this.total.textContent = duration(turn.total);
    this.middle.textContent = this.turns.length > 1 && middle !== null ? `median of ${this.turns.length}: ${duration(middle)}` : "";
    this.last.replaceChildren(latencyBar(turn, turn.total));
    this.parts.replaceChildren(
      ...partsOf(turn).map((part) => {
        const item = create("li", "");
        item.dataset["part"] = part.name;
        item.title = part.hint;
        item.append(create("i", `swatch ${part.name}`), create("span", "", part.label), create("b", "", duration(part.ms)));
        return item;
      }),
    );
    this.earlier.hidden = this.turns.length < 2;
    this.earlier.replaceChildren(...this.turns.map((other) => latencyBar(other, scale)));
  }
}
