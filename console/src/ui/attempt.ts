// Something that is tried because the user asked for it: whether it is under way, and what went wrong the last time.

import { useState } from "react";

export interface Attempt {
  busy: boolean;
  /** Null: nothing went wrong. */
  error: unknown;
  /** Tries it; false if it failed. */
  attempt: (act: () => Promise<void>) => Promise<boolean>;
}

export function useAttempt(): Attempt {
  const [{ busy, error }, setState] = useState<{ busy: boolean; error: unknown }>({ busy: false, error: null });
  const attempt = async (act: () => Promise<void>) => {
    setState({ busy: true, error: null });
    try {
      await act();
      setState({ busy: false, error: null });
      return true;
    } catch (failure) {
      setState({ busy: false, error: failure });
      return false;
    }
  };
  return { busy, error, attempt };
}
