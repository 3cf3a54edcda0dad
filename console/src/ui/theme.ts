// Light, dark, or like the system. The stylesheet's light-dark() follows the root's color-scheme.

import { useSyncExternalStore } from "react";
import { recall, remember } from "./storage";

export type Theme = "auto" | "light" | "dark";

const KEY = "ringline.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const wanting = new Set<() => void>();
let theme: Theme = read();
apply();
system.addEventListener("change", () => tell());

function read(): Theme {
  const stored = recall(KEY);
  return stored === "light" || stored === "dark" ? stored : "auto";
}

function apply(): void {
  document.documentElement.style.colorScheme = theme === "auto" ? "light dark" : theme;
}

function tell(): void {
  for (const want of wanting) want();
}

export function setTheme(wanted: Theme): void {
  theme = wanted;
  remember(KEY, wanted === "auto" ? null : wanted);
  apply();
  tell();
}

export function isDark(): boolean {
  return theme === "auto" ? system.matches : theme === "dark";
}

/** Calls back after every change of what is shown; returns how to stop that. */
export function onTheme(want: () => void): () => void {
  wanting.add(want);
  return () => void wanting.delete(want);
}

export function useTheme(): Theme {
  return useSyncExternalStore(onTheme, () => theme);
}

/** True while the page is dark; charts are drawn anew with it. */
export function useDark(): boolean {
  return useSyncExternalStore(onTheme, isDark);
}

/** What a colour of the stylesheet is now, for canvases. */
export function colour(name: `--${string}`): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
