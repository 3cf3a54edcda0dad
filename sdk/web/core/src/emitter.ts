// Typed events. A listener that throws is reported and stops neither the others nor the one who emits.

type Listener<A extends unknown[]> = (...args: A) => void;

export class Emitter<Events extends Record<keyof Events, unknown[]>> {
  private readonly listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Listens until the function that it returns is called. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    let listeners = this.listeners.get(name);
    if (!listeners) this.listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  protected emit<K extends keyof Events>(name: K, ...args: Events[K]): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<Events[K]>)(...args);
      } catch (error) {
        // Uncaught, as if the browser had called the listener.
        setTimeout(() => {
          throw error;
        }, 0);
      }
    }
  }

  protected removeListeners(): void {
    this.listeners.clear();
  }
}
