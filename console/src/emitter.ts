// Typed events: a name, its value, and who wants to know.

export class Emitter<Events> {
  private handlers: { [K in keyof Events]?: ((value: Events[K]) => void)[] } = {};

  on<K extends keyof Events>(event: K, handler: (value: Events[K]) => void): void {
    const handlers: ((value: Events[K]) => void)[] = (this.handlers[event] ??= []);
    handlers.push(handler);
  }

  protected emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const handler of this.handlers[event] ?? []) handler(value);
  }
}
