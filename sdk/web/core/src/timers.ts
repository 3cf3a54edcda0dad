// The timers of one stay: behind its end none of them goes off.

export class Timers {
  private readonly running = new Set<ReturnType<typeof setTimeout>>();
  private over = false;

  later(ms: number, action: () => void): void {
    if (this.over) return;
    const timer = setTimeout(() => {
      this.running.delete(timer);
      action();
    }, ms);
    this.running.add(timer);
  }

  close(): void {
    this.over = true;
    for (const timer of this.running) clearTimeout(timer);
    this.running.clear();
  }
}
