// Which language the console speaks: what was chosen here before, else what the browser prefers. English is in the first
// load, another language is fetched when it is wanted.

import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { recall, remember } from "../ui/storage";
import { en, type Words } from "./en";

export type { Words } from "./en";
export type Language = "en" | "zh-CN";

/** Each language by its own name. */
export const LANGUAGES: Record<Language, string> = { en: "English", "zh-CN": "简体中文" };

const KEY = "ringline.language";

export function preferredLanguage(chosen: string | null, wanted: readonly string[]): Language {
  if (chosen !== null && chosen in LANGUAGES) return chosen as Language;
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return "zh-CN";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

async function load(language: Language): Promise<Words> {
  return language === "zh-CN" ? (await import("./zh")).zh : en;
}

interface Spoken {
  language: Language;
  words: Words;
  speak: (language: Language) => void;
}

const Context = createContext<Spoken | null>(null);

export function WordsProvider({ children }: { children: ReactNode }) {
  const [wanted] = useState(() => preferredLanguage(recall(KEY), navigator.languages));
  const [spoken, setSpoken] = useState<{ language: Language; words: Words } | null>(() => (wanted === "en" ? { language: wanted, words: en } : null));
  const turnTo = useCallback(async (language: Language) => {
    const words = await load(language);
    document.documentElement.lang = language;
    setSpoken({ language, words });
  }, []);
  useEffect(() => {
    if (wanted !== "en") void turnTo(wanted);
  }, [wanted, turnTo]);
  const value = useMemo(() => {
    const speak = (language: Language) => {
      remember(KEY, language);
      void turnTo(language);
    };
    return spoken && { ...spoken, speak };
  }, [spoken, turnTo]);
  return value && <Context value={value}>{children}</Context>;
}

export function useLanguage(): Spoken {
  const spoken = useContext(Context);
  if (!spoken) throw new Error("outside of WordsProvider");
  return spoken;
}

export function useWords(): Words {
  return useLanguage().words;
}
