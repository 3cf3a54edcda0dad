// When the device may have changed networks.

/** Calls `changed` each time; what it gives ends that. */
export function watchNetwork(changed: () => void): () => void {
  // Chromium tells here.
  const connection = (globalThis.navigator as { connection?: EventTarget } | undefined)?.connection;
  globalThis.addEventListener?.("online", changed);
  connection?.addEventListener("change", changed);
  return () => {
    globalThis.removeEventListener?.("online", changed);
    connection?.removeEventListener("change", changed);
  };
}
