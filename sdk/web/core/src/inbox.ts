// Messages that wait for readiness to be told: an app that hears of the agent before it can answer would answer in vain.

/** Messages that wait; of more, the oldest are dropped. */
const MAX_WAITING = 256;

export class Inbox {
  private waiting: string[] = [];
  private opened = false;

  constructor(private readonly deliver: (text: string) => void) {}

  get isOpen(): boolean {
    return this.opened;
  }

  get empty(): boolean {
    return this.waiting.length === 0;
  }

  push(text: string): void {
    if (this.opened) return this.deliver(text);
    this.waiting.push(text);
    if (this.waiting.length > MAX_WAITING) this.waiting.shift();
  }

  /** Delivers what waits, and from now on at once. */
  open(): void {
    this.opened = true;
    const { waiting } = this;
    this.waiting = [];
    for (const text of waiting) this.deliver(text);
  }
}
