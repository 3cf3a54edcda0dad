// The operator's sign-in: the admin token, kept in this tab alone (sessionStorage).

import { useSyncExternalStore } from "react";
import { recall, remember } from "../ui/storage";

export interface Session {
  token: string | null;
  /** The server refused a token that it had taken before. */
  expired: boolean;
}

const KEY = "ringline.admin-token";
const tab = () => sessionStorage;
const wanting = new Set<() => void>();
let session: Session = { token: recall(KEY, tab), expired: false };

export function currentToken(): string | null {
  return session.token;
}

export function signIn(token: string): void {
  change({ token, expired: false });
}

export function signOut(expired = false): void {
  change({ token: null, expired });
}

export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

function subscribe(want: () => void): () => void {
  wanting.add(want);
  return () => void wanting.delete(want);
}

function change(next: Session): void {
  session = next;
  remember(KEY, next.token, tab);
  for (const want of wanting) want();
}
